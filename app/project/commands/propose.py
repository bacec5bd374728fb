"""What the model found in an image, in the place of what it found there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.project.commands.base import Command
from app.project.commands.classes import AddClass
from app.project.commands.objects import AddObjects, DeleteObjects
from app.project.records import ObjectRecord
from app.project.rows import Rows
from zsi_core.semantics.names import class_key

_NAMED = 3


@dataclass(frozen=True)
class Propose(Command):
    """One step of undo, "Propose cat, fork".

    Attributes:
        names: of the classes that were asked for.
        found: new proposals.
        replaced: uuids of the proposals that they take the place of; no person has touched these.
        of_new_classes: name -> proposals of a class that the project may not have yet; it is added, and
            their `class_id` is ignored.
    """

    names: Sequence[str]
    found: Sequence[ObjectRecord]
    replaced: Sequence[str] = ()
    of_new_classes: Mapping[str, Sequence[ObjectRecord]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        more = f" and {len(self.names) - _NAMED} more" if len(self.names) > _NAMED else ""
        return f"Propose {', '.join(self.names[:_NAMED])}{more}"

    def apply(self, rows: Rows) -> None:
        DeleteObjects(self.replaced).apply(rows)
        found = list(self.found)
        for name, records in self.of_new_classes.items():
            if _class_id(rows, name) is None:
                AddClass(name).apply(rows)
            class_id = _class_id(rows, name)
            assert class_id is not None
            found += [replace(record, class_id=class_id) for record in records]
        AddObjects(found).apply(rows)


def _class_id(rows: Rows, name: str) -> int | None:
    row = rows.one("SELECT id FROM classes WHERE key = ?", class_key(name))
    return None if row is None else int(row["id"])
