"""Paint and erase pixels. The mask of the object is then exactly what was painted."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, qRgba

from app.canvas import shaping
from app.canvas.objects import CanvasObject
from app.canvas.pixels import PixelEdit
from app.canvas.tools.marking import casing, line
from app.canvas.tools.tool import Pointer, Tool
from app.project.geometry import Box

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas

_NEW = (255, 255, 255)
"""Colour of a new object until its class is known."""


class BrushTool(Tool):
    """Paints into the selected object, or a new one when none is selected; Ctrl erases."""

    paints: ClassVar[bool] = True
    hint = "Paints into the selected object; Esc first, to start a new one. Ctrl erases, [ ] change the size."

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self.cursor = Qt.CursorShape.BlankCursor
        self._mouse: QPointF | None = None
        self._last: tuple[float, float] | None = None
        self._inside = True
        self._erasing = not self.paints  # what the next stroke would do
        self._edit: PixelEdit | None = None
        self._object: CanvasObject | None = None  # None while a new one is painted

    @property
    def busy(self) -> bool:
        return self._edit is not None

    @property
    def editing(self) -> Collection[str]:
        return (self._object.uuid,) if self._object else ()

    def press(self, pointer: Pointer) -> None:
        self._inside = self.paints != pointer.ctrl
        selected = self.canvas.selected()
        if not self._may_start(selected):
            return
        self._object = selected[0] if selected else None
        size = self.canvas.image_size
        mask = shaping.as_mask(self._object.geometry, size) if self._object else None
        self._edit = PixelEdit(size[::-1], mask)
        if self._object:
            # Only its pixels are shown from now on, by `paint`.
            self.canvas.hide_while_edited(self._object.uuid)
        self._last = (pointer.x, pointer.y)
        self._stroke(pointer)

    def _may_start(self, selected: list[CanvasObject]) -> bool:
        if len(selected) > 1:
            self.canvas.message.emit("Several objects are selected: select the one to paint into.")
        elif selected and selected[0].locked:
            self.canvas.message.emit("The object is locked: press L to unlock it.")
        elif not selected and not self._inside:
            self.canvas.message.emit("Select the object to erase from.")
        else:
            return True
        return False

    def move(self, pointer: Pointer, held: bool) -> None:
        before = self._circle()
        self._mouse = pointer.place
        self._erasing = self.paints == pointer.ctrl
        if held and self._edit is not None:
            self._stroke(pointer)
        self.canvas.update(before.united(self._circle()).toAlignedRect())

    def release(self, pointer: Pointer) -> None:
        if self._edit is None:
            return
        geometry = shaping.from_mask(self._edit.mask())
        object_ = self._object
        self._end()
        if object_ is None:
            if geometry is not None:
                self.canvas.add(geometry, "brush")
        elif geometry is None:
            self.canvas.editor.delete([object_.uuid])
            self.canvas.message.emit("Nothing was left of the object: it is deleted.")
        else:
            self.canvas.editor.replace({object_.uuid: geometry}, "brush" if self._inside else "eraser")

    def double_click(self, pointer: Pointer) -> None:
        self.press(pointer)

    def modifiers_changed(self, modifiers: Qt.KeyboardModifier) -> None:
        self._erasing = self.paints == bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        self.canvas.update(self._circle().toAlignedRect())

    def cancel(self) -> None:
        if self._edit is not None:
            self._end()

    def leave(self) -> None:
        self.canvas.update(self._circle().toAlignedRect())
        self._mouse = None

    def _end(self) -> None:
        self._edit = self._last = self._object = None
        self.canvas.hide_while_edited(None)
        self.canvas.update()

    def _stroke(self, pointer: Pointer) -> None:
        assert self._edit is not None and self._last is not None
        here = (pointer.x, pointer.y)
        dirty = self._edit.stroke(self._last, here, self.canvas.brush_size, self._inside)
        self._last = here
        if dirty is not None:
            self.canvas.update_box(dirty)

    # -- painting

    def _circle(self) -> QRectF:
        if self._mouse is None:
            return QRectF()
        radius = self.canvas.brush_size * self.canvas.zoom / 2 + 5
        return QRectF(self._mouse.x() - radius, self._mouse.y() - radius, 2 * radius, 2 * radius)

    def paint(self, painter: QPainter) -> None:
        if self._edit is not None:
            self._paint_pixels(painter, self._edit.pixels)
        if self._mouse is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = max(2.0, self.canvas.brush_size * self.canvas.zoom / 2)
        for pen in (casing(3), line(1.4, dashed=self._erasing)):
            painter.setPen(pen)
            painter.drawEllipse(self._mouse, radius, radius)
            # What the next stroke does: a plus paints, a minus erases.
            x, y = self._mouse.x(), self._mouse.y()
            painter.drawLine(QPointF(x - 3, y), QPointF(x + 3, y))
            if not self._erasing:
                painter.drawLine(QPointF(x, y - 3), QPointF(x, y + 3))

    def _paint_pixels(self, painter: QPainter, pixels: np.ndarray) -> None:
        viewport = self.canvas.viewport
        visible = painter.clipBoundingRect() if painter.hasClipping() else QRectF(self.canvas.rect())
        box: Box = viewport.rect_to_image(visible)
        # Of pixels smaller than those of the screen every n-th will do while the brush moves.
        step = max(1, int(1 / (viewport.zoom * viewport.ratio)))
        height, width = pixels.shape
        left, top = (max(0, int(side) // step * step) for side in box[:2])
        right, bottom = min(width, int(box[2]) + step + 1), min(height, int(box[3]) + step + 1)
        if left >= right or top >= bottom:
            return
        part = np.ascontiguousarray(pixels[top:bottom:step, left:right:step])
        rows, columns = part.shape
        picture = QImage(part.data, columns, rows, columns, QImage.Format.Format_Indexed8)
        red, green, blue = self._object.colour if self._object else _NEW
        opacity = round(255 * max(0.4, self.canvas.settings.opacity))
        picture.setColorTable([0, qRgba(red, green, blue, opacity)])
        target = viewport.rect_to_widget((left, top, left + columns * step, top + rows * step))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(target, picture)


class EraserTool(BrushTool):
    """Erases from the selected object; Ctrl paints."""

    paints: ClassVar[bool] = False
    hint = "Takes pixels from the selected object. Ctrl paints, [ ] change the size."
