"""Ask the model for a mask: in a box, or under a click. The model is behind the editor."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from app.canvas.tools.prompting import Prompting
from app.canvas.tools.rectangle import RectangleTool
from app.canvas.tools.tool import Pointer, Tool

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas


class ClickToMaskTool(Tool):
    """Click on the object, then on what is shown to take it; a double-click does both."""

    hint = "Click an object; a second click takes its mask. Shift adds to the selected one, Alt takes away."

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._prompting = Prompting(canvas, "click_to_mask")

    @property
    def busy(self) -> bool:
        return self._prompting.busy

    @property
    def editing(self) -> Collection[str]:
        return self._prompting.editing

    def press(self, pointer: Pointer) -> None:
        self._prompting.click(pointer)

    def double_click(self, pointer: Pointer) -> None:
        if self._prompting.busy:  # the first click has asked
            self._prompting.take()

    def wants_key(self, key: Qt.Key) -> bool:
        return self._prompting.wants_key(key) or super().wants_key(key)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        if key == Qt.Key.Key_Escape:
            super().key(key, modifiers)
        else:
            self._prompting.key(key)

    def cancel(self) -> None:
        self._prompting.drop()

    def paint(self, painter: QPainter) -> None:
        self._prompting.paint(painter)


class BoxToMaskTool(RectangleTool):
    """Drag a box around the object, then click on what is shown to take it."""

    dashed: ClassVar[bool] = True
    hint = "Drag a box around an object; Enter or a click takes its mask."

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._prompting = Prompting(canvas, "box_to_mask")

    @property
    def busy(self) -> bool:
        return super().busy or self._prompting.busy

    @property
    def editing(self) -> Collection[str]:
        return self._prompting.editing

    def press(self, pointer: Pointer) -> None:
        if pointer.alt or (pointer.shift and self._prompting.busy):
            self._prompting.click(pointer)
        else:
            super().press(pointer)

    def finish(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        (x1, x2), (y1, y2) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        if min(x2 - x1, y2 - y1) >= 1:
            self._prompting.ask_box((x1, y1, x2, y2))
        elif self._prompting.covers(*start):
            self._prompting.take()
        else:
            self.canvas.message.emit("Drag a box around the object.")

    def wants_key(self, key: Qt.Key) -> bool:
        return super().wants_key(key) or self._prompting.wants_key(key)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        if key == Qt.Key.Key_Escape:
            super().key(key, modifiers)
        else:
            self._prompting.key(key)

    def cancel(self) -> None:
        super().cancel()
        self._prompting.drop()

    def paint(self, painter: QPainter) -> None:
        self._prompting.paint(painter)
        super().paint(painter)
