"""Faults of a single annotation: its fields, its references, its geometry."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from zsi_core.coco.faults import Fault, Severity
from zsi_core.coco.provenance import STATES
from zsi_core.coco.segmentation import polygon_rings, segmentation_rle
from zsi_core.coco.values import is_area, is_box, is_id, is_number, shown
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import check_ring, outline_length
from zsi_core.instances.rle import Rle

MAX_TOTAL_OUTLINE = 1e9
"""Pixels of outline in a file whose masks are computed for comparison: a minute or two, whatever is in it."""

# COCO's own areas and boxes are those of the hand-drawn outlines: of its objects, fewer than 1 in 100 differs
# from its mask by more than this.
_AREA_TOLERANCE = 0.1
_BOX_TOLERANCE = 0.05
_OUTSIDE_TOLERANCE = 1.0


class AnnotationChecker:
    """Checks the annotations of one file.

    Args:
        sizes: image id -> (height, width), None where the file gives no sensible size.
        category_ids: ids of the file's categories.
    """

    def __init__(self, sizes: Mapping[int, tuple[int, int] | None], category_ids: Collection[int]) -> None:
        self._sizes = sizes
        self._category_ids = category_ids
        self._outline_left = MAX_TOTAL_OUTLINE
        self._budget_reported = False

    def faults(self, raw: dict[str, Any], where: str) -> Iterator[Fault]:
        """Everything that is wrong with one annotation, which stands at `where`."""
        yield from self._reference_faults(raw, where)
        yield from _field_faults(raw, where)
        if "zsi" in raw:
            yield from _provenance_faults(raw["zsi"], f"{where}.zsi")
        image_id = raw.get("image_id")
        size = self._sizes.get(image_id) if is_id(image_id) else None
        if size:
            yield from self._geometry_faults(raw, where, size)

    def _reference_faults(self, raw: dict[str, Any], where: str) -> Iterator[Fault]:
        for key, known, owner in (
            ("image_id", self._sizes, "image"),
            ("category_id", self._category_ids, "category"),
        ):
            value = raw.get(key)
            if not is_id(value):
                yield Fault(f"{where}.{key}", f"must be an integer, but {state(raw, key)}")
            elif value not in known:
                yield Fault(f"{where}.{key}", f"{value} is not the id of any {owner} of the file")

    def _geometry_faults(self, raw: dict[str, Any], where: str, size: tuple[int, int]) -> Iterator[Fault]:
        if is_box(raw.get("bbox")):
            yield from _outside_faults(_xyxy(raw["bbox"]), f"{where}.bbox", size)
        try:
            rings = _checked_rings(raw.get("segmentation"))
            outside = list(_outside_faults(_bounds(rings), f"{where}.segmentation", size)) if rings else []
            yield from outside
            if any(fault.severity is Severity.ERROR for fault in outside):
                return
            self._outline_left -= sum(outline_length(ring) for ring in rings)
            if rings and self._outline_left < 0:
                yield from self._budget_faults(where)
                return
            mask = segmentation_rle(raw.get("segmentation"), *size)
        except ValueError as error:
            yield Fault(f"{where}.segmentation", str(error))
            return
        if mask:
            yield from mask_faults(raw, mask, where)

    def _budget_faults(self, where: str) -> Iterator[Fault]:
        if self._budget_reported:
            return
        self._budget_reported = True
        yield _warning(
            where,
            "from here on, masks of polygons are not compared with areas and boxes: the outlines of the file "
            f"add up to more than {MAX_TOTAL_OUTLINE:.0f} pixels",
        )


def _checked_rings(segmentation: Any) -> list[np.ndarray]:
    rings = polygon_rings(segmentation) if isinstance(segmentation, list) else []
    for ring in rings:
        check_ring(ring)
    return rings


def _bounds(rings: list[np.ndarray]) -> np.ndarray:
    points = np.concatenate(rings)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _field_faults(raw: dict[str, Any], where: str) -> Iterator[Fault]:
    if not is_box(raw.get("bbox")):
        yield Fault(f"{where}.bbox", f"must be [x, y, width, height], but {state(raw, 'bbox')}")
    elif not (raw["bbox"][2] > 0 and raw["bbox"][3] > 0):
        yield _warning(f"{where}.bbox", f"has no extent: {shown(raw['bbox'])}")
    area = raw.get("area")
    if not is_area(area):
        yield Fault(f"{where}.area", f"must be a number of pixels, but {state(raw, 'area')}")
    iscrowd = raw.get("iscrowd")
    if "iscrowd" not in raw:
        yield _warning(f"{where}.iscrowd", "is missing", "write 0 for a single object")
    elif type(iscrowd) is not int or iscrowd not in (0, 1):
        yield Fault(f"{where}.iscrowd", f"must be the integer 0 or 1, but is {shown(iscrowd)}")
    if "segmentation" not in raw:
        yield _warning(f"{where}.segmentation", "is missing", "write [] for an object that has only a box")
    if "score" in raw and not is_number(raw["score"]):
        yield Fault(f"{where}.score", f"must be a number, but is {shown(raw['score'])}")


def _provenance_faults(zsi: Any, where: str) -> Iterator[Fault]:
    if not isinstance(zsi, dict):
        yield Fault(where, f"must be an object, but is {shown(zsi)}")
        return
    if not isinstance(zsi.get("uuid"), str):
        yield Fault(f"{where}.uuid", f"must be a string, but {state(zsi, 'uuid')}")
    if zsi.get("state") not in STATES:
        yield Fault(f"{where}.state", f"must be one of {', '.join(STATES)}, but {state(zsi, 'state')}")


def _outside_faults(box: np.ndarray, where: str, size: tuple[int, int]) -> Iterator[Fault]:
    height, width = size
    x1, y1, x2, y2 = box
    image = f"the image of {width} x {height} pixels"
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        yield Fault(where, f"lies outside of {image}", "check that it belongs to this image")
    elif min(x1, y1) < -_OUTSIDE_TOLERANCE or max(x2 - width, y2 - height) > _OUTSIDE_TOLERANCE:
        beyond = max(-x1, -y1, x2 - width, y2 - height)
        yield _warning(where, f"reaches {beyond:.1f} px beyond {image}", "cut it off at the border")


def mask_faults(raw: dict[str, Any], mask: Rle, where: str) -> Iterator[Fault]:
    """Where area and box of an annotation contradict its mask."""
    pixels = int(rles.areas([mask])[0])
    if pixels == 0:
        yield _warning(
            f"{where}.segmentation", "covers no pixel", "leave the object out, or keep its box alone"
        )
        return
    box = rles.boxes([mask])[0].astype(float)
    width, height = box[2:] - box[:2]
    area, bbox = raw.get("area"), raw.get("bbox")
    if is_area(area) and abs(area - pixels) > _AREA_TOLERANCE * pixels + width + height:
        yield _warning(f"{where}.area", f"is {area:g}, but the mask covers {pixels} pixels")
    if is_box(bbox):
        difference = np.abs(_xyxy(bbox) - box).max()
        if difference > 2 + _BOX_TOLERANCE * max(width, height):
            edges = ", ".join(f"{edge:g}" for edge in (box[0], box[1], width, height))
            yield _warning(f"{where}.bbox", f"is {shown(bbox)}, but the mask's box is [{edges}]")


def state(raw: dict[str, Any], key: str) -> str:
    """What a message says a field is."""
    return f"is {shown(raw[key])}" if key in raw else "is missing"


def _warning(where: str, what: str, hint: str = "") -> Fault:
    return Fault(where, what, hint, Severity.WARNING)


def _xyxy(bbox: list[float]) -> np.ndarray:
    x, y, width, height = bbox
    return np.array([x, y, x + width, y + height], dtype=np.float64)
