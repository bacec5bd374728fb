"""Where an object is: polygons with holes, a mask edited as pixels, or a box alone.

Coordinates are stored in hundredths of a pixel, the precision of exported files.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part, check_ring, rasterise, to_shapely, trace
from zsi_core.instances.rle import Rle

Box = tuple[float, float, float, float]

STEPS_PER_PIXEL = 100
"""Coordinates are whole numbers of these steps in the file."""

MAX_COORDINATE = 2e7
"""Largest absolute coordinate in pixels: 32 bits hold hundredths of it."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Geometry of one object; build it with `from_parts`, `from_mask` or `from_box`.

    Attributes:
        box: x1, y1, x2, y2 in continuous pixels, tight around polygons or mask.
        polygons: pieces with holes; empty for a mask edited as pixels and for a box alone.
        mask: RLE at the size of the image; None for polygons and for a box alone.
    """

    box: Box
    polygons: tuple[Part, ...] = ()
    mask: Rle | None = None

    @classmethod
    def from_parts(cls, parts: Sequence[Part]) -> Geometry:
        """Polygons; coordinates are rounded to 0.01 px.

        Raises:
            ValueError: there is no part, or a ring cannot be rasterised.
        """
        if not parts:
            raise ValueError("a geometry needs at least one part")
        rounded = tuple(Part(_rounded(part.outer), tuple(map(_rounded, part.holes))) for part in parts)
        return cls(_bounds([part.outer for part in rounded]), polygons=rounded)

    @classmethod
    def from_mask(cls, mask: Rle) -> Geometry:
        """A mask edited as pixels, kept exactly.

        Raises:
            ValueError: the RLE is malformed, or no pixel lies inside.
        """
        rles.to_counts(mask)
        if not rles.areas([mask])[0]:
            raise ValueError("the mask must cover at least one pixel")
        x1, y1, x2, y2 = (float(edge) for edge in rles.boxes([mask])[0])
        return cls((x1, y1, x2, y2), mask=mask)

    @classmethod
    def from_box(cls, box: Sequence[float]) -> Geometry:
        """A box alone, x1, y1, x2, y2, rounded to 0.01 px.

        Raises:
            ValueError: it is not four numbers with x1 <= x2 and y1 <= y2.
        """
        if len(box) != 4 or not all(math.isfinite(edge) and abs(edge) <= MAX_COORDINATE for edge in box):
            raise ValueError(f"a box must be four numbers between ±{MAX_COORDINATE:.0f}, but got {box}")
        x1, y1, x2, y2 = (round(float(edge), 2) for edge in box)
        if x1 > x2 or y1 > y2:
            raise ValueError(f"a box must have x1 <= x2 and y1 <= y2, but got {box}")
        return cls((x1, y1, x2, y2))

    @property
    def is_box(self) -> bool:
        """Whether there is neither polygon nor mask."""
        return not self.polygons and self.mask is None

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What to draw: the polygons, or the exact outline of the mask; empty for a box alone."""
        return self.polygons if self.mask is None else tuple(trace(self.mask))

    @cached_property
    def area(self) -> float:
        """Square pixels inside; those of the box where there is nothing else."""
        if self.mask is not None:
            return float(rles.areas([self.mask])[0])
        if self.polygons:
            return float(to_shapely(self.polygons).area)
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def to_mask(self, size: tuple[int, int]) -> Rle | None:
        """The mask in an image of (height, width); None for a box alone.

        Raises:
            ValueError: the mask belongs to an image of another size.
        """
        if self.mask is None:
            return rasterise(self.polygons, size) if self.polygons else None
        if tuple(self.mask["size"]) != size:
            raise ValueError(f"the mask is of an image of size {self.mask['size']}, but got {list(size)}")
        return self.mask


