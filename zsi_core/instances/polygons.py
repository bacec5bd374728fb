"""Masks <-> polygons with holes and several parts.

A geometry is a list of parts; a part is one outer ring with its holes. Coordinates are continuous x, y in
pixels: the pixel in column x and row y covers x to x + 1 and y to y + 1. Traced rings run along pixel edges,
so tracing and rasterising gives back the very same mask.

Shapes: P number of points of a ring, which is not closed (the first point is not repeated at the end).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from pycocotools import mask as coco_mask

from zsi_core.instances import rle as rles
from zsi_core.instances.rle import Rle

MAX_COORDINATE = 1e8
"""Largest absolute coordinate: pycocotools counts fifths of a pixel in 32 bits."""

MAX_OUTLINE = 4e6
"""Longest ring in pixels: rasterising takes some 80 bytes per pixel of it."""


@dataclass(frozen=True, eq=False)
class Part:
    """A connected piece of an object.

    Attributes:
        outer: (P, 2) float64 ring x, y.
        holes: rings of the same kind inside it.
    """

    outer: np.ndarray
    holes: tuple[np.ndarray, ...] = ()


def trace(rle: Rle) -> list[Part]:
    """The exact outline of a mask.

    Pixels that touch only at a corner belong to different parts. Every ring is simple (no point twice) and
    every part a valid polygon; outer rings run clockwise on screen, holes counter-clockwise. The cost grows
    with the outline, not with the image.

    Returns:
        Parts in the order of their topmost, then leftmost edge; empty for an empty mask.

    Raises:
        ValueError: the RLE is malformed.
    """
    rings = [ring for loop in _loops(rle) for ring in _simple_rings(loop)]
    areas = [_signed_area(ring) for ring in rings]
    outers = [ring for ring, area in zip(rings, areas, strict=True) if area > 0]
    holes = [ring for ring, area in zip(rings, areas, strict=True) if area < 0]
    holes_of: list[list[np.ndarray]] = [[] for _ in outers]
    for hole, owner in zip(holes, _owners(holes, outers), strict=True):
        holes_of[owner].append(hole)
    return [Part(outer, tuple(inner)) for outer, inner in zip(outers, holes_of, strict=True)]


def rasterise(parts: Sequence[Part], size: tuple[int, int]) -> Rle:
    """The pixels inside any part and outside its holes, by the rule of pycocotools.

    Args:
        parts: geometry; what lies outside the image is cut off.
        size: (height, width) of the image.

    Raises:
        ValueError: see `rasterise_rings`.
    """
    whole = [part.outer for part in parts if not part.holes]
    masks = [rasterise_rings(whole, size)] if whole or not parts else []
    for part in parts:
        if part.holes:
            masks.append(
                rles.subtract(rasterise_rings([part.outer], size), rasterise_rings(part.holes, size))
            )
    return masks[0] if len(masks) == 1 else rles.union(masks)


def rasterise_rings(rings: Sequence[np.ndarray], size: tuple[int, int]) -> Rle:
    """The pixels inside any of the rings, each filled by the even-odd rule.

    Args:
        rings: each (P, 2), P at least 3.
        size: (height, width) of the image.

    Raises:
        ValueError: a ring has fewer than 3 points, a coordinate is not finite or beyond `MAX_COORDINATE`, an
            outline is longer than `MAX_OUTLINE`, or the image has more than `rle.MAX_PIXELS`.
    """
    height, width = size
    rles.check_size(height, width)
    if not rings:
        return rles.from_counts([height * width], size)
    for ring in rings:
        check_ring(ring)
    return rles.union(coco_mask.frPyObjects([ring.ravel() for ring in rings], height, width))


def check_ring(ring: np.ndarray) -> None:
    """Raise ValueError where pycocotools would crash, exhaust memory, or take two points for a box."""
    if ring.ndim != 2 or ring.shape[1:] != (2,) or len(ring) < 3:
        raise ValueError(f"a ring must have shape (P, 2), P at least 3, but got {ring.shape}")
    low, high = ring.min(), ring.max()
    if not -MAX_COORDINATE <= low <= high <= MAX_COORDINATE:  # False for NaN, too
        raise ValueError(f"the coordinates of a ring must be numbers between ±{MAX_COORDINATE:.0f}")
    # The first comparison settles all ordinary rings without measuring them.
    if len(ring) * (high - low) > MAX_OUTLINE and outline_length(ring) > MAX_OUTLINE:
        raise ValueError(f"the outline of a ring must be at most {MAX_OUTLINE:.0f} pixels long")


def outline_length(ring: np.ndarray) -> float:
    """Pixels that drawing a (P, 2) ring passes: the larger of width and height of every side, summed."""
    return float(np.abs(ring - np.roll(ring, 1, axis=0)).max(axis=1).sum())


def simplify(parts: Sequence[Part], tolerance: float) -> list[Part]:
    """Fewer points: pixels change only within `tolerance` + 1 of the outline, no hole or part gets lost.

    Raises:
        ValueError: the tolerance is negative.
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0 px, but got {tolerance}")
    return from_shapely(shapely.simplify(to_shapely(parts), tolerance, preserve_topology=True))


def to_shapely(parts: Iterable[Part]) -> shapely.MultiPolygon:
    """The same geometry for shapely."""
    return shapely.MultiPolygon([shapely.Polygon(part.outer, part.holes) for part in parts])


