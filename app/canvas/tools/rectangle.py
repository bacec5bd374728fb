"""Drag a rectangle: as an object, or as the box that the model is asked about."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.canvas import shaping
from app.canvas.tools.marking import casing, line, paint_frame
from app.canvas.tools.tool import Pointer, Tool


class RectangleTool(Tool):
    """Drag from corner to corner; Shift makes a square. Lines through the mouse help to find the corner."""

    dashed: ClassVar[bool] = False
    hint = "Drag from corner to corner; Shift makes a square."

    _start: tuple[float, float] | None = None
    _end: tuple[float, float] = (0.0, 0.0)
    _mouse: QPointF | None = None

    @property
    def busy(self) -> bool:
        return self._start is not None

    def press(self, pointer: Pointer) -> None:
        self._start = self._end = pointer.inside(self.canvas.image_size)
        self.canvas.update()

    def move(self, pointer: Pointer, held: bool) -> None:
        self._mouse = pointer.place
        if self._start is not None:
            self._end = self._squared(pointer) if pointer.shift else pointer.inside(self.canvas.image_size)
        self.canvas.update()

    def release(self, pointer: Pointer) -> None:
        if self._start is None:
            return
        self.move(pointer, True)
        start, end = self._start, self._end
        self._let_go()
        self.finish(start, end)

    def finish(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """The rectangle was drawn."""
        geometry = shaping.rectangle(start, end, self.canvas.image_size)
        if geometry is None:
            self.canvas.message.emit("Drag from corner to corner: a click alone covers no pixel.")
        else:
            self.canvas.add(geometry, "rectangle")

    def cancel(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self._start = None
        self.canvas.update()

    def leave(self) -> None:
        self._mouse = None
        self.canvas.update()

    def _squared(self, pointer: Pointer) -> tuple[float, float]:
        assert self._start is not None
        (x, y), (width, height) = self._start, self.canvas.image_size
        right, down = pointer.x >= x, pointer.y >= y
        side = max(abs(pointer.x - x), abs(pointer.y - y))
        side = min(side, width - x if right else x, height - y if down else y)
        return x + (side if right else -side), y + (side if down else -side)

    def paint(self, painter: QPainter) -> None:
        if self._start is not None:
            to_widget = self.canvas.viewport.to_widget
            rect = QRectF(to_widget(*self._start), to_widget(*self._end)).normalized()
            paint_frame(painter, rect, self.dashed)
        elif self._mouse is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            width, height = self.canvas.width(), self.canvas.height()
            x, y = round(self._mouse.x()), round(self._mouse.y())
            dark, bright = casing(1), line(1)
            bright.setStyle(Qt.PenStyle.DotLine)
            for pen in (dark, bright):
                painter.setPen(pen)
                painter.drawLine(0, y, width, y)
                painter.drawLine(x, 0, x, height)
