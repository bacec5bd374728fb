"""What COCO cannot say about a geometry, in the provenance (`zsi.geometry`): pixels, or polygons with holes.

COCO has no polygons with holes and cannot tell a mask that is edited as pixels from its outline. Without the
hint, both come back with the same pixels, but as the other kind of geometry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from app.project.geometry import Geometry
from zsi_core.coco.mend import MendedImage
from zsi_core.coco.segmentation import polygon_rings
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part

MASK = "mask"


def shape_hint(geometry: Geometry) -> Any:
    """The value of the key `geometry` of a provenance; None where the segmentation says it all."""
    if geometry.mask is not None:
        return MASK
    if any(part.holes for part in geometry.polygons):
        return [[_flat(ring) for ring in (part.outer, *part.holes)] for part in geometry.polygons]
    return None


def hinted_geometry(hint: Any, geometry: Geometry, image: MendedImage) -> Geometry | None:
    """The geometry that a hint describes.

    Args:
        hint: value of unknown origin.
        geometry: what the segmentation says.

    Returns:
        None where there is no hint, or one that does not mean the same pixels: then another program has
        edited the segmentation.
    """
    if not hint or geometry.is_box or image.width is None or image.height is None:
        return None
    size = (image.height, image.width)
    try:
        if hint == MASK:
            mask = geometry.to_mask(size)
            return None if mask is None or not rles.areas([mask])[0] else Geometry.from_mask(mask)
        hinted = Geometry.from_parts([_part(rings) for rings in hint]) if isinstance(hint, list) else None
        return hinted if hinted is not None and hinted.to_mask(size) == geometry.to_mask(size) else None
    except ValueError:
        return None


def _flat(ring: np.ndarray) -> list[float]:
    numbers: list[float] = ring.ravel().tolist()
    return numbers


def _part(rings: Any) -> Part:
    if not isinstance(rings, list) or not rings:
        raise ValueError("a part must be a list of rings")
    outer, *holes = polygon_rings(rings)
    return Part(outer, tuple(holes))
