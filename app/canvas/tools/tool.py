"""`Tool`: what the canvas tells a tool, and what a tool may answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas


@dataclass(frozen=True)
class Pointer:
    """Where the mouse is and what is held with it.

    Attributes:
        x, y: in the image; also outside of it.
        place: in the widget.
    """

    x: float
    y: float
    place: QPointF
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier

    @property
    def ctrl(self) -> bool:
        """Whether Ctrl (Cmd on a Mac) is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ControlModifier)

    @property
    def shift(self) -> bool:
        """Whether Shift is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ShiftModifier)

    @property
    def alt(self) -> bool:
        """Whether Alt is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.AltModifier)

    def inside(self, image: tuple[int, int]) -> tuple[float, float]:
        """x, y, moved to the border of the image where it is outside."""
        return min(max(self.x, 0.0), float(image[0])), min(max(self.y, 0.0), float(image[1]))


class Tool:
    """A tool that does nothing; `press`, `move` and `release` are those of the left button.

    Attributes:
        picks: whether objects under the mouse light up.
        cursor: shape of the mouse pointer.
        hint: how it is used, short enough for the status bar of a small window.
    """

    picks: ClassVar[bool] = False
    cursor: Qt.CursorShape = Qt.CursorShape.CrossCursor
    hint: ClassVar[str] = ""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    @property
    def busy(self) -> bool:
        """Whether a gesture or a half drawn shape is under way."""
        return False

    @property
    def editing(self) -> Collection[str]:
        """Uuids of the objects that a gesture is changing: it is cancelled when they disappear."""
        return ()

    def press(self, pointer: Pointer) -> None:
        """The left button went down."""

    def move(self, pointer: Pointer, held: bool) -> None:
        """The mouse moved; `held`: with the left button down, since `press`."""

    def release(self, pointer: Pointer) -> None:
        """The left button went up."""

    def double_click(self, pointer: Pointer) -> None:
        """The left button went down for the second time."""

    def wants_key(self, key: Qt.Key) -> bool:
        """Whether Enter, Backspace, Escape, Tab or an arrow means something to the tool right now."""
        return key == Qt.Key.Key_Escape and (self.busy or bool(self.canvas.selection))

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        """A key that the tool wants went down. Escape drops what is half done; without that, it deselects."""
        if key == Qt.Key.Key_Escape and self.busy:
            self.cancel()
        elif key == Qt.Key.Key_Escape:
            self.canvas.select(())

    def key_released(self, key: Qt.Key) -> None:
        """A key went up."""

    def focus_lost(self) -> None:
        """Keys that are held will not be seen going up."""

    def modifiers_changed(self, modifiers: Qt.KeyboardModifier) -> None:
        """Ctrl, Shift or Alt went down or up."""

    def cancel(self) -> None:
        """Drop what is half done."""

    def leave(self) -> None:
        """The mouse left the canvas."""

    def paint(self, painter: QPainter) -> None:
        """Draw what is half done, in widget coordinates."""
