"""What a recipe trains on: images of COCO-format sets and their objects, classes matched by name.

Faulty images and annotations are left out and listed: one bad file among thousands must not keep a run from
starting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.recipe import DataSpec, Recipe
from zsi_core.coco.reader import CocoAnnotation, CocoFile, CocoImage, annotation_rle, image_path, read_coco
from zsi_core.errors import AnnotationError, ImageError, TrainingError
from zsi_core.images import image_size
from zsi_core.instances.rle import Rle
from zsi_core.semantics.names import class_key

MOST_LISTED = 100
"""Faults of a set that are listed one by one; all of them are counted."""

SMALLEST_BOX = 1.0
"""Boxes with a shorter side, in pixels of the photograph, have no area that could be taught."""


@dataclass(frozen=True)
class TrainingObject:
    """An annotation of a seen class.

    Attributes:
        id: of the annotation in its file.
        row: of its class in the vocabulary.
        box: x1, y1, x2, y2 within the image.
        mask: at the size of the image; None where only the box is to be trained.
    """

    id: int
    row: int
    box: tuple[float, float, float, float]
    mask: Rle | None


@dataclass(frozen=True)
class Sample:
    """One training image before it is decoded.

    Attributes:
        path: image file.
        size: (height, width) in pixels.
        objects: of seen classes.
        ignored: boxes (M, 4) float32 of regions that are neither object nor background: crowds, objects of
            classes outside the split, and objects with a faulty segmentation.
        spec: the set it comes from.
        id: of the image in the annotation file of the set.
    """

    path: Path
    size: tuple[int, int]
    objects: tuple[TrainingObject, ...]
    ignored: np.ndarray
    spec: DataSpec
    id: int


@dataclass(frozen=True)
class Skipped:
    """A file that something is wrong with, and what."""

    path: str
    reason: str


@dataclass(frozen=True)
class SetCounts:
    """What became of the images of a set.

    Attributes:
        name: of the set.
        images, objects: that are trained on.
        images_with_unseen: left out because an object of an unseen class is labelled in them.
        images_without_objects: left out because no object of a seen class is.
        other_objects: of classes outside the split, in the images trained on; their regions are ignored.
        faulty_images: left out because the file is missing, unreadable or of another size.
        faulty_objects: left out because box or segmentation is faulty, in images otherwise trained on.
        skipped: the first `MOST_LISTED` of these faults.
    """

    name: str
    images: int
    objects: int
    images_with_unseen: int
    images_without_objects: int
    other_objects: int
    faulty_images: int = 0
    faulty_objects: int = 0
    skipped: tuple[Skipped, ...] = ()


def read_samples(
    recipe: Recipe, root: Path, classes: Sequence[str], unseen: Sequence[str] = ()
) -> tuple[list[Sample], list[SetCounts]]:
    """Images of a recipe's sets that may be trained on.

    A zero-shot model is not shown an image in which an object of an unseen class is labelled, as in section
    5.1 of the paper: to teach that object as background would suppress the class, and to spare its box would
    use its label. Without `zero_shot` such an object is one of `classes`, or its region is ignored.

    Args:
        recipe: names the sets.
        root: folder that the sets' paths are relative to.
        classes: seen classes in the order of the vocabulary.
        unseen: classes of which the network must not learn anything.

    Returns:
        The images with at least one object of a seen class, and what was left out, set by set.

    Raises:
        AnnotationError: an annotation file is missing or damaged.
        TrainingError: nothing is left to train on.
    """
    rows = {class_key(name): row for row, name in enumerate(classes)}
    forbidden = {class_key(name) for name in unseen} if recipe.zero_shot else set()
    sets = [_SetReader(spec, root, rows, forbidden).read() for spec in recipe.datasets]
    samples = [sample for kept, _ in sets for sample in kept]
    counts = [count for _, count in sets]
    if not samples:
        faults = [fault for count in counts for fault in count.skipped]
        first = f" (the first: {faults[0].path}: {faults[0].reason})" if faults else ""
        raise TrainingError(
            f"no image of {', '.join(s.name for s in recipe.datasets)} is left to train on: "
            f"{sum(c.images_with_unseen for c in counts)} show an object of an unseen class, "
            f"{sum(c.images_without_objects for c in counts)} none of a seen one, "
            f"{sum(c.faulty_images for c in counts)} cannot be used{first}; check the split, the category "
            "names of the annotation files and the image folders"
        )
    return samples, counts


class _SetReader:
    """Reads one set; keeps count of what is left out."""

    def __init__(self, spec: DataSpec, root: Path, rows: Mapping[str, int], forbidden: Set[str]) -> None:
        self.spec = spec
        self.folder = root / spec.images
        self.content: CocoFile = read_coco(root / spec.annotations)
        self.rows = rows
        self.forbidden = forbidden
        self.with_unseen = self.without_objects = self.other_objects = 0
        self.faulty_images = self.faulty_objects = 0
        self.skipped: list[Skipped] = []

    def read(self) -> tuple[list[Sample], SetCounts]:
        samples = [sample for image in self.content.images if (sample := self._sample(image))]
        return samples, SetCounts(
            self.spec.name,
            len(samples),
            sum(len(sample.objects) for sample in samples),
            self.with_unseen,
            self.without_objects,
            self.other_objects,
            self.faulty_images,
            self.faulty_objects,
            tuple(self.skipped),
        )

    def _sample(self, image: CocoImage) -> Sample | None:
        keys = self.content.category_keys
        named = [(a, keys[a.category_id]) for a in self.content.annotations_of[image.id]]
        if any(key in self.forbidden for _, key in named):
            self.with_unseen += 1
            return None
        if not any(key in self.rows and not a.iscrowd for a, key in named):
            self.without_objects += 1
            return None
        path = image_path(self.folder, image)
        if fault := _image_fault(path, image):
            self.faulty_images += 1
            self._list(path, fault)
            return None
        objects: list[TrainingObject] = []
        ignored: list[tuple[float, float, float, float]] = []
        for annotation, key in named:
            self._place(annotation, key, image, objects, ignored)
        if not objects:
            self.without_objects += 1
            return None
        self.other_objects += sum(key not in self.rows for _, key in named)
        boxes = np.array(ignored, dtype=np.float32).reshape(-1, 4)
        return Sample(path, (image.height, image.width), tuple(objects), boxes, self.spec, image.id)

    def _place(
        self,
        annotation: CocoAnnotation,
        key: str,
        image: CocoImage,
        objects: list[TrainingObject],
        ignored: list[tuple[float, float, float, float]],
    ) -> None:
        """Put an annotation into one of the two lists, or neither."""
        x1, y1, x2, y2 = annotation.xyxy
        box = (max(0.0, x1), max(0.0, y1), min(float(image.width), x2), min(float(image.height), y2))
        if min(box[2] - box[0], box[3] - box[1]) < SMALLEST_BOX:
            if key in self.rows and not annotation.iscrowd:
                self._fault(annotation, f"its box {list(annotation.bbox)} has no area within the image")
        elif key not in self.rows or annotation.iscrowd:
            ignored.append(box)
        else:
            try:
                mask = self._mask(annotation, image)
            except AnnotationError as error:
                self._fault(annotation, str(error))
                ignored.append(box)
            else:
                objects.append(TrainingObject(annotation.id, self.rows[key], box, mask))

    def _mask(self, annotation: CocoAnnotation, image: CocoImage) -> Rle | None:
        if self.spec.masks == "has_mask" and not annotation.raw.get("has_mask"):
            return None
        return annotation_rle(annotation, image.height, image.width)

    def _fault(self, annotation: CocoAnnotation, reason: str) -> None:
        self.faulty_objects += 1
        self._list(self.content.path, f"annotation {annotation.id}: {reason}")

    def _list(self, path: Path, reason: str) -> None:
        if len(self.skipped) < MOST_LISTED:
            self.skipped.append(Skipped(str(path), reason))


def _image_fault(path: Path, image: CocoImage) -> str:
    """What keeps an image from being trained on, as far as its header tells; the empty string for nothing."""
    try:
        width, height = image_size(path)
    except ImageError as error:
        return str(error)
    if (width, height) != (image.width, image.height):
        return (
            f"it has {width} x {height} pixels, but its annotations are made for "
            f"{image.width} x {image.height}: correct them, or replace the image"
        )
    return ""
