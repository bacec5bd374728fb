"""Builds a COCO document from the labels of another format."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from zsi_core.coco.geometry import CocoGeometry
from zsi_core.coco.tally import Tally
from zsi_core.coco.values import file_name_problem
from zsi_core.errors import ImageError
from zsi_core.images import image_size
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part
from zsi_core.semantics.names import class_key


class DocumentBuilder:
    """A COCO document that grows.

    Attributes:
        document: the COCO document.
        images_dir: folder of the images.
        tally: told what could not be taken over.
    """

    def __init__(self, images_dir: Path, tally: Tally) -> None:
        self.images_dir, self.tally = images_dir, tally
        self.document: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
        self._categories: dict[str, int] = {}

    def add_class(self, name: str) -> int:
        """The id of a class, given now if it is new."""
        key = class_key(name)
        if key not in self._categories:
            self._categories[key] = len(self._categories) + 1
            self.document["categories"].append({"id": self._categories[key], "name": name})
        return self._categories[key]

    def add_image(self, name: str, size: tuple[int, int] | None = None) -> dict[str, Any] | None:
        """List an image.

        Args:
            size: (width, height); None reads it from the file.

        Returns:
            Its entry, None where the name leads out of the folder, or the size is not known.
        """
        if problem := file_name_problem(name):
            self.tally.skip("labels of an image outside of the image folder", f"{name}: {problem}")
            return None
        if size is None:
            try:
                size = image_size(self.images_dir / name)
            except ImageError:
                self.tally.skip("labels of an image that is missing or cannot be read", name)
                return None
        images = self.document["images"]
        images.append({"id": len(images) + 1, "file_name": name, "width": size[0], "height": size[1]})
        entry: dict[str, Any] = images[-1]
        return entry

    def add_parts(
        self, image: dict[str, Any], label: str, parts: Sequence[Part], crowd: bool = False
    ) -> None:
        """Add an object of polygons; one that cannot be drawn or covers no pixel is left out and told."""
        try:
            self._add(image, label, CocoGeometry.of_parts(parts, (image["height"], image["width"])), crowd)
        except ValueError:
            self.tally.skip("polygons that cover no pixel of the image", image["file_name"])

    def add_mask(self, image: dict[str, Any], label: str, mask: np.ndarray, crowd: bool = False) -> None:
        """Add an object of (H, W) bool pixels; an empty one is left out and told."""
        if mask.any():
            self._add(image, label, CocoGeometry.of_mask(rles.encode(mask)), crowd)
        else:
            self.tally.skip("masks that cover no pixel", image["file_name"])

    def add_box(self, image: dict[str, Any], label: str, box: Sequence[float], crowd: bool = False) -> None:
        """Add an object that has only a box x1, y1, x2, y2."""
        self._add(image, label, CocoGeometry.of_box(box), crowd)

    def _add(self, image: dict[str, Any], label: str, geometry: CocoGeometry, crowd: bool) -> None:
        annotations = self.document["annotations"]
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": image["id"],
                "category_id": self.add_class(label),
                "segmentation": geometry.segmentation,
                "area": geometry.area,
                "bbox": list(geometry.bbox),
                "iscrowd": int(crowd),
            }
        )


def image_name(stated: Any, beside: Path, images_dir: Path) -> str:
    """Name below the image folder of an image that a label file calls `stated`, relative to itself.

    A path that leads elsewhere (another computer's, most often) is looked for by its last part.
    """
    last = PurePosixPath(str(stated or beside.with_suffix(".jpg").name).replace("\\", "/"))
    root = Path(os.path.abspath(images_dir))  # noqa: PTH100 - linked files keep their names
    guesses = (beside.parent / last, beside.parent / last.name, root / last.name)
    inside = [path for guess in guesses if (path := Path(os.path.abspath(guess))).is_relative_to(root)]  # noqa: PTH100
    best = next((path for path in inside if path.is_file()), inside[0])
    return best.relative_to(root).as_posix()
