"""Commands on classes; their identity is `class_key` of the name, their COCO id is never given again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.project.commands.base import Command, counted
from app.project.errors import CommandError
from app.project.palette import next_color
from app.project.rows import Rows
from app.project.stored import dumped
from zsi_core.semantics.names import class_key, name_problem, tidy

HOTKEYS = "1234567890"


@dataclass(frozen=True)
class AddClass(Command):
    """Add a class; ask `Project.class_id(name)` for its id afterwards.

    Attributes:
        color: "#rrggbb"; None takes the next free one of the palette.
        hotkey: a single key, "" for none; None takes the next free digit.
        class_id: id of an imported file, kept if it was never used here; None gives a new one.
    """

    name: str
    color: str | None = None
    hotkey: str | None = None
    supercategory: str = ""
    class_id: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"Add class {tidy(self.name)}"

    def apply(self, rows: Rows) -> None:
        classes = rows.all("SELECT id, color, hotkey, position FROM classes")
        hotkey = self.hotkey
        if hotkey is None:
            taken = {row["hotkey"] for row in classes}
            hotkey = next((key for key in HOTKEYS if key not in taken), "")
        values = {
            **_name_values(rows, self.name, None),
            "supercategory": self.supercategory,
            "color": self.color or next_color(row["color"] for row in classes),
            "hotkey": _free_hotkey(rows, hotkey, None),
            "position": 1 + max((row["position"] for row in classes), default=-1),
            "extra": dumped(self.extra),
        }
        if self.class_id is not None and _never_used(rows, self.class_id):
            values["id"] = self.class_id
        rows.insert("classes", values)


@dataclass(frozen=True)
class EditClass(Command):
    """Change a class; None leaves a value as it is. `position` is its new place in lists, from 0.

    A hotkey that another class has is taken away from that one.
    """

    class_id: int
    name: str | None = None
    color: str | None = None
    hotkey: str | None = None
    supercategory: str | None = None
    position: int | None = None

    @property
    def label(self) -> str:
        return "Edit class" if self.name is None else f"Rename class to {tidy(self.name)}"

    def apply(self, rows: Rows) -> None:
        _class(rows, self.class_id)
        values: dict[str, Any] = {} if self.name is None else _name_values(rows, self.name, self.class_id)
        if self.color is not None:
            values["color"] = self.color
        if self.supercategory is not None:
            values["supercategory"] = self.supercategory
        if self.hotkey is not None:
            values["hotkey"] = _free_hotkey(rows, self.hotkey, self.class_id)
        if values:
            rows.update("classes", self.class_id, values)
        if self.position is not None:
            others = rows.all("SELECT id FROM classes WHERE id != ? ORDER BY position, id", self.class_id)
            order = [row["id"] for row in others]
            order.insert(self.position, self.class_id)
            for position, class_id in enumerate(order):
                rows.update("classes", class_id, {"position": position})


@dataclass(frozen=True)
class DeleteClass(Command):
    """Delete a class together with all of its objects (ask the person first: `Project.class_counts`)."""

    class_id: int

    @property
    def label(self) -> str:
        return "Delete class"

    def apply(self, rows: Rows) -> None:
        _class(rows, self.class_id)
        for row in rows.all("SELECT id FROM objects WHERE class_id = ?", self.class_id):
            rows.delete("objects", row["id"])
        rows.delete("classes", self.class_id)


@dataclass(frozen=True)
class MergeClasses(Command):
    """Give all objects of some classes to another class and delete those classes."""

    class_ids: Sequence[int]
    into: int

    @property
    def label(self) -> str:
        return counted("Merge", len(self.class_ids), "class") + " into another"

    def apply(self, rows: Rows) -> None:
        _class(rows, self.into)
        for class_id in self.class_ids:
            _class(rows, class_id)
            if class_id == self.into:
                raise CommandError("a class cannot be merged into itself: choose another one")
            for row in rows.all("SELECT id FROM objects WHERE class_id = ?", class_id):
                rows.update("objects", row["id"], {"class_id": self.into})
            rows.delete("classes", class_id)


def _class(rows: Rows, class_id: int) -> sqlite3.Row:
    row = rows.one("SELECT * FROM classes WHERE id = ?", class_id)
    if row is None:
        raise CommandError(f"class {class_id} does not exist any more")
    return row


def _name_values(rows: Rows, name: str, class_id: int | None) -> dict[str, str]:
    if problem := name_problem(name):
        raise CommandError(problem)
    key = class_key(name)
    other = rows.one("SELECT id, name FROM classes WHERE key = ?", key)
    if other is not None and other["id"] != class_id:
        raise CommandError(
            f"there is a class {other['name']!r} already: choose another name, or merge the two"
        )
    return {"name": tidy(name), "key": key}


def _free_hotkey(rows: Rows, hotkey: str, class_id: int | None) -> str:
    if len(hotkey) > 1:
        raise CommandError(f"a hotkey of a class must be a single key, but is {hotkey!r}")
    for row in rows.all("SELECT id FROM classes WHERE hotkey = ?", hotkey) if hotkey else ():
        if row["id"] != class_id:
            rows.update("classes", row["id"], {"hotkey": ""})
    return hotkey


def _never_used(rows: Rows, class_id: int) -> bool:
    used = "SELECT 1 FROM classes WHERE id = ?1 UNION ALL SELECT 1 FROM retired_classes WHERE id = ?1"
    return rows.one(used, class_id) is None
