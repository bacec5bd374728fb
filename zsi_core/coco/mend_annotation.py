"""Make sense of one annotation of unknown origin: its geometry, its flags, its provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zsi_core.coco.mend_values import extras
from zsi_core.coco.provenance import STATES
from zsi_core.coco.ring_batch import MAX_COORDINATE
from zsi_core.coco.segmentation import polygon_rings, segmentation_rle
from zsi_core.coco.tally import Tally
from zsi_core.coco.values import is_area, is_box, is_number
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import check_ring
from zsi_core.instances.rle import Rle

if TYPE_CHECKING:
    from zsi_core.coco.mend import MendedCategory, MendedImage

_KEYS = frozenset({"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd", "zsi"})
_RLE_KEYS = frozenset({"size", "counts"})


@dataclass(slots=True)
class MendedAnnotation:
    """An object that makes sense. At most one of `rings` and `mask` says more than the box.

    Attributes:
        segmentation: as it is in the file, or without what had to be left out of it.
        rings: (P, 2) polygons of the segmentation, each filled, together united.
        mask: RLE of the segmentation, which covers at least one pixel.
        bbox: x, y, width, height.
        area: None where the file says nothing.
        zsi: provenance; None where the file has none.
        extra: keys that the program only passes on.
    """

    raw: dict[str, Any] = field(repr=False)
    segmentation: Any
    rings: list[np.ndarray]
    mask: Rle | None
    bbox: tuple[float, float, float, float]
    area: float | None
    iscrowd: bool
    zsi: dict[str, Any] | None
    extra: dict[str, Any]
    id: int = 0
    image: MendedImage = field(init=False)
    category: MendedCategory = field(init=False)


def mended_annotation(
    raw: dict[str, Any],
    found: list[np.ndarray] | None,
    width: int | None,
    height: int | None,
    tally: Tally,
    index: int,
) -> MendedAnnotation | None:
    """One annotation; None where it has neither a usable box nor a usable mask.

    Args:
        found: its rings, as `with_rings` gives them.
        width, height: size of its image, None where it is not known.
        index: place in the list, for the tally.
    """
    segmentation: Any = raw.get("segmentation")
    rings, mask = found, None
    if rings is None:
        rings, mask, segmentation = _shape(segmentation, width, height, tally, index)
    bbox = _box(raw, rings, mask, tally, index)
    if bbox is None:
        tally.skip("objects with neither a usable box nor a usable mask", _place(index))
        return None
    if mask is not None and not rles.areas([mask])[0]:
        tally.note("masks that cover no pixel: shown as a box", _place(index))
        mask = None
    area = raw.get("area")
    if area is not None and not is_area(area):
        tally.change("areas that are no number of pixels: measured", _place(index))
        area = None
    return MendedAnnotation(
        raw,
        segmentation,
        rings,
        mask,
        bbox,
        area,
        _iscrowd(raw, tally, index),
        _provenance(raw, tally, index),
        {} if raw.keys() <= _KEYS else extras(raw, _KEYS, tally, _place(index)),
    )


def _shape(
    segmentation: Any, width: int | None, height: int | None, tally: Tally, index: int
) -> tuple[list[np.ndarray], Rle | None, Any]:
    """Rings, mask, and as much of the segmentation as is usable."""
    if isinstance(segmentation, list) and segmentation:
        rings, usable = _rings(segmentation, tally, index)
        return rings, None, usable
    if isinstance(segmentation, dict):
        further = extras(segmentation, _RLE_KEYS, tally, f"{_place(index)}.segmentation")
        usable = {key: segmentation[key] for key in segmentation if key in _RLE_KEYS or key in further}
        mask = _mask(usable, width, height, tally, index)
        return [], mask, [] if mask is None else usable
    if segmentation:
        tally.change("segmentations of an unknown kind: left out, the box is kept", _place(index))
    return [], None, []


def _rings(segmentation: list[Any], tally: Tally, index: int) -> tuple[list[np.ndarray], Any]:
    """The usable polygons as arrays, and as they are in the file."""
    if not isinstance(segmentation[0], list):
        tally.change("polygons that are not in a list of polygons: put into one", _place(index))
        segmentation = [segmentation]
    try:
        rings = polygon_rings(segmentation)
        for ring in rings:
            check_ring(ring)
            if np.abs(ring).max() > MAX_COORDINATE:
                raise ValueError("a coordinate is too large")
    except ValueError:
        if len(segmentation) == 1:
            tally.change("polygons with fewer than 3 points or other faults: left out", _place(index))
            return [], []
    else:
        return rings, segmentation
    usable = [_rings([polygon], tally, index) for polygon in segmentation if isinstance(polygon, list)]
    return [ring for found, _ in usable for ring in found], [flat for _, flats in usable for flat in flats]


def _mask(
    segmentation: dict[str, Any], width: int | None, height: int | None, tally: Tally, index: int
) -> Rle | None:
    if width is None or height is None:
        size = segmentation.get("size")
        if not (isinstance(size, list) and len(size) == 2 and all(type(side) is int for side in size)):
            size = [0, 0]
        height, width = size
    try:
        return segmentation_rle(segmentation, height, width)
    except ValueError as error:
        reason = (
            "masks of another size than their image: left out, the box is kept"
            if "must be the image's" in str(error)
            else "masks that are malformed: left out, the box is kept"
        )
        tally.change(reason, _place(index))
        return None


def _box(
    raw: dict[str, Any], rings: list[np.ndarray], mask: Rle | None, tally: Tally, index: int
) -> tuple[float, float, float, float] | None:
    bbox: Any = raw.get("bbox")
    if is_box(bbox) and max(map(abs, bbox)) <= MAX_COORDINATE / 2:  # so that x + width is in range, too
        return (bbox[0], bbox[1], bbox[2], bbox[3])
    if rings:
        points = np.concatenate(rings)
        (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    elif mask is not None and rles.areas([mask])[0]:
        x1, y1, x2, y2 = (float(edge) for edge in rles.boxes([mask])[0])
    elif _is_turned(bbox):
        (x1, x2), (y1, y2) = (sorted((bbox[i], bbox[i] + bbox[i + 2])) for i in (0, 1))
    else:
        return None
    tally.change("boxes that are missing or malformed: measured", _place(index))
    return (x1, y1, round(x2 - x1, 2), round(y2 - y1, 2))


def _is_turned(bbox: Any) -> bool:
    """Whether it is a box but for a negative side."""
    return (
        isinstance(bbox, list)
        and len(bbox) == 4
        and all(is_number(number) and abs(number) <= MAX_COORDINATE / 2 for number in bbox)
    )


def _iscrowd(raw: dict[str, Any], tally: Tally, index: int) -> bool:
    value = raw.get("iscrowd", 0)
    if type(value) is int and value in (0, 1):
        return value == 1
    tally.change("iscrowd that is not the integer 0 or 1: written as one", _place(index))
    return value in (True, 1, "1", "true")


def _provenance(raw: dict[str, Any], tally: Tally, index: int) -> dict[str, Any] | None:
    if "zsi" not in raw:
        return None
    zsi = raw["zsi"]
    usable = (
        isinstance(zsi, dict)
        and isinstance(zsi.get("uuid"), str)
        and 0 < len(zsi["uuid"]) <= 64
        and zsi["uuid"].isascii()
        and zsi.get("state") in STATES
        and isinstance(zsi.get("made_by"), dict)
        and isinstance(zsi.get("created"), str)
        and isinstance(zsi.get("edits", []), list)
        and all(isinstance(edit, dict) for edit in zsi.get("edits", []))
        and len(extras({"zsi": zsi}, frozenset(), Tally(), "")) == 1
    )
    if usable:
        return dict(zsi)
    tally.change("provenance (zsi) that makes no sense: left out", _place(index))
    return None


def _place(index: int) -> str:
    return f"annotations[{index}]"
