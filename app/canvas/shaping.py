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
    rounded = [
        Part(np.round(part.outer, 2), tuple(np.round(hole, 2) for hole in part.holes if len(hole) >= 3))
        for part in parts
        if len(part.outer) >= 3
    ]
    if not rounded:
        return None
    shape = to_shapely(rounded)
    x1, y1, x2, y2 = shape.bounds
    inside = x1 >= 0 and y1 >= 0 and x2 <= size[0] and y2 <= size[1]
    if not (inside and shape.is_valid):
        pieces = shapely.union_all([shapely.make_valid(piece) for piece in shape.geoms])
        cut = shapely.intersection(pieces, shapely.box(0, 0, *size))
        # A geometry is kept in hundredths of a pixel, and must be valid then, too.
        rounded = from_shapely(shapely.set_precision(cut, 0.01))
    covering = [part for part in rounded if _covers_a_pixel(part, size)]
    return Geometry.from_parts(covering) if covering else None


def _covers_a_pixel(part: Part, size: Size) -> bool:
    return bool(rle.areas([rasterise([part], size[::-1])])[0])


def from_mask(mask: Rle | None) -> Geometry | None:
    """Pixels as a geometry."""
    return Geometry.from_mask(mask) if mask is not None and rle.areas([mask])[0] else None


def as_mask(geometry: Geometry, size: Size) -> Rle:
    """The pixels of any geometry; those of the box where no more is known.

    A mask of an image of another size (the file was replaced) is cut off or continued with nothing.
    """
    if geometry.mask is not None:
        if geometry.mask["size"] == [size[1], size[0]]:
            return geometry.mask
        window, origin = decode_window(geometry.mask)
        return encode_window(window, origin, size[::-1])
    parts = geometry.parts or _box_parts(geometry)
    return rasterise(parts, size[::-1])


def _box_parts(geometry: Geometry) -> tuple[Part, ...]:
    x1, y1, x2, y2 = geometry.box
    return (Part(np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], dtype=np.float64)),)


def room_to_move(geometries: Sequence[Geometry], dx: float, dy: float, size: Size) -> tuple[float, float]:
    """How far all of them can move together: as far as wished, or to the border of the image.

    Where one of them is a mask, whole pixels: masks stay exact.
    """
    x1, y1, x2, y2 = np.array([geometry.box for geometry in geometries]).T
    dx = float(np.clip(dx, min(0.0, -x1.min()), max(0.0, size[0] - x2.max())))
    dy = float(np.clip(dy, min(0.0, -y1.min()), max(0.0, size[1] - y2.max())))
    if any(geometry.mask is not None for geometry in geometries):
        return float(round(dx)), float(round(dy))
    return dx, dy


def translate(geometry: Geometry, dx: float, dy: float, size: Size) -> Geometry:
    """Moved; a mask by whole pixels. See `room_to_move`."""
    if geometry.mask is not None:
        window, (x, y) = decode_window(geometry.mask)
        return Geometry.from_mask(encode_window(window, (x + round(dx), y + round(dy)), size[::-1]))
    by = np.array([dx, dy])
    if geometry.is_box:
        x1, y1, x2, y2 = geometry.box
        return Geometry.from_box((x1 + dx, y1 + dy, x2 + dx, y2 + dy))
    return Geometry.from_parts(
        [Part(part.outer + by, tuple(hole + by for hole in part.holes)) for part in geometry.polygons]
    )


def fitted(geometry: Geometry, size: Size) -> Geometry | None:
    """What of a geometry lies in an image of this size."""
    return valid(geometry, size) if geometry.mask is None else from_mask(as_mask(geometry, size))


def merge(geometries: Sequence[Geometry], size: Size) -> Geometry | None:
    """All of them as one; a mask as soon as one of them is, else polygons."""
    if any(geometry.mask is not None for geometry in geometries):
        return from_mask(rle.union([as_mask(geometry, size) for geometry in geometries]))
    shapes = [shapely.make_valid(to_shapely(g.parts or _box_parts(g))) for g in geometries]
    return from_parts(from_shapely(shapely.union_all(shapes)), size)


def split(geometry: Geometry, size: Size) -> list[Geometry]:
    """Each part as a geometry of its own, the largest first."""
    if geometry.mask is not None:
        pieces = [from_mask(rasterise([part], size[::-1])) for part in geometry.parts]
    else:
        pieces = [from_parts([part], size) for part in geometry.polygons]
    return sorted((piece for piece in pieces if piece is not None), key=lambda piece: -piece.area)


def fill_holes(geometry: Geometry, size: Size) -> Geometry | None:
    """The same without holes; None where there are none."""
    if not any(part.holes for part in geometry.parts):
        return None
    filled = [Part(part.outer) for part in geometry.parts]
    if geometry.mask is not None:
        return from_mask(rasterise(filled, size[::-1]))
    return from_parts(from_shapely(shapely.union_all(to_shapely(filled).geoms)), size)


def simplified(geometry: Geometry, tolerance: float, size: Size) -> Geometry | None:
    """Polygons with fewer points, at most about `tolerance` pixels off; a mask becomes polygons, too."""
    if not geometry.parts:
        return None
    return from_parts(simplify(geometry.parts, tolerance), size)


def number_of_points(geometry: Geometry) -> int:
    """Points of all rings."""
    return sum(len(part.outer) + sum(len(hole) for hole in part.holes) for part in geometry.parts)


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
        for i, part in enumerate(geometry.polygons or _box_parts(geometry))
        for j, ring in enumerate((part.outer, *part.holes))
    ]


def with_point(geometry: Geometry, place: Place, point: tuple[float, float]) -> Geometry:
    """One point moved; not made valid, for showing while it is dragged."""
    if not geometry.polygons:
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
    part = geometry.polygons[i]
    ring = (part.outer, *part.holes)[j]
    if len(ring) > 3:
        return _with_ring(geometry, place, lambda ring: np.delete(ring, place[2], axis=0))
    parts = list(geometry.polygons)
    if j:
        parts[i] = replace(part, holes=part.holes[: j - 1] + part.holes[j:])
    else:
        del parts[i]
    return Geometry.from_parts(parts) if parts else None


def _with_ring(geometry: Geometry, place: Place, change: Callable[[np.ndarray], np.ndarray]) -> Geometry:
    parts = list(geometry.polygons)
    part = parts[place[0]]
    all_rings = [part.outer, *part.holes]
    all_rings[place[1]] = change(all_rings[place[1]])
    parts[place[0]] = Part(all_rings[0], tuple(all_rings[1:]))
    return Geometry.from_parts(parts)


def _resized_box(geometry: Geometry, corner: int, point: tuple[float, float]) -> Geometry:
    x1, y1, x2, y2 = geometry.box
    opposite = ((x2, y2), (x1, y2), (x1, y1), (x2, y1))[corner]
    (left, right), (top, bottom) = sorted((opposite[0], point[0])), sorted((opposite[1], point[1]))
    return Geometry.from_box((left, top, right, bottom))


def valid(geometry: Geometry, size: Size) -> Geometry | None:
    """A dragged geometry made fit for the project."""
    if geometry.polygons:
        return from_parts(geometry.polygons, size)
    x1, y1, x2, y2 = np.clip(geometry.box, 0, (*size, *size)).tolist()
    return Geometry.from_box((x1, y1, x2, y2)) if x2 - x1 >= 1 and y2 - y1 >= 1 else None
