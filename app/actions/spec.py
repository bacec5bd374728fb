"""What an action is, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

MENUS = ("File", "Edit", "View", "Annotate", "Review", "Model", "Train", "Tools", "Help")
"""Menus of the menu bar in their order."""


class Where(Enum):
    """Where the keys of an action act."""

    WINDOW = "anywhere in the window"
    WORK = "on the canvas and in lists"
    CANVAS = "on the canvas"


@dataclass(frozen=True)
class WindowState:
    """All that decides which actions are possible now.

    Attributes:
        project: a project is open.
        writable: it may be changed (not opened read-only).
        image: an image is shown.
        images: how many images the project has.
        selected: how many objects are selected.
        objects: how many objects the image has.
        proposals: how many proposals of the image wait for a decision.
        copied: something was copied.
        undo, redo: what the next step back or forth is called; empty if there is none.
    """

    project: bool = False
    writable: bool = False
    image: bool = False
    images: int = 0
    selected: int = 0
    objects: int = 0
    proposals: int = 0
    copied: bool = False
    undo: str = ""
    redo: str = ""

    @property
    def can_edit(self) -> bool:
        """An image is shown whose objects may be changed."""
        return self.image and self.writable


def always(_: WindowState) -> bool:
    """For actions that are possible at any time."""
    return True


@dataclass(frozen=True)
class ActionSpec:
    """An action.

    Attributes:
        id: its name in code and in tests.
        text: in menus, with & before the letter for the keyboard.
        tip: what it does, a sentence for tool tip, status bar and command palette.
        menu: one of `MENUS`.
        group: actions of a menu that belong together; a line is drawn between groups.
        keys: shortcuts, the first of which is shown.
        where: where the keys act.
        enabled_when: whether it is possible in a state of the window.
        icon: file in resources/icons without suffix.
        checkable: it is on or off.
        exclusive: of the checkable actions with the same word, one is on.
        in_tool_bar: it has a button.
        repeats: holding the key down repeats it.
    """

    id: str
    text: str
    tip: str
    menu: str
    group: str = ""
    keys: tuple[str, ...] = ()
    where: Where = Where.WINDOW
    enabled_when: Callable[[WindowState], bool] = always
    icon: str = ""
    checkable: bool = False
    exclusive: str = ""
    in_tool_bar: bool = False
    repeats: bool = False

    @property
    def plain_text(self) -> str:
        """The text without the mark of the keyboard letter and without an ellipsis."""
        return self.text.replace("&", "").removesuffix("…")