def encode(geometry: Geometry) -> bytes:
    """The geometry as it lies in the project file; equal geometries have equal bytes."""
    if geometry.mask is not None:
        height, width = geometry.mask["size"]
        return b"M" + struct.pack("<II", height, width) + geometry.mask["counts"].encode("ascii")
    if not geometry.polygons:
        return b"B" + _steps(np.array(geometry.box)).tobytes()
    rings = [ring for part in geometry.polygons for ring in (part.outer, *part.holes)]
    header = [len(geometry.polygons), *(1 + len(part.holes) for part in geometry.polygons), *map(len, rings)]
    points = rings[0] if len(rings) == 1 else np.concatenate(rings)
    return b"P" + struct.pack(f"<{len(header)}I", *header) + _steps(points).tobytes()


def decode(data: bytes) -> Geometry:
    """The geometry that `encode` wrote."""
    kind = data[:1]
    if kind == b"M":
        height, width = struct.unpack_from("<II", data, 1)
        mask = Rle(size=[height, width], counts=data[9:].decode("ascii"))
        x1, y1, x2, y2 = (float(edge) for edge in rles.boxes([mask])[0])
        return Geometry((x1, y1, x2, y2), mask=mask)
    if kind == b"B":
        x1, y1, x2, y2 = (_pixels(np.frombuffer(data, "<i4", offset=1))).tolist()
        return Geometry((x1, y1, x2, y2))
    (n_parts,) = struct.unpack_from("<I", data, 1)
    rings_of = struct.unpack_from(f"<{n_parts}I", data, 5)
    offset = 5 + 4 * n_parts
    lengths = struct.unpack_from(f"<{sum(rings_of)}I", data, offset)
    points = _pixels(np.frombuffer(data, "<i4", offset=offset + 4 * len(lengths))).reshape(-1, 2)
    rings, start = [], 0
    for length in lengths:
        rings.append(points[start : start + length])
        start += length
    parts, first = [], 0
    for count in rings_of:
        parts.append(Part(rings[first], tuple(rings[first + 1 : first + count])))
        first += count
    return Geometry(_bounds([part.outer for part in parts]), polygons=tuple(parts))


def iou(first: Geometry, second: Geometry) -> float:
    """Intersection over union of two objects of one image, by pixels; of the boxes if one is a box alone."""
    if first.is_box or second.is_box:
        return _box_iou(first.box, second.box)
    mask = first.mask or second.mask
    if mask is not None:
        height, width = mask["size"]
        dx = dy = 0
    else:  # only the pixels around the two: the cost must not grow with the image
        boxes = np.array([first.box, second.box])
        dx, dy = (int(edge) for edge in np.floor(boxes[:, :2].min(axis=0)))
        right, bottom = (int(edge) for edge in np.ceil(boxes[:, 2:].max(axis=0)))
        height, width = bottom - dy + 1, right - dx + 1
    masks = [
        geometry.mask or rasterise(_moved(geometry.polygons, -dx, -dy), (height, width))
        for geometry in (first, second)
    ]
    return float(rles.iou(masks[:1], masks[1:])[0, 0])


def _moved(parts: Sequence[Part], dx: float, dy: float) -> list[Part]:
    by = np.array([dx, dy])
    return [Part(part.outer + by, tuple(hole + by for hole in part.holes)) for part in parts]


def _box_iou(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    whole = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (first, second)) - shared
    return shared / whole if whole else 0.0


def _rounded(ring: np.ndarray) -> np.ndarray:
    ring = np.asarray(ring, dtype=np.float64)
    check_ring(ring)
    if not (np.abs(ring) <= MAX_COORDINATE).all():
        raise ValueError(f"the coordinates of a ring must lie between ±{MAX_COORDINATE:.0f}")
    return np.round(ring, 2)


def _bounds(rings: Sequence[np.ndarray]) -> Box:
    points = rings[0] if len(rings) == 1 else np.concatenate(rings)
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return (x1, y1, x2, y2)


def _steps(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels * STEPS_PER_PIXEL).astype("<i4")


def _pixels(steps: np.ndarray) -> np.ndarray:
    return steps / STEPS_PER_PIXEL
