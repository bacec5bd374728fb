"""Keeps a widget floating over another: it takes no room, so that nothing moves when it comes and goes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QStyle, QWidget

_MARGIN = 12
_FOLLOWED = (QEvent.Type.Resize, QEvent.Type.Move)
_OWN = (QEvent.Type.Show, QEvent.Type.LayoutRequest)


class Overlay(QObject):
    """Holds `widget` over `below`, as high as its content."""

    def __init__(
        self, widget: QWidget, below: QWidget, place: Qt.AlignmentFlag, width: int | None = None
    ) -> None:
        """Args:
        below: lies in its parent already, which becomes that of `widget`, too.
        place: where over `below`.
        width: in pixels, if there is room for it; by default that of the content.
        """
        super().__init__(widget)
        self._widget, self._below, self._at, self._width = widget, below, place, width
        widget.setParent(below.parentWidget())
        below.installEventFilter(self)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Place it anew when the room or the content changes."""
        if event.type() in (_OWN if watched is self._widget else _FOLLOWED):
            self._place()
        return False

    def _place(self) -> None:
        widget = self._widget
        room = self._below.geometry().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        width = min(room.width(), self._width or widget.sizeHint().width())
        height = widget.heightForWidth(width) if widget.hasHeightForWidth() else widget.sizeHint().height()
        size = QSize(width, height)
        widget.setGeometry(QStyle.alignedRect(Qt.LayoutDirection.LeftToRight, self._at, size, room))
        widget.raise_()
