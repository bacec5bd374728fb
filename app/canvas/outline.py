"""The outline of an object as Qt draws it: whole to be filled, and in pieces to be drawn as a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from PySide6.QtCore import QByteArray, QDataStream, QRectF
from PySide6.QtGui import QPainterPath

from app.project.geometry import Geometry

MANY_POINTS = 100
"""Outlines with more points are thinned out as far as nobody can see: masks come with thousands."""
PIECE = 40
"""Points of a piece of an outline with many. Qt goes through all of a smooth line again for every 40 rows of
pixels that it covers: the outline of a large mask takes five times as long when it is drawn in one go."""
_ROOM = 8.0
"""Pixels on screen that a line may reach beyond its points."""


@dataclass(frozen=True)
class Piece:
    """A part of a ring as an open line.

    Attributes:
        path: in image coordinates; the whole outline, closed, where that has few points.
        start: where it begins, in image pixels from the start of its ring.
        box: outside of which the line is nowhere seen.
    """

    path: QPainterPath
    start: float
    box: QRectF


@dataclass(frozen=True)
class Outline:
    """Attributes:
    path: closed rings in image coordinates.
    pieces: the same as lines.
    """

    path: QPainterPath
    pieces: Sequence[Piece]

    def in_view(self, view: QRectF) -> Outline:
        """Without the pieces that a rectangle of the image does not show; an empty one shows all."""
        if view.isEmpty() or len(self.pieces) == 1:
            return self
        return Outline(self.path, [piece for piece in self.pieces if piece.box.intersects(view)])


def level_of(scale: float) -> int:
    """Outlines of one level look the same, at scales in screen pixels per image pixel."""
    return math.floor(math.log2(scale))


def outline_of(geometry: Geometry, path: QPainterPath, level: int) -> Outline:
    """The outline at all scales of a level.

    Args:
        path: that of `path_of`.
    """
    if path.elementCount() <= MANY_POINTS:
        return Outline(path, [Piece(path, 0.0, path.controlPointRect())])
    rings = [ring for part in geometry.parts for ring in (part.outer, *part.holes)]
    lines = shapely.simplify(
        [shapely.LinearRing(ring) for ring in rings],
        0.4 / 2 ** (level + 1),
        preserve_topology=False,  # ten times as fast; what crosses itself by less than a pixel looks the same
    )
    points = [shapely.get_coordinates(line) for line in lines]
    room = _ROOM / 2**level
    return Outline(_path(points), [piece for ring in points for piece in _pieces(ring, room)])


def _pieces(ring: np.ndarray, room: float) -> list[Piece]:
    """Of a ring whose last point is its first."""
    starts = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
    pieces = []
    for first in range(0, len(ring) - 1, PIECE):
        path = _path([ring[first : first + PIECE + 1]])
        box = path.controlPointRect().adjusted(-room, -room, room, room)
        pieces.append(Piece(path, float(starts[first]), box))
    return pieces


def path_of(geometry: Geometry) -> QPainterPath:
    """The exact outline of a geometry; the box where no more is known."""
    if geometry.is_box:
        path = QPainterPath()
        x1, y1, x2, y2 = geometry.box
        path.addRect(QRectF(x1, y1, x2 - x1, y2 - y1))
        return path
    rings = [ring for part in geometry.parts for ring in (part.outer, *part.holes)]
    return _path([np.vstack([ring, ring[:1]]) for ring in rings])


_ELEMENT = np.dtype([("type", ">i4"), ("x", ">f8"), ("y", ">f8")])
_LINE_TO, _MOVE_TO = 1, 0


def _path(lines: Sequence[np.ndarray]) -> QPainterPath:
    """A path of lines, from the bytes that Qt itself would write: twice as fast as calls per point."""
    elements = np.empty(sum(map(len, lines)), dtype=_ELEMENT)
    elements["type"] = _LINE_TO
    start = 0
    for line in lines:
        end = start + len(line)
        elements["type"][start] = _MOVE_TO
        elements["x"][start:end], elements["y"][start:end] = line[:, 0], line[:, 1]
        start = end
    path = QPainterPath()
    # Number of elements, elements, start of the last line (of use to further ones only), odd-even rule.
    data = len(elements).to_bytes(4, "big") + elements.tobytes() + bytes(8)
    stream = QDataStream(QByteArray(data))
    stream >> path
    return path
