"""`Prompting`: asks the model for masks, shows what it found, and makes an object of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from app.canvas import shaping
from app.canvas.objects import CanvasObject
from app.canvas.outline import path_of
from app.canvas.suggestions import Composition, Suggestion
from app.canvas.tools.marking import casing, line
from app.canvas.tools.tool import Pointer
from app.project.geometry import Box, Geometry

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas

_RADIUS = 6.0
_FILL = QColor(70, 160, 255, 80)

_Click = tuple[float, float, bool]
"""x, y in the image, and whether it adds."""


class Prompting:
    """What click-to-mask and box-to-mask share: prompts, the preview of what they make, and its keys.

    A prompt alone begins a new object. One that adds or takes away changes what is shown; where nothing is,
    the selected object. Nothing is written before it is taken.
    """

    def __init__(self, canvas: Canvas, tool: str) -> None:
        self._canvas, self._tool = canvas, tool
        self._object: CanvasObject | None = None  # that is changed; None for a new one
        self._clear()

    def _clear(self) -> None:
        self._object = None
        self._composition = Composition()
        self._clicks: list[_Click] = []  # that make what is shown
        self._asked: _Click | None = None  # that the model is asked about; None for a box
        self._queue: list[_Click] = []  # that it is asked about next
        self._waiting = False
        self._take_when_found = False
        self._geometry: Geometry | None = None
        self._path = QPainterPath()

    @property
    def busy(self) -> bool:
        """Whether something is shown or asked for."""
        return self._waiting or bool(self._composition)

    @property
    def editing(self) -> tuple[str, ...]:
        """The object that is changed."""
        return (self._object.uuid,) if self._object else ()

    def covers(self, x: float, y: float) -> bool:
        """Whether a place of the image lies inside what is shown."""
        return self._geometry is not None and self._path.contains(QPointF(x, y))

    # -- asking

    def click(self, pointer: Pointer) -> None:
        """A click: on what is shown it takes that, elsewhere it asks anew. Shift adds, Alt takes away."""
        width, height = self._canvas.image_size
        if not (0 <= pointer.x < width and 0 <= pointer.y < height):
            return
        changes = pointer.shift or pointer.alt
        if not changes and self.covers(pointer.x, pointer.y):
            self.take()
            return
        click = (pointer.x, pointer.y, not pointer.alt)
        if changes and self._waiting:
            self._queue.append(click)
            self._canvas.update()
            return
        if not changes:
            self.drop()
        elif not self._composition and not self._begin_change(pointer.alt):
            return
        self._ask_about(click)

    def _ask_about(self, click: _Click) -> None:
        x, y, adds = self._asked = click
        self._wait(self._canvas.editor.segment_point(x, y, lambda found: self._add(found, adds)))

    def ask_box(self, box: Box) -> None:
        """A box was drawn: begin anew with the object in it."""
        self.drop()
        self._wait(self._canvas.editor.segment_box(box, lambda found: self._add(found, True)))

    def _begin_change(self, takes_away: bool) -> bool:
        """Begin with the selected object; adding to nothing begins a new one."""
        self.drop()
        selected = self._canvas.selected()
        if len(selected) == 1 and not selected[0].locked:
            self._object = selected[0]
            self._composition = Composition(shaping.as_mask(selected[0].geometry, self._canvas.image_size))
            return True
        if takes_away:
            self._canvas.message.emit("Select the object to take from; it must not be locked.")
        return not takes_away

    def _wait(self, asked: bool) -> None:
        self._waiting = asked
        if asked:
            self._canvas.message.emit("Asking the model ...")
        elif self._composition:
            self._asked, self._queue = None, []
        else:
            self._clear()
        self._canvas.update()

    def _add(self, found: Sequence[Suggestion], adds: bool) -> None:
        """What the model found, best first; empty where it found nothing or failed, which was told."""
        self._waiting = False
        click, self._asked = self._asked, None
        if found:
            self._composition.add(found, adds)
            self._clicks += [click] if click else []
            self._show()
        if self._queue and (self._composition or self._queue[0][2]):
            self._ask_about(self._queue.pop(0))
        elif not self._composition:
            self._clear()
        elif self._take_when_found:
            self.take()
        self._canvas.update()

    # -- what is shown

    def _show(self) -> None:
        self._geometry = self._composition.geometry()
        self._path = path_of(self._geometry) if self._geometry else QPainterPath()
        if self._object is not None:
            self._canvas.hide_while_edited(self._object.uuid)
        chosen, candidates = self._composition.place
        found = self._composition.last
        others = f", {chosen} of {candidates} (Tab)" if candidates > 1 else ""
        self._canvas.message.emit(
            f"{found.name} {found.score:.2f}{others}. Enter takes it; Shift or Alt + click adds or removes."
        )
        self._canvas.update()

    def take(self) -> None:
        """Make an object of what is shown, or as soon as it is."""
        if self._waiting:
            self._take_when_found = True
            return
        geometry, object_ = self._geometry, self._object
        if geometry is None:
            self._canvas.message.emit("No pixel is left: add to it with Shift + click, or drop it with Esc.")
            return
        made_by = self._composition.first.made_by
        self.drop()
        if object_ is not None:
            self._canvas.editor.replace({object_.uuid: geometry}, self._tool)
        elif uuid := self._canvas.editor.add_found(geometry, made_by, self._tool):
            self._canvas.select([uuid])

    def drop(self) -> None:
        """Show nothing and wait for nothing."""
        if self._waiting:
            self._canvas.editor.stop_segmenting()
        if self._object is not None:
            self._canvas.hide_while_edited(None)
        self._clear()
        self._canvas.update()

    def wants_key(self, key: Qt.Key) -> bool:
        """Enter takes, Tab shows the next candidate, Esc drops."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab)
        return self.busy and key in keys

    def key(self, key: Qt.Key) -> None:
        """One of these went down."""
        if key == Qt.Key.Key_Escape:
            self.drop()
        elif key != Qt.Key.Key_Tab:
            self.take()
        elif self._composition:
            self._composition.cycle()
            self._show()

    def paint(self, painter: QPainter) -> None:
        """Draw what is shown, and where was clicked."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        painter.setTransform(self._canvas.viewport.transform, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_FILL)
        painter.drawPath(self._path)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (casing(), line(dashed=True)):
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(self._path)
        painter.restore()
        asked = [self._asked] if self._asked else []
        for x, y, adds in (*self._clicks, *asked, *self._queue):
            self._paint_click(painter, self._canvas.viewport.to_widget(x, y), adds)

    @staticmethod
    def _paint_click(painter: QPainter, place: QPointF, adds: bool) -> None:
        """A plus or a minus in a circle."""
        painter.setPen(QPen(QColor(0, 0, 0), 1.2))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(place, _RADIUS, _RADIUS)
        painter.setPen(QPen(QColor(0, 0, 0), 1.8))
        painter.drawLine(place - QPointF(3, 0), place + QPointF(3, 0))
        if adds:
            painter.drawLine(place - QPointF(0, 3), place + QPointF(0, 3))
