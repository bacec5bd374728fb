"""Build and write COCO annotation files and detection results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zsi_core import __version__
from zsi_core.coco.geometry import CocoGeometry
from zsi_core.coco.provenance import ProposalRun, proposed, rounded_score
from zsi_core.coco.reader import CocoFile
from zsi_core.coco.values import file_name_problem
from zsi_core.errors import AnnotationError
from zsi_core.files import atomic_write
from zsi_core.instances import Instances
from zsi_core.semantics.names import class_key, tidy


class CocoWriter:
    """A COCO file that grows image by image.

    Category ids are given in the order of `names`, then of first use, and never change. Every image that is
    added is listed, with objects or without.

        writer = CocoWriter(["fork", "hair drier"])
        image_id = writer.add_image("holiday/1.jpg", image_size=(480, 640))
        writer.add_instances(image_id, instances, run)
        writer.write("out.json")

    Args:
        names: class names, the first of them gets id 1.
        info: the file's `info`; by default the name and version of the program.
        licenses: the file's `licenses`, each an object with an `id`.

    Raises:
        ValueError: a name is empty.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        *,
        info: Mapping[str, Any] | None = None,
        licenses: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        default_info = {"description": "", "version": "", "contributor": f"ZSI Annotator {__version__}"}
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories: list[dict[str, Any]] = []
        self._document: dict[str, Any] = {
            "info": dict(default_info if info is None else info),
            "licenses": [dict(license) for license in licenses],
            "images": self._images,
            "annotations": self._annotations,
            "categories": self._categories,
        }
        self._next_image = self._next_annotation = self._next_category = 1
        self._image_ids: dict[str, int] = {}
        self._known_images: set[int] = set()
        self._category_ids: dict[str, int] = {}
        for name in names:
            self.category_id(name)

    @classmethod
    def extending(cls, existing: CocoFile, names: Iterable[str] = ()) -> CocoWriter:
        """A writer that starts from a file: all of its content and ids are kept, new names are added.

        Raises:
            ValueError: a name is empty.
        """
        writer = cls()
        writer._images += (image.raw for image in existing.images)
        writer._annotations += (annotation.raw for annotation in existing.annotations)
        writer._categories += (category.raw for category in existing.categories)
        lists = {key: writer._document[key] for key in ("images", "annotations", "categories")}
        writer._document = {**writer._document, **existing.raw, **lists}
        writer._image_ids = {image.file_name: image.id for image in existing.images}
        writer._known_images = set(writer._image_ids.values())
        for category in existing.categories:
            writer._category_ids.setdefault(class_key(category.name), category.id)
        writer._next_image = _after(image.id for image in existing.images)
        writer._next_annotation = _after(annotation.id for annotation in existing.annotations)
        writer._next_category = _after(category.id for category in existing.categories)
        for name in names:
            writer.category_id(name)
        return writer

    @property
    def document(self) -> dict[str, Any]:
        """The file's content so far; not a copy."""
        return self._document

    def category_id(self, name: str) -> int:
        """The id of a class, given now if the class is new.

        Raises:
            ValueError: the name is empty.
        """
        key = class_key(name)
        if not key:
            raise ValueError("a class name must not be empty")
        if key not in self._category_ids:
            self._category_ids[key] = self._next_category
            self._categories.append({"id": self._next_category, "name": tidy(name), "supercategory": ""})
            self._next_category += 1
        return self._category_ids[key]

    def image_id(self, file_name: str) -> int | None:
        """The id of a listed image, None for one that is not listed."""
        return self._image_ids.get(file_name)

    def add_image(self, file_name: str, image_size: tuple[int, int], *, license: int | None = None) -> int:
        """List an image.

        Args:
            file_name: its path below the image folder, with forward slashes.
            image_size: (height, width) after EXIF rotation.
            license: id of one of the file's licenses.

        Returns:
            The id of the image.

        Raises:
            ValueError: the image is listed already, its name leads out of the folder, or the license is
                unknown.
        """
        if problem := file_name_problem(file_name):
            raise ValueError(f"file_name {problem}, but is {file_name!r}")
        if file_name in self._image_ids:
            raise ValueError(f"{file_name} is already listed")
        height, width = image_size
        image = {"id": self._next_image, "file_name": file_name, "width": int(width), "height": int(height)}
        if license is not None:
            if all(known.get("id") != license for known in self._document["licenses"]):
                raise ValueError(f"license {license} is not the id of a license of the file")
            image["license"] = license
        self._images.append(image)
        self._image_ids[file_name] = self._next_image
        self._known_images.add(self._next_image)
        self._next_image += 1
        return self._next_image - 1

    def add_annotation(
        self,
        image_id: int,
        name: str,
        geometry: CocoGeometry,
        *,
        iscrowd: bool = False,
        score: float | None = None,
        zsi: Mapping[str, Any] | None = None,
    ) -> int:
        """Add an object to a listed image.

        Args:
            image_id: id of the image.
            name: class name, added to the categories if it is new.
            geometry: where the object is.
            iscrowd: whether this is a region of many objects.
            score: confidence, left out by default.
            zsi: provenance (see `zsi_core.coco.provenance`), left out by default.

        Returns:
            The id of the annotation.

        Raises:
            ValueError: no such image is listed, or the class name is empty.
        """
        if image_id not in self._known_images:
            raise ValueError(f"image_id {image_id} is not the id of a listed image")
        annotation = {
            "id": self._next_annotation,
            "image_id": image_id,
            "category_id": self.category_id(name),
            "segmentation": geometry.segmentation,
            "area": geometry.area,
            "bbox": list(geometry.bbox),
            "iscrowd": int(iscrowd),
        }
        if score is not None:
            annotation["score"] = rounded_score(score)
        if zsi is not None:
            annotation["zsi"] = dict(zsi)
        self._annotations.append(annotation)
        self._next_annotation += 1
        return self._next_annotation - 1

    def add_instances(self, image_id: int, instances: Instances, run: ProposalRun | None = None) -> None:
        """Add everything found in a listed image, with scores, and with provenance if `run` is given.

        An instance whose mask is empty keeps its box alone.
        """
        for i, name in enumerate(instances.names):
            if instances.mask_areas[i]:
                geometry = CocoGeometry.of_mask(instances.masks[i])
            else:
                geometry = CocoGeometry.of_box(instances.boxes[i])
            zsi = proposed(run, instances, i) if run else None
            self.add_annotation(image_id, name, geometry, score=instances.scores[i], zsi=zsi)

    def write(self, path: str | Path) -> None:
        """Write the file, complete or not at all; an existing one is replaced.

        Raises:
            AnnotationError: the file cannot be written.
        """
        write_json(path, self._document)


