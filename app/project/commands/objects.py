"""Commands on objects. A locked object refuses all of them but `SetFlags` and `Reorder`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from app.project import geometry as geometries
from app.project.commands.base import Command, counted
from app.project.errors import CommandError
from app.project.geometry import Geometry
from app.project.records import ObjectRecord
from app.project.rows import Rows
from app.project.stored import dumped, object_values

RELABEL = "relabel"
"""The "tool" of an edit that changed the class alone."""


@dataclass(frozen=True)
class AddObjects(Command):
    """Add new objects, drawn or proposed; those without `z` come on top, in order."""

    objects: Sequence[ObjectRecord]

    @property
    def label(self) -> str:
        proposed = all(record.state == "proposed" for record in self.objects)
        return counted("Propose" if proposed else "Add", len(self.objects), "object")

    def apply(self, rows: Rows) -> None:
        ids = _ids(rows, [record.coco_id for record in self.objects])
        added: list[dict[str, Any]] = []
        tops: dict[int, int] = {}
        sizes: dict[int, list[int | None]] = {}
        for object_id, record in zip(ids, self.objects, strict=True):
            image_id = record.image_id
            if image_id not in tops:
                image = rows.one("SELECT width, height FROM images WHERE id = ?", image_id)
                if image is None:
                    raise CommandError(f"image {image_id} is not in the project any more")
                sizes[image_id] = [image["height"], image["width"]]
                tops[image_id] = _top(rows, image_id)
            _check_mask(record.geometry, sizes[image_id])
            z = tops[image_id] + 1 if record.z is None else record.z
            tops[image_id] = max(tops[image_id], z)
            added.append({"id": object_id, **object_values(rows, record, z)})
        rows.insert_all("objects", added)


@dataclass(frozen=True)
class DeleteObjects(Command):
    """Delete objects. (A rejected proposal is not deleted but `SetState(..., "rejected")`.)"""

    uuids: Sequence[str]

    @property
    def label(self) -> str:
        return counted("Delete", len(self.uuids), "object")

    def apply(self, rows: Rows) -> None:
        for row in _unlocked(rows, self.uuids, "id"):
            rows.delete("objects", row["id"])


@dataclass(frozen=True)
class SetGeometry(Command):
    """Give objects another geometry.

    A proposed, accepted or rejected object becomes corrected, a drawn one stays drawn. The edit is recorded
    with its tool, and for a model's proposal with the IoU to what was proposed; COCO values of an imported
    file are dropped.

    Attributes:
        geometries: by uuid.
        tool: "vertex", "move", "brush", "eraser", "box_to_mask" ...; several edits in a row with one tool are
            recorded as one.
    """

    geometries: Mapping[str, Geometry]
    tool: str

    @property
    def label(self) -> str:
        return f"{counted('Edit', len(self.geometries), 'object')} ({self.tool.replace('_', ' ')})"

    def apply(self, rows: Rows) -> None:
        columns = "id, image_id, state, geometry, proposal, edits, maker_id"
        for row in _unlocked(rows, tuple(self.geometries), columns):
            geometry = self.geometries[row["uuid"]]
            image = rows.one("SELECT width, height FROM images WHERE id = ?", row["image_id"])
            assert image is not None  # a foreign key of the object
            _check_mask(geometry, [image["height"], image["width"]])
            encoded = geometries.encode(geometry)
            if encoded == row["geometry"]:
                continue
            proposal = _proposal(rows, row)
            iou = (
                None if proposal is None else round(geometries.iou(geometry, geometries.decode(proposal)), 4)
            )
            rows.update(
                "objects",
                row["id"],
                {
                    "geometry": encoded,
                    "proposal": proposal,
                    "state": _edited_state(row["state"]),
                    "edits": _with_edit(row["edits"], self.tool, iou),
                    "coco": None,
                },
            )


@dataclass(frozen=True)
class SetClass(Command):
    """Give objects another class; one that is not drawn becomes corrected."""

    uuids: Sequence[str]
    class_id: int

    @property
    def label(self) -> str:
        return counted("Relabel", len(self.uuids), "object")

    def apply(self, rows: Rows) -> None:
        columns = "id, class_id, state, geometry, proposal, edits, maker_id"
        for row in _unlocked(rows, self.uuids, columns):
            if row["class_id"] == self.class_id:
                continue
            edits = json.loads(row["edits"])
            unedited = 1.0 if _proposal(rows, row) is not None else None
            iou = edits[-1].get("iou_to_proposal") if edits else unedited
            values = {
                "class_id": self.class_id,
                "state": _edited_state(row["state"]),
                "edits": _with_edit(row["edits"], RELABEL, iou),
            }
            rows.update("objects", row["id"], values)


@dataclass(frozen=True)
class SetState(Command):
    """Decide about proposals: "accepted", "rejected", or back to "proposed".

    Accepting an object that has edits makes it corrected. The time of the decision is kept. Objects drawn by
    hand are never proposals: refused.
    """

    uuids: Sequence[str]
    state: str

    @property
    def label(self) -> str:
        verb = {"accepted": "Accept", "rejected": "Reject"}.get(self.state, "Take back the decision on")
        return counted(verb, len(self.uuids), "proposal")

    def apply(self, rows: Rows) -> None:
        if self.state not in ("proposed", "accepted", "rejected"):
            raise CommandError(f"an object cannot be set to {self.state!r}: that follows from its edits")
        for row in _unlocked(rows, self.uuids, "id, state, edits"):
            if row["state"] == "drawn":
                raise CommandError("an object drawn by hand is no proposal: delete it, or leave it as it is")
            decided = None if self.state == "proposed" else _now()
            values: dict[str, Any] = {"state": self.state, "decided": decided}
            if self.state == "accepted":
                values["state"] = "accepted" if row["edits"] == "[]" else "corrected"
                values["coco"] = None
            rows.update("objects", row["id"], values)


@dataclass(frozen=True)
class SetFlags(Command):
    """Lock, hide or mark objects as crowds; None leaves a flag as it is."""

    uuids: Sequence[str]
    locked: bool | None = None
    hidden: bool | None = None
    iscrowd: bool | None = None

    @property
    def label(self) -> str:
        verbs = {
            ("Unlock", "Lock"): self.locked,
            ("Show", "Hide"): self.hidden,
            ("Unmark as crowd", "Mark as crowd"): self.iscrowd,
        }
        chosen = [verb[value] for verb, value in verbs.items() if value is not None]
        return counted(" and ".join(chosen) or "Change", len(self.uuids), "object")

    def apply(self, rows: Rows) -> None:
        flags = {"locked": self.locked, "hidden": self.hidden, "iscrowd": self.iscrowd}
        values = {flag: int(value) for flag, value in flags.items() if value is not None}
        for row in _found(rows, self.uuids, "id") if values else ():
            rows.update("objects", row["id"], values)


@dataclass(frozen=True)
class Reorder(Command):
    """Drawing order of all objects of one image, lowest first."""

    image_id: int
    uuids: Sequence[str]

    @property
    def label(self) -> str:
        return "Change the order of objects"

    def apply(self, rows: Rows) -> None:
        found = rows.all("SELECT id, uuid FROM objects WHERE image_id = ?", self.image_id)
        ids = {row["uuid"]: row["id"] for row in found}
        if len(self.uuids) != len(ids) or set(self.uuids) != set(ids):
            raise CommandError("the order must name every object of the image once: ask for the list again")
        for z, uuid in enumerate(self.uuids, 1):
            rows.update("objects", ids[uuid], {"z": z})


def _found(rows: Rows, uuids: Sequence[str], columns: str) -> list[sqlite3.Row]:
    found = [rows.one(f"SELECT uuid, locked, {columns} FROM objects WHERE uuid = ?", uuid) for uuid in uuids]
    existing = [row for row in found if row is not None]
    if len(existing) != len(uuids):
        missing = len(uuids) - len(existing)
        raise CommandError(f"{missing} of {len(uuids)} objects do not exist any more: select again")
    return existing


def _unlocked(rows: Rows, uuids: Sequence[str], columns: str) -> list[sqlite3.Row]:
    found = _found(rows, uuids, columns)
    if locked := sum(row["locked"] for row in found):
        raise CommandError(f"{locked} of {len(found)} objects are locked: unlock them first")
    return found


def _ids(rows: Rows, wanted: Sequence[int | None]) -> list[int]:
    """Ids for new objects: the wanted ones where they are free, and new ones."""
    taken = _taken(rows, [object_id for object_id in wanted if object_id is not None])
    ids: list[int | None] = []
    for object_id in wanted:
        ids.append(None if object_id in taken else object_id)
        if object_id is not None:
            taken.add(object_id)
    new = count(max(rows.next_id("objects"), max(taken, default=0) + 1))
    return [next(new) if object_id is None else object_id for object_id in ids]


def _taken(rows: Rows, ids: Sequence[int]) -> set[int]:
    """Those of some ids that objects of the project have; asked for together, because it may be thousands."""
    found: set[int] = set()
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        marks = ", ".join("?" * len(chunk))
        found.update(row["id"] for row in rows.all(f"SELECT id FROM objects WHERE id IN ({marks})", *chunk))
    return found


def _top(rows: Rows, image_id: int) -> int:
    row = rows.one("SELECT max(z) AS z FROM objects WHERE image_id = ?", image_id)
    return 0 if row is None or row["z"] is None else int(row["z"])


def _check_mask(geometry: Geometry, size: Sequence[int | None]) -> None:
    if geometry.mask is not None and None not in size and list(geometry.mask["size"]) != list(size):
        raise CommandError(
            f"the mask is of an image of {geometry.mask['size'][1]} x {geometry.mask['size'][0]} pixels, but "
            f"this one has {size[1]} x {size[0]}: make it again on this image"
        )


def _proposal(rows: Rows, row: sqlite3.Row) -> bytes | None:
    """What a model proposed for an object; None if it was made by hand."""
    if row["proposal"] is not None:
        return bytes(row["proposal"])
    maker = rows.one("SELECT value FROM makers WHERE id = ?", row["maker_id"])
    assert maker is not None
    return bytes(row["geometry"]) if "model" in json.loads(maker["value"]) else None


def _edited_state(state: str) -> str:
    return state if state == "drawn" else "corrected"


def _with_edit(edits: str, tool: str, iou: float | None) -> str:
    former = json.loads(edits)
    if former and former[-1].get("tool") == tool:
        former.pop()
    return dumped([*former, {"tool": tool, "time": _now(), "iou_to_proposal": iou}])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
