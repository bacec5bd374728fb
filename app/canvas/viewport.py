"""`Viewport`: which part of the image is on screen, and how large."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QTransform

MIN_ZOOM, MAX_ZOOM = 0.01, 64.0
MARGIN = 12
"""Free pixels around a fitted image."""
KEPT_IN_VIEW = 48
"""Pixels of the image that panning leaves on screen."""


@dataclass(frozen=True)
class Viewport:
    """A point p of the image lies at `(x, y) + zoom * p` of the widget. Immutable: moving makes a new one.

    Attributes:
        image: (width, height) of the original image.
        widget: (width, height) of the widget in device-independent pixels.
        ratio: device pixels per device-independent pixel.
    """

    image: tuple[int, int]
    widget: tuple[int, int]
    ratio: float = 1.0
    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def to_image(self, point: QPointF) -> tuple[float, float]:
        """Where a point of the widget lies in the image; also outside."""
        return (point.x() - self.x) / self.zoom, (point.y() - self.y) / self.zoom

    def to_widget(self, x: float, y: float) -> QPointF:
        """Where a point of the image lies in the widget."""
        return QPointF(self.x + x * self.zoom, self.y + y * self.zoom)

    def rect_to_widget(self, box: tuple[float, float, float, float]) -> QRectF:
        """The same for a box x1, y1, x2, y2."""
        return QRectF(self.to_widget(box[0], box[1]), self.to_widget(box[2], box[3]))

    def rect_to_image(self, rect: QRectF) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 in the image of a rectangle of the widget."""
        return (*self.to_image(rect.topLeft()), *self.to_image(rect.bottomRight()))

    @property
    def transform(self) -> QTransform:
        """From image to widget."""
        return QTransform(self.zoom, 0, 0, self.zoom, self.x, self.y)

    def panned(self, dx: float, dy: float) -> Viewport:
        """Moved by whole device pixels, so that what was drawn can be moved along."""
        x = self._kept(self.x + dx, self.image[0] * self.zoom, self.widget[0])
        y = self._kept(self.y + dy, self.image[1] * self.zoom, self.widget[1])
        return self._at(
            self.zoom,
            self.x + round((x - self.x) * self.ratio) / self.ratio,
            self.y + round((y - self.y) * self.ratio) / self.ratio,
        )

    @staticmethod
    def _kept(start: float, length: float, room: int) -> float:
        kept = min(KEPT_IN_VIEW, length, room)
        return min(max(start, kept - length), room - kept)

    def zoomed(self, zoom: float, at: QPointF) -> Viewport:
        """With another zoom; the point of the image under `at` stays there."""
        zoom = min(max(zoom, MIN_ZOOM), MAX_ZOOM)
        x, y = self.to_image(at)
        left, top = at.x() - x * zoom, at.y() - y * zoom
        if math.isclose(zoom * self.ratio, 1.0):  # pixel on pixel: sharp only without a fraction
            left, top = round(left * self.ratio) / self.ratio, round(top * self.ratio) / self.ratio
        return self._at(zoom, left, top)

    def showing(self, box: tuple[float, float, float, float], margin: float = MARGIN) -> Viewport:
        """With a box of the image as large in the middle as it fits."""
        x1, y1, x2, y2 = box
        room = (max(1.0, self.widget[0] - 2 * margin), max(1.0, self.widget[1] - 2 * margin))
        zoom = min(room[0] / max(x2 - x1, 1e-6), room[1] / max(y2 - y1, 1e-6))
        zoom = min(max(zoom, MIN_ZOOM), MAX_ZOOM)
        middle = ((x1 + x2) / 2 * zoom, (y1 + y2) / 2 * zoom)
        return self._at(zoom, self.widget[0] / 2 - middle[0], self.widget[1] / 2 - middle[1])

    def fitted(self) -> Viewport:
        """With the whole image."""
        return self.showing((0, 0, *self.image))

    def resized(self, widget: tuple[int, int], ratio: float) -> Viewport:
        """In a widget of another size: the middle stays in the middle."""
        dx, dy = (widget[0] - self.widget[0]) / 2, (widget[1] - self.widget[1]) / 2
        return Viewport(self.image, widget, ratio, self.zoom, self.x + dx, self.y + dy)

    def _at(self, zoom: float, x: float, y: float) -> Viewport:
        return Viewport(self.image, self.widget, self.ratio, zoom, x, y)