def from_shapely(geometry: shapely.Geometry) -> list[Part]:
    """The polygons of any shapely geometry; points and lines in it are dropped."""
    polygons = [
        piece for piece in _pieces(geometry) if isinstance(piece, shapely.Polygon) and not piece.is_empty
    ]
    return [
        Part(_open_ring(polygon.exterior), tuple(_open_ring(hole) for hole in polygon.interiors))
        for polygon in polygons
    ]


def _pieces(geometry: shapely.Geometry) -> Iterable[shapely.Geometry]:
    for piece in shapely.get_parts(geometry):
        yield from _pieces(piece) if hasattr(piece, "geoms") else [piece]


def _open_ring(ring: shapely.LinearRing) -> np.ndarray:
    return shapely.get_coordinates(ring)[:-1]


def _loops(rle: Rle) -> list[list[tuple[int, int]]]:
    """Closed walks (x, y) along all pixel edges between inside and outside, with the inside on the right.

    The walks may pass a corner twice where two inside pixels touch diagonally.
    """
    _, width = rle["size"]
    column, top, bottom = _column_runs(rle)
    # Vertices are numbered row by row. Upper edges of neighbouring runs in a row join, so do lower ones.
    row = width + 1
    top_left, top_right = _joined(np.sort(top * row + column))
    bottom_left, bottom_right = _joined(np.sort(bottom * row + column))
    # With the inside on the right, upper edges run rightwards and lower edges leftwards.
    start = np.concatenate([top_left, bottom_right])
    end = np.concatenate([top_right, bottom_left])
    is_top = np.arange(start.size) < top_left.size

    # In each column of vertices, going down, the 1st and 2nd, 3rd and 4th ... are joined by a vertical edge.
    # Where inside pixels touch diagonally, two lie on one spot: that of a lower edge goes to the pixel above.
    vertex = np.concatenate([start, end])
    order = np.lexsort((np.tile(is_top, 2), vertex // row, vertex % row))
    pairs = order.reshape(-1, 2)
    following = np.empty(start.size, dtype=np.int64)
    following[pairs.max(axis=1) - start.size] = pairs.min(axis=1)

    starts = list(zip((start % row).tolist(), (start // row).tolist(), strict=True))
    ends = list(zip((end % row).tolist(), (end // row).tolist(), strict=True))
    successor = following.tolist()
    visited = [False] * start.size
    loops = []
    for first in range(start.size):
        edge = first
        loop: list[tuple[int, int]] = []
        while not visited[edge]:
            visited[edge] = True
            loop += (starts[edge], ends[edge])
            edge = successor[edge]
        if loop:
            loops.append(loop)
    return loops


def _column_runs(rle: Rle) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of inside pixels, cut at the borders of columns: (column, first row, row after the last)."""
    height = rle["size"][0]
    bounds = np.cumsum(rles.to_counts(rle))
    begin, end = bounds[:-1:2], bounds[1::2]
    pieces = (end - 1) // height - begin // height + 1
    run = np.repeat(np.arange(begin.size), pieces)
    column = begin[run] // height + np.arange(run.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    top = np.maximum(begin[run] - column * height, 0)
    bottom = np.minimum(end[run] - column * height, height)
    return column, top, bottom


def _joined(vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join unit edges that follow each other: (left vertex, right vertex) of each longer edge."""
    if vertices.size == 0:
        return vertices, vertices
    gap = np.flatnonzero(np.diff(vertices) != 1)
    return vertices[np.concatenate([[0], gap + 1])], vertices[np.concatenate([gap, [-1]])] + 1


def _simple_rings(loop: list[tuple[int, int]]) -> list[np.ndarray]:
    """Cut a closed walk wherever it returns to a point: (P, 2) rings without a point twice."""
    if len(set(loop)) == len(loop):
        return [np.array(loop, dtype=np.float64)]
    rings = []
    path: list[tuple[int, int]] = []
    place: dict[tuple[int, int], int] = {}
    for point in loop:
        if point in place:
            ring = path[place[point] :]
            rings.append(np.array(ring, dtype=np.float64))
            del path[place[point] :]
            for passed in ring:
                del place[passed]
        place[point] = len(path)
        path.append(point)
    return [np.array(path, dtype=np.float64), *rings]


def _signed_area(ring: np.ndarray) -> float:
    """Positive when the ring runs clockwise on screen."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _owners(holes: Sequence[np.ndarray], outers: Sequence[np.ndarray]) -> list[int]:
    """Index of the outer ring of each hole: the smallest ring around an inside pixel next to the hole."""
    if len(outers) <= 1 or not holes:
        return [0] * len(holes)
    beside = []
    for hole in holes:
        (x1, y1), (x2, y2) = hole[0], hole[1]
        across = (0, np.sign(x2 - x1)) if y1 == y2 else (-np.sign(y2 - y1), 0)
        beside.append(((x1 + x2 + across[0]) / 2, (y1 + y2 + across[1]) / 2))
    polygons = shapely.polygons([shapely.linearrings(outer) for outer in outers])
    areas = shapely.area(polygons)
    owners = [-1] * len(holes)
    for hole, outer in shapely.STRtree(polygons).query(shapely.points(beside), predicate="within").T:
        if owners[hole] < 0 or areas[outer] < areas[owners[hole]]:
            owners[hole] = int(outer)
    return owners
