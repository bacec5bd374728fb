"""`Geometry`: where an object is. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zsi_core.instances import Rle, rle
from zsi_core.instances.polygons import Part, trace

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in continuous pixels of the upright original image."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where an object is: polygons, or a mask that was edited as pixels, or a box alone.

    Make one with `from_parts`, `from_mask` or `from_box`.

    Attributes:
        box: tight box around the object.
        polygons: parts of an object that is kept as polygons; empty for the other kinds.
        mask: exact pixels of an object that is kept as a mask; None for the other kinds.
    """

    box: Box
    polygons: tuple[Part, ...] = ()
    mask: Rle | None = None

    @classmethod
    def from_parts(cls, parts: Sequence[Part]) -> Geometry:
        """Polygons, one part at least."""
        points = parts[0].outer if len(parts) == 1 else np.concatenate([part.outer for part in parts])
        (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return cls((x1, y1, x2, y2), tuple(parts))

    @classmethod
    def from_mask(cls, mask: Rle) -> Geometry:
        """Pixels, one at least."""
        x1, y1, x2, y2 = rle.boxes([mask])[0].tolist()
        return cls((x1, y1, x2, y2), (), mask)

    @classmethod
    def from_box(cls, box: Box) -> Geometry:
        """An object of which no more than the box is known."""
        return cls(box)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The outline: the polygons, or the exact trace of the mask; empty where only the box is known."""
        return self.polygons if self.mask is None else tuple(trace(self.mask))
