"""Draw a polygon point by point."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from app.canvas import shaping
from app.canvas.tools.marking import casing, line, paint_point
from app.canvas.tools.tool import Pointer, Tool

CLOSING = 10.0
"""Pixels around the first point within which a click closes the polygon."""


class PolygonTool(Tool):
    """Click for each point; near the first one, a double-click or Enter closes. Shift snaps to 45 degrees."""

    hint = "Click each point; Enter or the first point closes, Backspace takes one back, Shift snaps to 45°."

    _points: tuple[tuple[float, float], ...] = ()
    _next: tuple[float, float] | None = None  # where the next point would be

    @property
    def busy(self) -> bool:
        return bool(self._points)

    def press(self, pointer: Pointer) -> None:
        if self._closes(pointer):
            self._close()
            return
        point = self._snapped(pointer)
        if point != (self._points[-1] if self._points else None):
            self._points = (*self._points, point)
        self._next = point
        self.canvas.update()
        if len(self._points) == 1:
            self.canvas.message.emit(self.hint)

    def move(self, pointer: Pointer, held: bool) -> None:
        if self._points:
            before = self._reach()
            self._next = self._points[0] if self._closes(pointer) else self._snapped(pointer)
            self.canvas.update(before.united(self._reach()).toAlignedRect())

    def double_click(self, pointer: Pointer) -> None:
        # The first of the two clicks has set the point.
        if len(self._points) >= 3:
            self._close()
        elif not self._points:
            self.press(pointer)

    def wants_key(self, key: Qt.Key) -> bool:
        shaping = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace)
        return (self.busy and shaping) or super().wants_key(key)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        if key == Qt.Key.Key_Escape:
            super().key(key, modifiers)
        elif key == Qt.Key.Key_Backspace:
            self._points = self._points[:-1]
            self.canvas.update()
        elif len(self._points) >= 3:
            self._close()
        else:
            self.canvas.message.emit("A polygon needs three points at least; Esc drops it.")

    def cancel(self) -> None:
        self._points, self._next = (), None
        self.canvas.update()

    def _closes(self, pointer: Pointer) -> bool:
        if len(self._points) < 3:
            return False
        apart = self.canvas.viewport.to_widget(*self._points[0]) - pointer.place
        return math.hypot(apart.x(), apart.y()) <= CLOSING

    def _snapped(self, pointer: Pointer) -> tuple[float, float]:
        if pointer.shift and self._points:
            x, y = self._points[-1]
            dx, dy = pointer.x - x, pointer.y - y
            angle = round(math.atan2(dy, dx) / (math.pi / 4)) * (math.pi / 4)
            length = dx * math.cos(angle) + dy * math.sin(angle)
            # Shortened where it would leave the image: cut off, it would not be at 45 degrees any more.
            ux, uy = math.cos(angle), math.sin(angle)
            for start, step, end in ((x, ux, self.canvas.image_size[0]), (y, uy, self.canvas.image_size[1])):
                if abs(step) > 1e-9:
                    length = min(length, ((end if step > 0 else 0.0) - start) / step)
            return x + length * ux, y + length * uy
        return pointer.inside(self.canvas.image_size)

    def _close(self) -> None:
        geometry = shaping.polygon(self._points, self.canvas.image_size)
        self.cancel()
        if geometry is None:
            self.canvas.message.emit("The polygon covers no pixel: nothing was added.")
        else:
            self.canvas.add(geometry, "polygon")

    def _reach(self) -> QRectF:
        """What the line to the next point covers."""
        points = [self._points[0], self._points[-1], self._next or self._points[-1]]
        ends = QPolygonF([self.canvas.viewport.to_widget(*point) for point in points])
        return ends.boundingRect().adjusted(-12, -12, 12, 12)

    def paint(self, painter: QPainter) -> None:
        if not self._points:
            return
        to_widget = self.canvas.viewport.to_widget
        places = [to_widget(*point) for point in self._points]
        end = [to_widget(*self._next)] if self._next else []
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 255, 255, 40))
        painter.drawPolygon(QPolygonF([*places, *end]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (casing(), line()):
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF([*places, *end]))
        closing = bool(self._next == self._points[0] and len(self._points) >= 3)
        for place in places[1:]:
            paint_point(painter, place)
        paint_point(painter, places[0], large=closing, first=True)
