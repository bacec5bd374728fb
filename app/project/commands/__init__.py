"""The only way anything in a project changes; each command is a small value for `Project.do`."""

from app.project.commands.base import Batch, Command
from app.project.commands.classes import AddClass, DeleteClass, EditClass, MergeClasses
from app.project.commands.images import (
    AddImages,
    NewImage,
    RemoveImages,
    SetImageFacts,
    SetImageState,
    SetInfo,
    SetSetting,
    threshold_key,
)
from app.project.commands.objects import (
    AddObjects,
    DeleteObjects,
    Reorder,
    SetClass,
    SetFlags,
    SetGeometry,
    SetState,
)
from app.project.commands.propose import Propose

__all__ = [
    "AddClass",
    "AddImages",
    "AddObjects",
    "Batch",
    "Command",
    "DeleteClass",
    "DeleteObjects",
    "EditClass",
    "MergeClasses",
    "NewImage",
    "Propose",
    "RemoveImages",
    "Reorder",
    "SetClass",
    "SetFlags",
    "SetGeometry",
    "SetImageFacts",
    "SetImageState",
    "SetInfo",
    "SetSetting",
    "SetState",
    "threshold_key",
]
