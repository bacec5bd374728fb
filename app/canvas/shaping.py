"""What tools do to geometries: every result is valid, inside the image, and covers a pixel. Qt-free.

`size` is (width, height) of the image everywhere here. Functions return None where nothing would be left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import shapely

from app.canvas.pixels import decode_window, encode_window
from app.project.geometry import Geometry
from zsi_core.instances import Rle, rle
from zsi_core.instances.polygons import (
    Part,
    from_shapely,
    rasterise,
    simplify,
    to_shapely,
)

Size = tuple[int, int]


def polygon(points: Sequence[tuple[float, float]] | np.ndarray, size: Size) -> Geometry | None:
    """The area that a drawn ring of points encloses; a ring that crosses itself encloses its loops."""
    ring = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    return from_parts([Part(ring)], size) if len(ring) >= 3 else None


def rectangle(a: tuple[float, float], b: tuple[float, float], size: Size) -> Geometry | None:
    """The rectangle between two corners."""
    (x1, x2), (y1, y2) = sorted((a[0], b[0])), sorted((a[1], b[1]))
    return polygon([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], size)


def from_parts(parts: Sequence[Part], size: Size) -> Geometry | None:
    """Parts made valid, joined where they overlap, and cut off at the border; sound ones stay untouched."""
    parts = [
        Part(part.outer, tuple(hole for hole in part.holes if len(hole) >= 3))
        for part in parts
        if len(part.outer) >= 3
    ]
    if not parts:
        return None
    shape = to_shapely(parts)
    x1, y1, x2, y2 = shape.bounds
    inside = x1 >= 0 and y1 >= 0 and x2 <= size[0] and y2 <= size[1]
    if not (inside and shape.is_valid):
        pieces = [shapely.make_valid(piece) for piece in shape.geoms]
        parts = from_shapely(shapely.intersection(shapely.union_all(pieces), shapely.box(0, 0, *size)))
    parts = [part for part in parts if _covers_a_pixel(part, size)]
    return Geometry.of_parts(parts) if parts else None


def _covers_a_pixel(part: Part, size: Size) -> bool:
    return bool(rle.areas([rasterise([part], size[::-1])])[0])


def area(geometry: Geometry) -> float:
    """Square pixels inside; those of the box where no more is known."""
    if geometry.mask is not None:
        return float(rle.areas([geometry.mask])[0])
    return float(to_shapely(geometry.parts or _box_parts(geometry)).area)


def from_mask(mask: Rle | None) -> Geometry | None:
    """Pixels as a geometry."""
    return Geometry.of_mask(mask) if mask is not None and rle.areas([mask])[0] else None


def as_mask(geometry: Geometry, size: Size) -> Rle:
    """The pixels of any geometry; those of the box where no more is known."""
    if geometry.mask is not None:
        return geometry.mask
    parts = geometry.outline or _box_parts(geometry)
    return rasterise(parts, size[::-1])


def _box_parts(geometry: Geometry) -> tuple[Part, ...]:
    x1, y1, x2, y2 = geometry.box
    return (Part(np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], dtype=np.float64)),)


def translate(geometry: Geometry, dx: float, dy: float, size: Size) -> Geometry:
    """Moved as far as the image reaches. A mask moves by whole pixels, so that it stays exact."""
    x1, y1, x2, y2 = geometry.box
    dx = float(np.clip(dx, min(0.0, -x1), max(0.0, size[0] - x2)))
    dy = float(np.clip(dy, min(0.0, -y1), max(0.0, size[1] - y2)))
    if geometry.mask is not None:
        dx, dy = float(round(dx)), float(round(dy))
        window, (x, y) = decode_window(geometry.mask)
        return Geometry.of_mask(encode_window(window, (x + int(dx), y + int(dy)), size[::-1]))
    by = np.array([dx, dy])
    parts = tuple(Part(p.outer + by, tuple(hole + by for hole in p.holes)) for p in geometry.parts)
    return Geometry((x1 + dx, y1 + dy, x2 + dx, y2 + dy), parts)


def merge(geometries: Sequence[Geometry], size: Size) -> Geometry | None:
    """All of them as one; a mask as soon as one of them is, else polygons."""
    if any(geometry.mask is not None for geometry in geometries):
        return from_mask(rle.union([as_mask(geometry, size) for geometry in geometries]))
    shapes = [shapely.make_valid(to_shapely(g.outline or _box_parts(g))) for g in geometries]
    return from_parts(from_shapely(shapely.union_all(shapes)), size)


def split(geometry: Geometry, size: Size) -> list[Geometry]:
    """Each part as a geometry of its own, the largest first."""
    if geometry.mask is not None:
        pieces = [from_mask(rasterise([part], size[::-1])) for part in geometry.outline]
    else:
        pieces = [from_parts([part], size) for part in geometry.parts]
    return sorted((piece for piece in pieces if piece is not None), key=lambda piece: -area(piece))


def fill_holes(geometry: Geometry, size: Size) -> Geometry | None:
    """The same without holes; None where there are none."""
    if not any(part.holes for part in geometry.outline):
        return None
    filled = [Part(part.outer) for part in geometry.outline]
    if geometry.mask is not None:
        return from_mask(rasterise(filled, size[::-1]))
    return from_parts(from_shapely(shapely.union_all(to_shapely(filled).geoms)), size)


def simplified(geometry: Geometry, tolerance: float, size: Size) -> Geometry | None:
    """Polygons with fewer points, at most about `tolerance` pixels off; a mask becomes polygons, too."""
    if not geometry.outline:
        return None
    return from_parts(simplify(geometry.outline, tolerance), size)


def number_of_points(geometry: Geometry) -> int:
    """Points of all rings."""
    return sum(len(part.outer) + sum(len(hole) for hole in part.holes) for part in geometry.outline)


# ---------------------------------------------------------------- single points

Place = tuple[int, int, int]
"""(part, ring, point): ring 0 is the outer one, 1 the first hole. For an edge, the point it starts from."""


def rings(geometry: Geometry) -> list[tuple[int, int, np.ndarray]]:
    """(part, ring, (P, 2) points) of all rings that have points to take hold of.

    None for masks, which are edited as pixels; the corners of the box where no more is known.
    """
    if geometry.mask is not None:
        return []
    return [
        (i, j, ring)
        for i, part in enumerate(geometry.parts or _box_parts(geometry))
        for j, ring in enumerate((part.outer, *part.holes))
    ]


def with_point(geometry: Geometry, place: Place, point: tuple[float, float]) -> Geometry:
    """One point moved; not made valid, for showing while it is dragged."""
    if not geometry.parts:
        return _resized_box(geometry, place[2], point)

    def moved(ring: np.ndarray) -> np.ndarray:
        ring = ring.copy()
        ring[place[2]] = point
        return ring

    return _with_ring(geometry, place, moved)


def with_new_point(geometry: Geometry, edge: Place, point: tuple[float, float]) -> Geometry:
    """A point more, on an edge."""
    return _with_ring(geometry, edge, lambda ring: np.insert(ring, edge[2] + 1, point, axis=0))


def without_point(geometry: Geometry, place: Place) -> Geometry | None:
    """A point less; a ring of three points disappears, None where it was the last one."""
    i, j, _ = place
    part = geometry.parts[i]
    ring = (part.outer, *part.holes)[j]
    if len(ring) > 3:
        return _with_ring(geometry, place, lambda ring: np.delete(ring, place[2], axis=0))
    parts = list(geometry.parts)
    if j:
        parts[i] = replace(part, holes=part.holes[: j - 1] + part.holes[j:])
    else:
        del parts[i]
    return Geometry.of_parts(parts) if parts else None


def _with_ring(geometry: Geometry, place: Place, change: Callable[[np.ndarray], np.ndarray]) -> Geometry:
    parts = list(geometry.parts)
    part = parts[place[0]]
    all_rings = [part.outer, *part.holes]
    all_rings[place[1]] = change(all_rings[place[1]])
    parts[place[0]] = Part(all_rings[0], tuple(all_rings[1:]))
    return Geometry.of_parts(parts)


def _resized_box(geometry: Geometry, corner: int, point: tuple[float, float]) -> Geometry:
    x1, y1, x2, y2 = geometry.box
    opposite = ((x2, y2), (x1, y2), (x1, y1), (x2, y1))[corner]
    (left, right), (top, bottom) = sorted((opposite[0], point[0])), sorted((opposite[1], point[1]))
    return Geometry.of_box((left, top, right, bottom))


def valid(geometry: Geometry, size: Size) -> Geometry | None:
    """A dragged geometry made fit for the project."""
    if geometry.parts:
        return from_parts(geometry.parts, size)
    x1, y1, x2, y2 = np.clip(geometry.box, 0, (*size, *size)).tolist()
    return Geometry.of_box((x1, y1, x2, y2)) if x2 - x1 >= 1 and y2 - y1 >= 1 else None