def detection_results(
    image_id: int, instances: Instances, category_ids: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Instances as entries of a COCO results file, for evaluation: masks as RLE, boxes as predicted.

    A results file is a JSON list. pycocotools' `loadRes` raises on an empty one; skip the evaluation then.

    Args:
        image_id: id of the image in the annotation file that is evaluated against.
        instances: N instances.
        category_ids: `class_key` of a name -> id of its category in that file.

    Raises:
        KeyError: a name has no category.
    """
    return [
        {
            "image_id": image_id,
            "category_id": category_ids[class_key(name)],
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": score,
            "segmentation": mask,
        }
        for name, (x1, y1, x2, y2), score, mask in zip(
            instances.names,
            instances.boxes.astype(float).tolist(),
            instances.scores.astype(float).tolist(),
            instances.masks,
            strict=True,
        )
    ]


def write_json(path: str | Path, document: Any) -> None:
    """Write a JSON file, complete or not at all, in ASCII so that every program reads it.

    Raises:
        AnnotationError: the file cannot be written, or the document holds NaN or infinity.
    """
    try:
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise AnnotationError(f"{path} is not written: a number in it is not finite ({error})") from error
    try:
        with atomic_write(path, "w") as stream:
            stream.write(text)
    except OSError as error:
        raise AnnotationError(
            f"{path} cannot be written ({error.strerror}): check that the folder exists, may be written to "
            "and has space left"
        ) from error


def _after(ids: Iterable[int]) -> int:
    return max(0, *ids, 0) + 1
