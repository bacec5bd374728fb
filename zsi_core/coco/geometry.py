"""Geometry of an object as COCO writes it: `segmentation`, `bbox` and `area` that agree with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zsi_core.coco.segmentation import flat_polygons
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part, rasterise, trace
from zsi_core.instances.rle import Rle

MAX_TRACED_RUNS = 20_000
"""Masks of more runs (noise, not objects) stay RLE: their polygons would be many times larger."""


@dataclass(frozen=True)
class CocoGeometry:
    """The three values of an annotation that describe where its object is.

    Build it with `of_mask`, `of_parts` or `of_box`; directly only to keep the values of a file that was
    imported and not edited.

    Attributes:
        segmentation: flat polygons where they are exact (no hole), else compressed RLE; [] for a box alone.
        bbox: x, y, width, height in pixels, tight around the mask.
        area: pixels inside the mask, by pycocotools.
    """

    segmentation: Any
    bbox: Sequence[float]
    area: float

    @classmethod
    def of_mask(cls, mask: Rle) -> CocoGeometry:
        """Geometry that gives back exactly this mask, which must not be empty."""
        if len(mask["counts"]) <= MAX_TRACED_RUNS:
            parts = trace(mask)
            if not any(part.holes for part in parts):
                return cls._measured(mask, flat_polygons(parts))
        return cls._measured(mask, mask)

    @classmethod
    def of_parts(cls, parts: Sequence[Part], size: tuple[int, int]) -> CocoGeometry:
        """Geometry of polygons in an image of `size` (height, width); coordinates are rounded to 0.01 px.

        Raises:
            ValueError: no pixel lies inside, or the polygons cannot be rasterised.
        """
        rounded = [
            Part(np.round(part.outer, 2), tuple(np.round(hole, 2) for hole in part.holes)) for part in parts
        ]
        mask = rasterise(rounded, size)
        if any(part.holes for part in parts):
            return cls._measured(mask, mask)
        return cls._measured(mask, flat_polygons(rounded))

    @classmethod
    def of_box(cls, box: Sequence[float] | np.ndarray) -> CocoGeometry:
        """Geometry of an object that has only a box x1, y1, x2, y2."""
        x1, y1, x2, y2 = (round(float(edge), 2) for edge in box)
        width, height = round(x2 - x1, 2), round(y2 - y1, 2)
        return cls([], (x1, y1, width, height), round(width * height, 2))

    @classmethod
    def _measured(cls, mask: Rle, segmentation: Any) -> CocoGeometry:
        area, bbox = rles.extent(mask)
        if area == 0:
            raise ValueError("the object must cover at least one pixel: leave it out, or keep its box alone")
        return cls(segmentation, bbox, area)
