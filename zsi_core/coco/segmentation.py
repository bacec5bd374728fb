"""The kinds of `segmentation` in COCO files: polygons, RLE (compressed or not), or none.

COCO writes a geometry without holes as a list of flat polygons [x, y, x, y, ...] that are filled and united,
anything else as RLE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zsi_core.coco.values import is_id, shown
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part, rasterise_rings
from zsi_core.instances.rle import Rle


def segmentation_rle(segmentation: Any, height: int, width: int) -> Rle | None:
    """The mask of a `segmentation` of unknown origin.

    Args:
        segmentation: the parsed JSON value; None where an annotation has none.
        height, width: size of its image in pixels.

    Returns:
        Compressed RLE at the size of the image, or None for an object that has only a box.

    Raises:
        ValueError: the value is no segmentation of an image of this size.
    """
    if segmentation is None or segmentation == []:
        return None
    if isinstance(segmentation, dict):
        return _checked_rle(segmentation, height, width)
    if isinstance(segmentation, list):
        return rasterise_rings(polygon_rings(segmentation), (height, width))
    raise ValueError(f"must be polygons, an RLE or [], but is {shown(segmentation)}")


def polygon_rings(polygons: list[Any]) -> list[np.ndarray]:
    """Flat polygons of unknown origin as rings (P, 2).

    Raises:
        ValueError: one is not a list of x, y pairs, or has fewer than 3 points.
    """
    return [_ring(polygon, i) for i, polygon in enumerate(polygons)]


def flat_polygons(parts: Sequence[Part]) -> list[list[int] | list[float]]:
    """Parts without holes as COCO writes them; integers where all coordinates of a ring are whole.

    Raises:
        ValueError: a part has a hole.
    """
    if any(part.holes for part in parts):
        raise ValueError("polygons of COCO must not have holes: write the object as RLE")
    return [_flat(part.outer) for part in parts]


def _flat(ring: np.ndarray) -> list[int] | list[float]:
    numbers: list[float] = ring.ravel().tolist()
    return [int(number) for number in numbers] if all(map(float.is_integer, numbers)) else numbers


def _ring(polygon: Any, index: int) -> np.ndarray:
    if not isinstance(polygon, list):
        raise ValueError(f"must be a list of polygons [[x, y, ...], ...], but holds {shown(polygon)}")
    if not set(map(type, polygon)) <= {int, float}:
        raise ValueError(f"polygon {index} must hold numbers only, but is {shown(polygon)}")
    if len(polygon) < 6 or len(polygon) % 2:
        raise ValueError(
            f"polygon {index} must be x, y pairs of at least 3 points, but has {len(polygon)} numbers"
        )
    try:
        return np.array(polygon, dtype=np.float64).reshape(-1, 2)
    except OverflowError as error:
        raise ValueError(
            f"polygon {index} must hold coordinates, but has an integer of hundreds of digits"
        ) from error


def _checked_rle(segmentation: dict[str, Any], height: int, width: int) -> Rle:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and all(is_id(side) for side in size)):
        raise ValueError(f"RLE size must be [height, width], but is {shown(size)}")
    if size != [height, width]:
        swapped = " (swapped?)" if size == [width, height] else ""
        raise ValueError(f"RLE size must be the image's [{height}, {width}], but is {shown(size)}{swapped}")
    if isinstance(counts, str):
        rle = Rle(size=size, counts=counts)
        # Written anew: foreign writers leave runs of length 0, which mislead pycocotools' boxes.
        return rles.from_counts(rles.to_counts(rle), (height, width))
    if isinstance(counts, list):
        if not all(is_id(count) for count in counts):
            raise ValueError("RLE counts must be integers")
        return rles.from_counts(counts, (height, width))
    raise ValueError(f"RLE counts must be a string or a list of integers, but are {shown(counts)}")
