"""The objects of an annotation file that results are compared with.

Ids of a file may be any integers, in any order, even 0, which pycocotools takes for "not matched". So images
and classes are numbered from 1 here, and ids never reach the evaluator.

Shapes
    I  images    K  classes
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from zsi_core.coco import CocoAnnotation, CocoFile, CocoImage, annotation_rle
from zsi_core.semantics.names import class_key

Task = Literal["segm", "bbox"]


@dataclass(frozen=True)
class Scope:
    """The images and classes of one evaluation; everything else in a file or in results is left out.

    Attributes:
        images: I images.
        class_rows: category id -> row of its class, 0 to K - 1; several categories may be one class.
        classes: K.
    """

    images: tuple[CocoImage, ...]
    class_rows: Mapping[int, int]
    classes: int

    @cached_property
    def image_numbers(self) -> dict[int, int]:
        """Image id -> its number, from 1, by ascending id: pycocotools' order, which settles equal scores."""
        return {id: number for number, id in enumerate(sorted(image.id for image in self.images), 1)}

    def numbered(self, entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Annotations or results of the scope as new dictionaries, with numbers for all ids."""
        inside = [
            entry
            for entry in entries
            if entry["image_id"] in self.image_numbers and entry["category_id"] in self.class_rows
        ]
        return [
            {
                **entry,
                "id": number,
                "image_id": self.image_numbers[entry["image_id"]],
                "category_id": self.class_rows[entry["category_id"]] + 1,
            }
            for number, entry in enumerate(inside, 1)
        ]


@dataclass(frozen=True)
class GroundTruth:
    """The objects of a scope.

    Attributes:
        scope: their images and classes.
        task: "segm" compares masks, "bbox" boxes.
        objects: COCO annotations in the numbers of the scope; for "segm" with RLE.
    """

    scope: Scope
    task: Task
    objects: list[dict[str, Any]]

    @property
    def instances(self) -> np.ndarray:
        """(K,) int64, objects of each class that there are to be found; crowds do not count."""
        rows = [o["category_id"] - 1 for o in self.objects if not o["iscrowd"]]
        return np.bincount(np.array(rows, dtype=np.int64), minlength=self.scope.classes)


def rows_of(coco: CocoFile, names: Sequence[str]) -> dict[int, int]:
    """Category id -> row of its name; categories of other names are left out."""
    rows = {class_key(name): row for row, name in enumerate(names)}
    return {id: rows[key] for id, key in coco.category_keys.items() if key in rows}


def ground_truth(coco: CocoFile, scope: Scope, task: Task) -> GroundTruth:
    """The objects of the scope's images and classes.

    Raises:
        AnnotationError: for "segm", a segmentation is malformed.
        ValueError: for "segm", an object has only a box; see `without_box_only`.
    """
    entries = [
        _entry(annotation, image, task)
        for image in scope.images
        for annotation in coco.annotations_of[image.id]
        if annotation.category_id in scope.class_rows
    ]
    return GroundTruth(scope, task, scope.numbered(entries))


def without_box_only(coco: CocoFile, images: Iterable[CocoImage]) -> tuple[CocoImage, ...]:
    """The images on which masks can be evaluated: those on which every object has one."""
    return tuple(image for image in images if all(map(has_mask, coco.annotations_of[image.id])))


def has_mask(annotation: CocoAnnotation) -> bool:
    """Whether an object has more than a box."""
    return annotation.segmentation is not None and annotation.segmentation != []


def _entry(annotation: CocoAnnotation, image: CocoImage, task: Task) -> dict[str, Any]:
    x, y, width, height = annotation.bbox
    entry: dict[str, Any] = {
        "image_id": image.id,
        "category_id": annotation.category_id,
        "bbox": [x, y, width, height],
        "area": width * height if annotation.area is None else annotation.area,
        "iscrowd": int(annotation.iscrowd),
    }
    if task == "segm":
        mask = annotation_rle(annotation, image.height, image.width)
        if mask is None:
            raise ValueError(f"annotation {annotation.id} must have a mask, but has only a box")
        entry["segmentation"] = mask
    return entry
