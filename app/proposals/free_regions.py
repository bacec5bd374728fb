"""Which of the instances that a model found may be proposed: none on what a person has decided already."""

from __future__ import annotations

from collections.abc import Sequence

from app.project.geometry import Geometry, iou
from app.project.records import ObjectRecord

SAME_PLACE = 0.5
"""Intersection over union above which two masks are of one place."""

MOSTLY = 0.7
"""Share of a mask inside an object from which it is taken for a part of that object."""

_MADE = ("accepted", "corrected", "drawn")


def is_free(geometry: Geometry, class_id: int | None, objects: Sequence[ObjectRecord]) -> bool:
    """Whether an instance may be proposed among the objects of its image.

    It may not where a person has accepted, corrected or drawn an object at the same place, or one of its
    class around it, nor where an object of its class was rejected. A rejected name does not speak against
    another one at its place.

    Args:
        geometry: of the instance.
        class_id: of its name; None for a class that the project does not have.
        objects: all of the image.
    """
    return not any(
        _touch(geometry, record.geometry) and _forbids(record, geometry, class_id) for record in objects
    )


def _forbids(record: ObjectRecord, geometry: Geometry, class_id: int | None) -> bool:
    same_class = record.class_id == class_id
    if record.state == "rejected":
        return same_class and iou(geometry, record.geometry) > SAME_PLACE
    if record.state not in _MADE:
        return False
    overlap = iou(geometry, record.geometry)
    return overlap > SAME_PLACE or (same_class and _inside(geometry, record.geometry, overlap) > MOSTLY)


def _inside(geometry: Geometry, other: Geometry, overlap: float) -> float:
    """Share of the area of the first that lies in the second, from their intersection over union."""
    common = overlap * (geometry.area + other.area) / (1 + overlap)
    return common / geometry.area if geometry.area else 0.0


def _touch(first: Geometry, second: Geometry) -> bool:
    a, b = first.box, second.box
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
