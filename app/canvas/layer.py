"""`CachedLayer`: a drawing of the viewport that is kept, and redrawn only where it must be."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap

from app.canvas.viewport import Viewport

Draw = Callable[[QPainter, Viewport, QRectF], None]
"""Draws what lies in a rectangle of the widget, in widget coordinates."""


class CachedLayer:
    """Attributes:
    rebuilds: how often everything was drawn.
    patches: how often a part was: what an edit touched, or what came into view while panning.
    """

    def __init__(self, draw: Draw) -> None:
        self.rebuilds = 0
        self.patches = 0
        self._draw = draw
        self._pixmap = QPixmap()
        self._shown: Viewport | None = None  # what the pixmap shows; None: nothing that is of use
        self._stale: list[QRect] = []  # what is out of date; no two overlap

    def invalidate(self) -> None:
        """All of it is out of date."""
        self._shown = None
        self._stale.clear()

    def patch(self, viewport: Viewport, rect: QRectF) -> None:
        """What lies in a rectangle of the widget is out of date; it is drawn when it is next shown."""
        if self._shown != viewport:
            return  # it will be drawn as a whole
        stale = rect.toAlignedRect().intersected(QRect(0, 0, *viewport.widget))
        # A place that several changes touched is drawn once.
        while overlapping := next((other for other in self._stale if other.intersects(stale)), None):
            self._stale.remove(overlapping)
            stale = stale.united(overlapping)
        if not stale.isEmpty():
            self._stale.append(stale)

    def follow(self, viewport: Viewport) -> None:
        """Move with a viewport that was panned: only what comes into view is drawn."""
        shown = self._shown
        if shown is None or (shown.zoom, shown.widget, shown.ratio) != (
            viewport.zoom,
            viewport.widget,
            viewport.ratio,
        ):
            return
        self._mend()
        dx = round((viewport.x - shown.x) * viewport.ratio)
        dy = round((viewport.y - shown.y) * viewport.ratio)
        self._pixmap.scroll(dx, dy, self._pixmap.rect())
        self._shown = viewport
        width, height = viewport.widget
        # In device-independent pixels, rounded outwards.
        wide = min(width, math.ceil(abs(dx) / viewport.ratio))
        high = min(height, math.ceil(abs(dy) / viewport.ratio))
        self._redraw(viewport, QRect(0 if dx > 0 else width - wide, 0, wide, height))
        self._redraw(viewport, QRect(0, 0 if dy > 0 else height - high, width, high))

    def blit(self, painter: QPainter, viewport: Viewport, stretch: bool) -> None:
        """Put it on the widget.

        Args:
            stretch: while zooming, make do with the old drawing in the new size.
        """
        self._mend()
        if self._shown is not None and stretch and self._shown != viewport:
            shown, scale = self._shown, viewport.zoom / self._shown.zoom
            corner = QPointF(viewport.x - shown.x * scale, viewport.y - shown.y * scale)
            painter.drawPixmap(
                QRectF(corner.x(), corner.y(), shown.widget[0] * scale, shown.widget[1] * scale),
                self._pixmap,
                QRectF(self._pixmap.rect()),
            )
            return
        if self._shown != viewport:
            self._rebuild(viewport)
        painter.drawPixmap(QPointF(0, 0), self._pixmap)

    def _rebuild(self, viewport: Viewport) -> None:
        width, height = viewport.widget
        size = QSize(math.ceil(width * viewport.ratio), math.ceil(height * viewport.ratio))
        if self._pixmap.size() != size or self._pixmap.devicePixelRatio() != viewport.ratio:
            self._pixmap = QPixmap(size)
            self._pixmap.setDevicePixelRatio(viewport.ratio)
        self._pixmap.fill(QColor(0, 0, 0, 0))
        self._shown = viewport
        self._stale.clear()
        painter = QPainter(self._pixmap)
        self._draw(painter, viewport, QRectF(0, 0, width, height))
        painter.end()
        self.rebuilds += 1

    def _mend(self) -> None:
        """Draw what is out of date."""
        stale, self._stale = self._stale, []
        for rect in stale:
            assert self._shown is not None
            self._redraw(self._shown, rect)

    def _redraw(self, viewport: Viewport, rect: QRect) -> None:
        if rect.isEmpty():
            return
        painter = QPainter(self._pixmap)
        painter.setClipRect(rect)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.fillRect(rect, Qt.GlobalColor.transparent)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        self._draw(painter, viewport, QRectF(rect))
        painter.end()
        self.patches += 1
