"""Commands on classes; their identity is `class_key` of the name, their COCO id is never given again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.project.commands.base import Command
from app.project.rows import Rows


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


@dataclass(frozen=True)
class EditClass(Command):
    """Change a class; None leaves a value as it is. `position` is its new place in lists, from 0."""

    class_id: int
    name: str | None = None
    color: str | None = None
    hotkey: str | None = None
    supercategory: str | None = None
    position: int | None = None


@dataclass(frozen=True)
class DeleteClass(Command):
    """Delete a class together with all of its objects (ask the person first: `Project.class_counts`)."""

    class_id: int


@dataclass(frozen=True)
class MergeClasses(Command):
    """Give all objects of some classes to another class and delete those classes."""

    class_ids: Sequence[int]
    into: int
