"""`Pointing`: mouse, wheel and keys of the canvas. It zooms and pans itself; all else goes to the tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent

from app.canvas.tools.tool import Pointer

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas

ZOOM_PER_NOTCH = 1.25
SCROLL_PER_NOTCH = 80
"""Pixels that a notch of the wheel scrolls."""
_NOTCH = 120

_MODIFIER_KEYS = (Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta)
_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)
_TOOL_KEYS = (
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Escape,
    Qt.Key.Key_Tab,
    *_ARROWS,
)


class Pointing:
    """What is held and where the mouse is."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._place: QPointF | None = None
        self._drawing = False  # the left button is down for the tool
        self._pan_from: QPointF | None = None
        self._pan_button = Qt.MouseButton.NoButton
        self._space = False
        self._space_used = False

    @property
    def image_place(self) -> tuple[float, float] | None:
        """Where the mouse is in the image; None when it is not over the canvas."""
        return self._canvas.viewport.to_image(self._place) if self._place is not None else None

    def let_go(self) -> None:
        """Another image comes: what is held with the mouse is over."""
        self._drawing = False
        self._pan_from = None

    def handle(self, event: QEvent) -> bool:
        """Deal with an event of the canvas; False leaves it to Qt."""
        kind = event.type()
        if not self._canvas.has_image:
            return False
        if isinstance(event, QMouseEvent):
            if kind == QEvent.Type.MouseButtonPress:
                return self._press(event)
            if kind == QEvent.Type.MouseMove:
                return self._move(event)
            if kind == QEvent.Type.MouseButtonRelease:
                return self._release(event)
            if kind == QEvent.Type.MouseButtonDblClick:
                return self._double_click(event)
        elif isinstance(event, QWheelEvent):
            return self._wheel(event)
        elif isinstance(event, QNativeGestureEvent):
            return self._gesture(event)
        elif isinstance(event, QKeyEvent):
            return self._key(event)
        elif kind == QEvent.Type.Leave:
            self._leave()
        elif isinstance(event, QFocusEvent) and kind == QEvent.Type.FocusOut:
            self._set_space(False)
            self._canvas.active_tool.focus_lost()
        return False

    # -- mouse

    def _pointer(self, event: QMouseEvent) -> Pointer:
        x, y = self._canvas.viewport.to_image(event.position())
        return Pointer(x, y, event.position(), event.modifiers())

    def _press(self, event: QMouseEvent) -> bool:
        self._place = event.position()
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self._space):
            self._pan_from, self._pan_button = event.position(), event.button()
            self._space_used = True
            self._canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
            return True
        if left:
            self._drawing = True
            self._canvas.active_tool.press(self._pointer(event))
            return True
        if event.button() == Qt.MouseButton.RightButton and not self._canvas.drawing:
            self._open_menu(event)
            return True
        return False

    def _open_menu(self, event: QMouseEvent) -> None:
        pointer = self._pointer(event)
        items = self._canvas.scene.at(pointer.x, pointer.y)
        if items and not any(item.object.uuid in self._canvas.selection for item in items):
            self._canvas.select([items[0].object.uuid])
        self._canvas.menu_requested.emit(event.globalPosition().toPoint())

    def _move(self, event: QMouseEvent) -> bool:
        self._place = event.position()
        if self._pan_from is not None:
            moved = event.position() - self._pan_from
            before = self._canvas.viewport
            self._canvas.pan(moved.x(), moved.y())
            after = self._canvas.viewport
            # Only by what it moved: whole pixels, up to the border.
            self._pan_from += QPointF(after.x - before.x, after.y - before.y)
            return True
        pointer = self._pointer(event)
        tool = self._canvas.active_tool
        if tool.picks and not self._drawing and not self._space:
            self._canvas.set_hovered((pointer.x, pointer.y))
        tool.move(pointer, self._drawing)
        self._canvas.cursor_moved.emit((pointer.x, pointer.y))
        return True

    def _release(self, event: QMouseEvent) -> bool:
        if self._pan_from is not None and event.button() == self._pan_button:
            self._pan_from = None
            self._show_cursor()
            return True
        if event.button() == Qt.MouseButton.LeftButton and self._drawing:
            self._drawing = False
            self._canvas.active_tool.release(self._pointer(event))
            return True
        return False

    def _double_click(self, event: QMouseEvent) -> bool:
        if event.button() == Qt.MouseButton.LeftButton and not self._space:
            self._drawing = True
            self._canvas.active_tool.double_click(self._pointer(event))
            return True
        return self._press(event)

    def _leave(self) -> None:
        self._place = None
        self._canvas.set_hovered(None)
        self._canvas.active_tool.leave()
        self._canvas.cursor_moved.emit(None)

    def _wheel(self, event: QWheelEvent) -> bool:
        notches = event.angleDelta()
        ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if ctrl or self._canvas.settings.wheel_zooms:
            turned = notches.y() or notches.x()  # Alt makes it horizontal
            self._canvas.zoom_by(ZOOM_PER_NOTCH ** (turned / _NOTCH), event.position())
            return True
        pixels = event.pixelDelta()
        if pixels.isNull():
            pixels = notches * SCROLL_PER_NOTCH / _NOTCH
        dx, dy = pixels.x(), pixels.y()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not dx:
            dx, dy = dy, 0
        self._canvas.pan(dx, dy)
        return True

    def _gesture(self, event: QNativeGestureEvent) -> bool:
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        self._canvas.zoom_by(1 + event.value(), event.position())
        return True

    # -- keys

    def _key(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        kind = event.type()
        allowed = Qt.KeyboardModifier.KeypadModifier
        if key in _ARROWS:
            allowed |= Qt.KeyboardModifier.ShiftModifier
        plain = not event.modifiers() & ~allowed
        tool = self._canvas.active_tool
        space = key == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier
        mine = space or (key in _TOOL_KEYS and plain and tool.wants_key(key))
        if kind == QEvent.Type.ShortcutOverride:
            if mine:
                event.accept()  # a shortcut of the window does not get it
            return mine
        if kind == QEvent.Type.KeyPress:
            if key in _MODIFIER_KEYS:
                tool.modifiers_changed(self._modifiers(event, key, down=True))
            elif space:
                if not event.isAutoRepeat():
                    self._set_space(True)
            elif mine:
                tool.key(key, event.modifiers())
            return mine
        if kind == QEvent.Type.KeyRelease and not event.isAutoRepeat():
            if key in _MODIFIER_KEYS:
                tool.modifiers_changed(self._modifiers(event, key, down=False))
            elif key == Qt.Key.Key_Space and self._space:
                used = self._space_used or self._canvas.drawing
                self._set_space(False)
                if not used:
                    self._canvas.review_requested.emit(None)
                return True
            else:
                tool.key_released(key)
        return False

    @staticmethod
    def _modifiers(event: QKeyEvent, key: Qt.Key, down: bool) -> Qt.KeyboardModifier:
        """Systems disagree whether the modifiers of an event count the key itself."""
        held = {
            Qt.Key.Key_Control: Qt.KeyboardModifier.ControlModifier,
            Qt.Key.Key_Shift: Qt.KeyboardModifier.ShiftModifier,
            Qt.Key.Key_Alt: Qt.KeyboardModifier.AltModifier,
            Qt.Key.Key_Meta: Qt.KeyboardModifier.MetaModifier,
        }[key]
        return event.modifiers() | held if down else event.modifiers() & ~held

    def _set_space(self, down: bool) -> None:
        self._space = down
        self._space_used = False
        self._show_cursor()

    def _show_cursor(self) -> None:
        if self._space:
            self._canvas.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self._canvas.setCursor(self._canvas.active_tool.cursor)
