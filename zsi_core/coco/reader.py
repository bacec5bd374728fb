"""Read a COCO annotation file into checked values.

The reader takes a file whole or refuses it with the first thing that cannot be made sense of; `zsi validate`
lists all of them. What it does not interpret stays available in `raw`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from zsi_core.coco.json_file import load_json
from zsi_core.coco.segmentation import segmentation_rle
from zsi_core.coco.values import file_name_problem, is_area, is_box, is_id, is_side, shown
from zsi_core.errors import AnnotationError
from zsi_core.instances.rle import Rle
from zsi_core.semantics.names import class_key


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image; `file_name` is its path below the image folder with forward slashes, sizes in pixels."""

    id: int
    file_name: str
    width: int
    height: int
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CocoCategory:
    """A class of objects; ids mean something only within their file, names across files (see `class_key`)."""

    id: int
    name: str
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CocoAnnotation:
    """An object.

    Attributes:
        bbox: x, y, width, height in pixels, as in the file (see `xyxy`).
        area: pixels, as in the file; None where it says nothing.
        iscrowd: a region of many objects, not one object.
        segmentation: the JSON value as it is in the file; [] for an object that has only a box.
    """

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    area: float | None
    iscrowd: bool
    segmentation: Any = field(repr=False)
    raw: dict[str, Any] = field(repr=False)

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The box as x1, y1, x2, y2."""
        x, y, width, height = self.bbox
        return (x, y, x + width, y + height)


@dataclass(frozen=True)
class CocoFile:
    """The content of an annotation file, in its order.

    Attributes:
        path: where it was read from, for messages.
        raw: the whole JSON object (`info`, `licenses` and anything unknown).
    """

    path: Path
    images: tuple[CocoImage, ...]
    annotations: tuple[CocoAnnotation, ...]
    categories: tuple[CocoCategory, ...]
    raw: dict[str, Any] = field(repr=False)

    @cached_property
    def category_names(self) -> dict[int, str]:
        """Category id -> class name as written in the file."""
        return {category.id: category.name for category in self.categories}

    @cached_property
    def category_keys(self) -> dict[int, str]:
        """Category id -> identity of the class, by which classes of different files are matched."""
        return {category.id: class_key(category.name) for category in self.categories}

    @cached_property
    def annotations_of(self) -> dict[int, list[CocoAnnotation]]:
        """Image id -> its annotations in file order; a list, possibly empty, for every image."""
        grouped: dict[int, list[CocoAnnotation]] = {image.id: [] for image in self.images}
        for annotation in self.annotations:
            grouped[annotation.image_id].append(annotation)
        return grouped


def read_coco(path: str | Path) -> CocoFile:
    """Read and check an annotation file. Segmentations are checked when used: see `annotation_rle`.

    Raises:
        AnnotationError: the file cannot be read, is not a COCO file, or holds a value that makes no sense.
    """
    path = Path(path)
    document = load_json(path)
    try:
        return _file(path, document)
    except ValueError as error:
        raise AnnotationError(f"{path}: {error}; `zsi validate` lists every fault of the file") from error


def annotation_rle(annotation: CocoAnnotation, height: int, width: int) -> Rle | None:
    """The mask of an annotation at the size of its image, or None for an object that has only a box.

    Raises:
        AnnotationError: the segmentation is malformed or made for another size.
    """
    try:
        return segmentation_rle(annotation.segmentation, height, width)
    except ValueError as error:
        raise AnnotationError(
            f"segmentation of annotation {annotation.id}: {error}; correct it, or see `zsi validate`"
        ) from error


def image_path(folder: str | Path, image: CocoImage) -> Path:
    """Where an image of the file lies, given the folder of its images."""
    return Path(folder, *PurePosixPath(image.file_name).parts)


def _file(path: Path, document: Any) -> CocoFile:
    if isinstance(document, list):
        raise ValueError(
            "it is a list, perhaps of detection results: give the annotation file they belong to"
        )
    if not isinstance(document, dict):
        raise ValueError(f"an annotation file must be a JSON object, but is {shown(document)}")
    images = tuple(_image(*item) for item in _objects(document, "images"))
    categories = tuple(_category(*item) for item in _objects(document, "categories"))
    annotations = tuple(_annotation(*item) for item in _objects(document, "annotations"))
    image_ids = _unique_ids("images", images)
    category_ids = _unique_ids("categories", categories)
    _unique_ids("annotations", annotations)
    for i, annotation in enumerate(annotations):
        if annotation.image_id not in image_ids:
            raise ValueError(f"annotations[{i}].image_id {annotation.image_id} is not the id of an image")
        if annotation.category_id not in category_ids:
            raise ValueError(
                f"annotations[{i}].category_id {annotation.category_id} is not the id of a category"
            )
    return CocoFile(path, images, annotations, categories, document)


def _objects(document: dict[str, Any], key: str) -> Iterator[tuple[dict[str, Any], str]]:
    """(object, where it stands) for every entry of a list of the file."""
    entries = document.get(key)
    if not isinstance(entries, list):
        raise ValueError(f"{key} must be a list, but {_state(document, key)}")
    for i, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise ValueError(f"{key}[{i}] must be an object, but is {shown(entry)}")
        yield entry, f"{key}[{i}]"


def _image(raw: dict[str, Any], where: str) -> CocoImage:
    name = raw.get("file_name")
    if problem := file_name_problem(name):
        raise ValueError(f"{where}.file_name {problem}, but {_state(raw, 'file_name')}")
    for side in ("width", "height"):
        if not is_side(raw.get(side)):
            raise ValueError(f"{where}.{side} must be a number of pixels, but {_state(raw, side)}")
    return CocoImage(_id(raw, "id", where), str(name).replace("\\", "/"), raw["width"], raw["height"], raw)


def _category(raw: dict[str, Any], where: str) -> CocoCategory:
    name = raw.get("name")
    if not (isinstance(name, str) and name.strip()):
        raise ValueError(f"{where}.name must be a class name, but {_state(raw, 'name')}")
    return CocoCategory(_id(raw, "id", where), name, raw)


def _annotation(raw: dict[str, Any], where: str) -> CocoAnnotation:
    bbox: Any = raw.get("bbox")
    area, iscrowd = raw.get("area"), raw.get("iscrowd", 0)
    if not is_box(bbox):
        raise ValueError(f"{where}.bbox must be [x, y, width, height], but {_state(raw, 'bbox')}")
    if area is not None and not is_area(area):
        raise ValueError(f"{where}.area must be a number of pixels, but {_state(raw, 'area')}")
    if iscrowd not in (0, 1):
        raise ValueError(f"{where}.iscrowd must be 0 or 1, but {_state(raw, 'iscrowd')}")
    return CocoAnnotation(
        id=_id(raw, "id", where),
        image_id=_id(raw, "image_id", where),
        category_id=_id(raw, "category_id", where),
        bbox=(bbox[0], bbox[1], bbox[2], bbox[3]),
        area=area,
        iscrowd=bool(iscrowd),
        segmentation=raw.get("segmentation", []),
        raw=raw,
    )


def _id(raw: dict[str, Any], key: str, where: str) -> int:
    value: Any = raw.get(key)
    if not is_id(value):
        raise ValueError(f"{where}.{key} must be an integer, but {_state(raw, key)}")
    return value


def _unique_ids(key: str, entries: tuple[Any, ...]) -> set[int]:
    seen: set[int] = set()
    for i, entry in enumerate(entries):
        if entry.id in seen:
            raise ValueError(f"{key}[{i}].id {entry.id} is the id of an earlier one as well")
        seen.add(entry.id)
    return seen


def _state(raw: dict[str, Any], key: str) -> str:
    return f"is {shown(raw[key])}" if key in raw else "is missing"
