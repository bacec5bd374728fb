"""Select, move and reshape.

A drag moves what was selected before: one that starts elsewhere draws a rubber band, so that nothing is moved
by accident.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QApplication

from app.canvas import shaping
from app.canvas.handles import Handles
from app.canvas.objects import CanvasObject
from app.canvas.shaping import Place
from app.canvas.tools.tool import Pointer, Tool
from app.project.geometry import Geometry

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
FAR = 10
"""Image pixels that Shift and an arrow move."""


class _Doing(Enum):
    NOTHING = auto()
    PRESSED = auto()  # may become a click or a drag
    MOVING = auto()
    SHAPING = auto()  # dragging a point
    BAND = auto()
    NUDGING = auto()  # an arrow is held


class SelectTool(Tool):
    """Click, Ctrl + click, drag; drag on a point or an edge; Alt + click on them deletes or inserts."""

    picks: ClassVar[bool] = True

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self.cursor = Qt.CursorShape.ArrowCursor
        self._doing = _Doing.NOTHING
        self._start: Pointer | None = None
        self._on_selected = False
        self._place: Place | None = None  # of the point being dragged, or of the edge to break
        self._breaks_edge = False
        self._lit: Place | None = None
        self._band = QRectF()
        self._before: dict[str, Geometry] = {}
        self._after: dict[str, Geometry] = {}
        self._nudged = (0, 0)

    @property
    def busy(self) -> bool:
        return self._doing not in (_Doing.NOTHING, _Doing.PRESSED)

    @property
    def editing(self) -> Collection[str]:
        return self._before.keys()

    # -- mouse

    def press(self, pointer: Pointer) -> None:
        self._end_nudging()
        self._doing = _Doing.PRESSED
        self._start = pointer
        self._place, self._breaks_edge = self._taken(pointer)
        below = self.canvas.scene.at(pointer.x, pointer.y)
        self._on_selected = any(item.object.uuid in self.canvas.selection for item in below)
        if self._place is not None and pointer.alt:
            self._change_point(pointer)
            self._doing = _Doing.NOTHING

    def move(self, pointer: Pointer, held: bool) -> None:
        if not held:
            self._light_up(pointer)
            return
        if self._doing is _Doing.PRESSED:
            assert self._start is not None
            moved = (pointer.place - self._start.place).manhattanLength()
            if moved >= QApplication.startDragDistance() / (2 if self._place else 1):
                self._begin_drag()
        if self._doing is _Doing.MOVING:
            self._drag_objects(pointer)
        elif self._doing is _Doing.SHAPING:
            self._drag_point(pointer)
        elif self._doing is _Doing.BAND:
            self._drag_band(pointer)

    def release(self, pointer: Pointer) -> None:
        doing, self._doing = self._doing, _Doing.NOTHING
        if doing is _Doing.PRESSED:
            self._click(pointer)
        elif doing is _Doing.MOVING:
            self._commit("move")
        elif doing is _Doing.SHAPING:
            self._commit("reshape")
        elif doing is _Doing.BAND:
            self._select_in_band(pointer)

    def double_click(self, pointer: Pointer) -> None:
        """On a mask: turn it into polygons, whose points can be dragged."""
        object_ = self._single()
        inside = self.canvas.scene.at(pointer.x, pointer.y)
        if (
            object_ is None
            or object_.geometry.mask is None
            or object_ not in [item.object for item in inside]
        ):
            self.press(pointer)
            return
        if geometry := shaping.simplified(object_.geometry, 1.0, self.canvas.image_size):
            self.canvas.editor.replace({object_.uuid: geometry}, "simplify")
            self.canvas.message.emit("The mask is now a polygon: drag its points. Undo brings the mask back.")

    def leave(self) -> None:
        self._lit = None

    # -- what is under the mouse

    def _single(self) -> CanvasObject | None:
        """The selected object, if it is one, in view, and may be changed."""
        selection = self.canvas.selection
        item = self.canvas.scene.get(selection[0]) if len(selection) == 1 else None
        if item is None or item.object.locked or not self.canvas.scene.is_shown(item):
            return None
        return item.object

    def _handles(self) -> Handles | None:
        object_ = self._single()
        if object_ is None:
            return None
        return Handles(self._after.get(object_.uuid, object_.geometry), self.canvas.viewport)

    def _taken(self, pointer: Pointer) -> tuple[Place | None, bool]:
        """The point or edge that the mouse takes, and whether it is an edge."""
        handles = self._handles()
        object_ = self._single()
        if handles is None or object_ is None or pointer.ctrl:
            return None, False
        if (point := handles.point_at(pointer.place)) is not None:
            return point, False
        if object_.geometry.is_box:
            return None, False
        edge = handles.edge_at(pointer.place)
        return edge, edge is not None

    def _light_up(self, pointer: Pointer) -> None:
        place, is_edge = self._taken(pointer)
        lit = None if is_edge else place
        if lit != self._lit and (object_ := self._single()):
            self._lit = lit
            self.canvas.update_box(object_.geometry.box, 12)
        if place is not None:
            cursor = Qt.CursorShape.CrossCursor if is_edge else Qt.CursorShape.PointingHandCursor
        elif self._inside_selected(pointer):
            cursor = Qt.CursorShape.SizeAllCursor
        else:
            cursor = Qt.CursorShape.ArrowCursor
        if cursor != self.cursor:
            self.cursor = cursor
            self.canvas.setCursor(cursor)

    def _inside_selected(self, pointer: Pointer) -> bool:
        chosen = self.canvas.selection
        return bool(chosen) and any(
            item.object.uuid in chosen for item in self.canvas.scene.at(pointer.x, pointer.y)
        )

    # -- clicks

    def _click(self, pointer: Pointer) -> None:
        below = [item.object.uuid for item in self.canvas.scene.at(pointer.x, pointer.y)]
        chosen = self.canvas.selection
        on_edge = self._place is not None and self._breaks_edge
        if self._place is not None and not (on_edge and below and below[0] not in chosen):
            return  # a click on a point or an edge changes nothing
        if pointer.ctrl:
            if below:
                kept = [uuid for uuid in chosen if uuid != below[0]]
                self.canvas.select(kept if below[0] in chosen else [*kept, below[0]])
        else:
            self.canvas.select(below[:1])

    def _change_point(self, pointer: Pointer) -> None:
        object_ = self._single()
        assert object_ is not None and self._place is not None
        if object_.geometry.is_box:
            self.canvas.message.emit("A box has four corners.")
            return
        size = self.canvas.image_size
        if self._breaks_edge:
            changed = shaping.with_new_point(object_.geometry, self._place, pointer.inside(size))
        else:
            smaller = shaping.without_point(object_.geometry, self._place)
            checked = shaping.valid(smaller, size) if smaller else None
            if checked is None:
                self.canvas.message.emit("Nothing would be left: press Delete to remove the object.")
                return
            changed = checked
        self._lit = None
        self.canvas.editor.replace({object_.uuid: changed}, "reshape")

    # -- drags

    def _begin_drag(self) -> None:
        assert self._start is not None
        if self._place is not None:
            self._begin_shaping(self._start)
            return
        free = [object_ for object_ in self.canvas.selected() if not object_.locked]
        if not self._on_selected or self._start.ctrl:
            self._doing = _Doing.BAND
        elif free:
            self._doing = _Doing.MOVING
            self._before = {object_.uuid: object_.geometry for object_ in free}
        else:
            self._doing = _Doing.NOTHING
            self.canvas.message.emit("The object is locked: press L to unlock it.")

    def _begin_shaping(self, start: Pointer) -> None:
        object_, place = self._single(), self._place
        assert object_ is not None and place is not None
        geometry = object_.geometry
        if self._breaks_edge:
            geometry = shaping.with_new_point(geometry, place, start.inside(self.canvas.image_size))
            self._place = (place[0], place[1], place[2] + 1)
        self._before = {object_.uuid: geometry}
        self._doing = _Doing.SHAPING
        self._lit = self._place

    def _drag_objects(self, pointer: Pointer) -> None:
        assert self._start is not None
        dx, dy = pointer.x - self._start.x, pointer.y - self._start.y
        if pointer.shift:
            dx, dy = (dx, 0.0) if abs(dx) >= abs(dy) else (0.0, dy)
        self._shift(dx, dy)

    def _shift(self, dx: float, dy: float) -> None:
        size = self.canvas.image_size
        dx, dy = shaping.room_to_move(list(self._before.values()), dx, dy, size)
        self._after = {
            uuid: shaping.translate(geometry, dx, dy, size) for uuid, geometry in self._before.items()
        }
        self.canvas.preview(self._after)

    def _drag_point(self, pointer: Pointer) -> None:
        assert self._place is not None
        ((uuid, geometry),) = self._before.items()
        point = pointer.inside(self.canvas.image_size)
        self._after = {uuid: shaping.with_point(geometry, self._place, point)}
        self.canvas.preview(self._after)

    def _commit(self, tool: str) -> None:
        after, size = self._after, self.canvas.image_size
        self._before, self._after, self._lit = {}, {}, None
        if tool == "reshape":
            checked = {uuid: shaping.valid(geometry, size) for uuid, geometry in after.items()}
            after = {uuid: geometry for uuid, geometry in checked.items() if geometry is not None}
            if len(after) < len(checked):
                self.canvas.message.emit("The object would cover no pixel: it stays as it was.")
        if after:
            self.canvas.editor.replace(after, tool)
        self.canvas.end_preview()

    def _drag_band(self, pointer: Pointer) -> None:
        assert self._start is not None
        old = self._band
        start = self.canvas.viewport.to_widget(self._start.x, self._start.y)
        self._band = QRectF(start, pointer.place).normalized()
        self.canvas.update(old.united(self._band).adjusted(-2, -2, 2, 2).toAlignedRect())

    def _select_in_band(self, pointer: Pointer) -> None:
        band, self._band = self._band, QRectF()
        self.canvas.update(band.adjusted(-2, -2, 2, 2).toAlignedRect())
        found = [
            item.object.uuid for item in self.canvas.scene.within(self.canvas.viewport.rect_to_image(band))
        ]
        self.canvas.select([*self.canvas.selection, *found] if pointer.ctrl else found)

    # -- keys

    def wants_key(self, key: Qt.Key) -> bool:
        if key in _ARROWS:
            return bool(self.canvas.selection) and self._doing in (_Doing.NOTHING, _Doing.NUDGING)
        return super().wants_key(key)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        """Arrows move while they are held; all of it is one step of undo, when they are released."""
        if key not in _ARROWS:
            super().key(key, modifiers)
            return
        if self._doing is _Doing.NOTHING:
            free = [object_ for object_ in self.canvas.selected() if not object_.locked]
            if not free:
                self.canvas.message.emit("The object is locked: press L to unlock it.")
                return
            self._before = {object_.uuid: object_.geometry for object_ in free}
            self._nudged = (0, 0)
            self._doing = _Doing.NUDGING
        step = FAR if modifiers & Qt.KeyboardModifier.ShiftModifier else 1
        dx, dy = _ARROWS[key]
        self._nudged = (self._nudged[0] + step * dx, self._nudged[1] + step * dy)
        self._shift(*self._nudged)

    def key_released(self, key: Qt.Key) -> None:
        if key in _ARROWS:
            self._end_nudging()

    def focus_lost(self) -> None:
        self._end_nudging()

    def _end_nudging(self) -> None:
        if self._doing is _Doing.NUDGING:
            self._doing = _Doing.NOTHING
            self._commit("nudge")

    def cancel(self) -> None:
        self._end_nudging()
        self._doing = _Doing.NOTHING
        self._band = QRectF()
        self._before, self._after, self._lit = {}, {}, None
        self.canvas.end_preview()
        self.canvas.update()

    # -- painting

    def paint(self, painter: QPainter) -> None:
        handles = self._handles()
        if handles is not None and self._doing is not _Doing.MOVING:
            handles.paint(painter, QRectF(self.canvas.rect()), self._lit)
        if self._doing is _Doing.BAND:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setBrush(QColor(255, 255, 255, 30))
            painter.setPen(QPen(QColor(0, 0, 0), 1))
            painter.drawRect(self._band)
            painter.setPen(QPen(QColor(255, 255, 255), 1, Qt.PenStyle.DashLine))
            painter.drawRect(self._band)
