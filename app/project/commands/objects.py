"""Commands on objects. A locked object refuses all of them but `SetFlags` and `Reorder`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.project.commands.base import Command
from app.project.geometry import Geometry
from app.project.records import ObjectRecord
from app.project.rows import Rows


@dataclass(frozen=True)
class AddObjects(Command):
    """Add new objects, drawn or proposed; those without `z` come on top, in order."""

    objects: Sequence[ObjectRecord]


@dataclass(frozen=True)
class DeleteObjects(Command):
    """Delete objects. (A rejected proposal is not deleted but `SetState(..., "rejected")`.)"""

    uuids: Sequence[str]


@dataclass(frozen=True)
class SetGeometry(Command):
    """Give one object another geometry.

    A proposed, accepted or rejected object becomes corrected, a drawn one stays drawn. The edit is recorded
    with its tool, and for a model's proposal with the IoU to what was proposed; COCO values of an imported
    file are dropped.

    Attributes:
        tool: "vertex", "move", "brush", "eraser", "box_to_mask" ...; successive edits with one tool are one.
    """

    uuid: str
    geometry: Geometry
    tool: str


@dataclass(frozen=True)
class SetClass(Command):
    """Give objects another class; one that a model made becomes corrected."""

    uuids: Sequence[str]
    class_id: int


@dataclass(frozen=True)
class SetState(Command):
    """Decide about proposals: "accepted", "rejected", or back to "proposed".

    Accepting an object that has edits makes it corrected. Objects drawn by hand are never proposals: refused.
    """

    uuids: Sequence[str]
    state: str


@dataclass(frozen=True)
class SetFlags(Command):
    """Lock, hide or mark objects as crowds; None leaves a flag as it is."""

    uuids: Sequence[str]
    locked: bool | None = None
    hidden: bool | None = None
    iscrowd: bool | None = None


@dataclass(frozen=True)
class Reorder(Command):
    """Drawing order of all objects of one image, lowest first."""

    image_id: int
    uuids: Sequence[str]
