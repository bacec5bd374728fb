"""`Handles`: the points and edges of an object that the mouse can take hold of."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.canvas.shaping import Place, rings
from app.canvas.viewport import Viewport
from app.project.geometry import Geometry

REACH = 7.0
"""Pixels around a point or an edge within which the mouse takes it."""
_SPACING = 5.0
"""Where points lie closer together on average they are neither shown nor taken: zoom in first."""
_SIZE = 6.0


class Handles:
    """Points of one geometry in widget coordinates."""

    def __init__(self, geometry: Geometry, viewport: Viewport) -> None:
        places: list[tuple[int, int, int]] = []
        points, following = [np.zeros((0, 2))], [np.zeros((0, 2))]
        for part, ring_number, ring in rings(geometry):
            places += [(part, ring_number, i) for i in range(len(ring))]
            on_screen = ring * viewport.zoom + (viewport.x, viewport.y)
            points.append(on_screen)
            following.append(np.roll(on_screen, -1, axis=0))
        self._places = places
        self._points = np.concatenate(points)
        self._next = np.concatenate(following)
        length = np.linalg.norm(self._next - self._points, axis=1).sum()
        self.shown = bool(places) and length >= _SPACING * len(places)

    def point_at(self, place: QPointF) -> Place | None:
        """The point that the mouse would take, the nearest one."""
        if not self.shown:
            return None
        distance = np.hypot(*(self._points - (place.x(), place.y())).T)
        nearest = int(distance.argmin())
        return self._places[nearest] if distance[nearest] <= REACH else None

    def edge_at(self, place: QPointF) -> Place | None:
        """The edge that the mouse would take, by the point it starts from."""
        if not self.shown:
            return None
        to_mouse, along = np.array((place.x(), place.y())) - self._points, self._next - self._points
        share = (to_mouse * along).sum(axis=1) / np.maximum((along * along).sum(axis=1), 1e-9)
        distance = np.linalg.norm(to_mouse - np.clip(share, 0, 1)[:, None] * along, axis=1)
        nearest = int(distance.argmin())
        return self._places[nearest] if distance[nearest] <= REACH - 2 else None

    def paint(self, painter: QPainter, visible: QRectF, lit: Place | None) -> None:
        """Draw the points that are in view, and one of them larger."""
        if not self.shown:
            return
        view = visible.adjusted(-_SIZE, -_SIZE, _SIZE, _SIZE)
        x, y = self._points.T
        inside = (x >= view.left()) & (x <= view.right()) & (y >= view.top()) & (y <= view.bottom())
        half = _SIZE / 2
        squares = [QRectF(px - half, py - half, _SIZE, _SIZE) for px, py in self._points[inside].tolist()]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 220), 1.2))
        painter.setBrush(QColor(255, 255, 255))
        painter.drawRects(squares)
        if lit in self._places:
            px, py = self._points[self._places.index(lit)]
            painter.setPen(QPen(Qt.GlobalColor.black, 1.6))
            painter.drawEllipse(QPointF(px, py), 6.5, 6.5)
