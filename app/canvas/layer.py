"""`CachedLayer`: a drawing of the viewport that is kept, and redrawn only where it must be.

Drawing takes place in slices between the events of the window; until the new drawing is complete, the old one
is shown.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap

from app.canvas.viewport import Viewport

Slice = Callable[[QPainter], None]
"""Draws a part of all in widget coordinates, in some milliseconds."""

Draw = Callable[[Viewport, QRectF], Sequence[Slice]]
"""What lies in a rectangle of the widget, to be drawn one after the other."""

_MENDED = 1
"""Slices beyond one for each place up to which a repaint draws what is out of date at once."""


@dataclass
class _Place:
    """A place that is out of date, and what is still to be drawn there."""

    rect: QRect
    left: deque[Slice]
    cleared: bool = False


@dataclass
class _Drawing:
    """A drawing that is not complete; `version` is what it shows."""

    pixmap: QPixmap
    viewport: Viewport
    version: int
    left: deque[Slice]


class CachedLayer:
    """Attributes:
    rebuilds: how often everything was drawn.
    patches: how often a part was: what an edit touched, or what came into view while panning.
    complete: whether the last `blit` has shown all as it is; if not, it is to be called again.
    """

    def __init__(self, draw: Draw) -> None:
        self.rebuilds = 0
        self.patches = 0
        self.complete = True
        self._draw = draw
        self._version = 0  # a higher one, whenever all that was drawn is out of date
        self._pixmap = QPixmap()
        self._shown: Viewport | None = None  # what the pixmap shows; None: nothing that is of use
        self._shown_version = 0
        self._stale: list[QRect] = []  # what is out of date of it; no two overlap
        self._places: deque[_Place] = deque()  # the same, being drawn
        self._drawing: _Drawing | None = None

    def invalidate(self) -> None:
        """All of it is out of date; the old drawing is shown until there is a new one."""
        self._version += 1
        self._stale.clear()
        self._places.clear()

    def forget(self) -> None:
        """All of it is out of date, and must not be seen any more."""
        self.invalidate()
        self._shown = self._drawing = None

    def patch(self, viewport: Viewport, rect: QRectF) -> None:
        """What lies in a rectangle of the widget is out of date; it is drawn when it is next shown."""
        if not self._is_up_to_date(viewport):
            self._version += 1  # it will be drawn as a whole: what is being drawn now may lack it
            return
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
        if shown is None or not self._is_up_to_date(shown):
            return
        if (shown.zoom, shown.widget, shown.ratio) != (viewport.zoom, viewport.widget, viewport.ratio):
            return
        self._mend(shown)
        dx = round((viewport.x - shown.x) * viewport.ratio)
        dy = round((viewport.y - shown.y) * viewport.ratio)
        self._pixmap.scroll(dx, dy, self._pixmap.rect())
        self._shown = viewport
        width, height = viewport.widget
        # In device-independent pixels, rounded outwards.
        wide = min(width, math.ceil(abs(dx) / viewport.ratio))
        high = min(height, math.ceil(abs(dy) / viewport.ratio))
        beside = QRect(0 if dx > 0 else width - wide, 0, wide, height)
        below = QRect(0, 0 if dy > 0 else height - high, width, high)
        self._stale = [rect for rect in (beside, below) if not rect.isEmpty()]
        self._mend(viewport)

    def is_behind(self, viewport: Viewport) -> bool:
        """Whether it shows this viewport, but not as it is: call `draw_on` until it does, then repaint."""
        return self._shown == viewport and (
            self._shown_version != self._version or bool(self._stale or self._places)
        )

    def draw_on(self, viewport: Viewport) -> bool:
        """Draw the next slice of what is out of date; whether there is now something new to show."""
        if self._is_up_to_date(viewport):
            self._plan(viewport)
            self._mend_on()
            return not self._places
        rebuilds = self.rebuilds
        self._go_on(viewport)
        return self.rebuilds > rebuilds

    def blit(self, painter: QPainter, viewport: Viewport, stretch: bool, behind: bool = False) -> None:
        """Put it on the widget.

        Args:
            stretch: while zooming, make do with the old drawing in the new size.
            behind: make do with the old drawing where `is_behind` is true.
        """
        if behind and self.is_behind(viewport):
            pass
        elif self._is_up_to_date(viewport) and not self._begin_anew(viewport):
            self._mend(viewport)
        elif not stretch or self._shown is None:
            self._go_on(viewport)
        self.complete = self._is_up_to_date(viewport) and not self.is_behind(viewport)
        shown = self._shown
        if shown == viewport:
            painter.drawPixmap(QPointF(0, 0), self._pixmap)
        elif shown is not None:
            scale = viewport.zoom / shown.zoom
            corner = QPointF(viewport.x - shown.x * scale, viewport.y - shown.y * scale)
            painter.drawPixmap(
                QRectF(corner.x(), corner.y(), shown.widget[0] * scale, shown.widget[1] * scale),
                self._pixmap,
                QRectF(self._pixmap.rect()),
            )
        elif self._drawing is not None:
            painter.drawPixmap(QPointF(0, 0), self._drawing.pixmap)

    def _is_up_to_date(self, viewport: Viewport) -> bool:
        return self._shown == viewport and self._shown_version == self._version

    def _go_on(self, viewport: Viewport) -> None:
        """Draw the next slice of all.

        What was begun is completed even where it is out of date by then: while a slider moves on and on,
        something is to be seen.
        """
        if self._drawing is None or self._drawing.viewport != viewport:
            self._drawing = self._begin(viewport)
        drawing = self._drawing
        if drawing.left:
            painter = QPainter(drawing.pixmap)
            drawing.left.popleft()(painter)
            painter.end()
        if drawing.left:
            return
        self._pixmap, self._shown, self._shown_version = drawing.pixmap, viewport, drawing.version
        self._stale.clear()
        self._places.clear()
        self._drawing = None
        self.rebuilds += 1

    def _begin_anew(self, viewport: Viewport) -> bool:
        """Whether mending takes so long that all is better drawn anew, in slices."""
        self._plan(viewport)
        if sum(len(place.left) for place in self._places) - len(self._places) <= _MENDED:
            return False
        self.invalidate()
        return True

    def _plan(self, viewport: Viewport) -> None:
        """Look what is to be drawn where something is out of date."""
        self._places += [_Place(rect, deque(self._draw(viewport, QRectF(rect)))) for rect in self._stale]
        self._stale.clear()

    def _begin(self, viewport: Viewport) -> _Drawing:
        width, height = viewport.widget
        pixmap = QPixmap(QSize(math.ceil(width * viewport.ratio), math.ceil(height * viewport.ratio)))
        pixmap.setDevicePixelRatio(viewport.ratio)
        pixmap.fill(QColor(0, 0, 0, 0))
        return _Drawing(
            pixmap, viewport, self._version, deque(self._draw(viewport, QRectF(0, 0, width, height)))
        )

    def _mend(self, viewport: Viewport) -> None:
        """Draw all that is out of date."""
        self._plan(viewport)
        while self._places:
            self._mend_on()

    def _mend_on(self) -> None:
        """Draw the next slice of what is out of date."""
        if not self._places:
            return
        place = self._places[0]
        painter = QPainter(self._pixmap)
        painter.setClipRect(place.rect)
        if not place.cleared:
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
            painter.fillRect(place.rect, Qt.GlobalColor.transparent)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
            place.cleared = True
        if place.left:
            place.left.popleft()(painter)
        painter.end()
        if not place.left:
            self._places.popleft()
            self.patches += 1
