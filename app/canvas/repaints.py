"""`Repaints`: a widget is repainted when what it is to show has been drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QRect
from PySide6.QtGui import QRegion

from app.canvas.layer import CachedLayer
from app.canvas.viewport import Viewport
from app.turns import in_turn


class Repaints(QObject):
    """Draws layers that are behind, a slice in each turn of the event loop; repaints wait for it.

    A change of the project is followed by the panels of the window in the same turn; with the drawing of a
    large mask as well, keys and mouse would have to wait too long.
    """

    def __init__(
        self,
        layers: Sequence[CachedLayer],
        viewport: Callable[[], Viewport],
        repaint: Callable[[QRegion], None],
        parent: QObject,
    ) -> None:
        """
        Args:
            layers: in the order in which they are drawn.
            viewport: what the widget shows now.
            repaint: of the widget.
        """
        super().__init__(parent)
        self._layers, self._viewport, self._repaint = layers, viewport, repaint
        self._waiting = QRegion()

    @property
    def waiting(self) -> bool:
        """Whether something is still to be drawn before all that was asked for is repainted."""
        return not self._waiting.isEmpty()

    def ask(self, place: QRect) -> None:
        """Repaint a place, at once unless a layer is behind."""
        if self._behind() is None:
            self._repaint(QRegion(place))
        else:
            self._waiting += place
            in_turn(self, self._draw_on)

    def _behind(self) -> CachedLayer | None:
        viewport = self._viewport()
        return next((layer for layer in self._layers if layer.is_behind(viewport)), None)

    def _draw_on(self) -> None:
        layer = self._behind()
        new = layer is not None and layer.draw_on(self._viewport())
        behind = self._behind()
        if behind is not None:
            in_turn(self, self._draw_on)
        # All layers change on screen together. But what is out of date again by now, while a slider moves on
        # and on, is shown: else nothing would be seen of it.
        if behind is None or (new and behind is layer):
            self._repaint(self._waiting)
        if behind is None:
            self._waiting = QRegion()
