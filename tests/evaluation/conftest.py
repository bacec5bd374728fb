"""Annotation files and drawn photographs for the tests of the evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zsi_core.coco import CocoFile, read_coco
from zsi_core.instances import rle
from zsi_core.semantics import ClassSplit

HEIGHT, WIDTH = 40, 50
Box = Sequence[float]


def _rectangle(box: Box) -> dict[str, Any]:
    x, y, width, height = (round(v) for v in box)
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[y : y + height, x : x + width] = True
    return dict(rle.encode(mask))


def _annotation(
    id: int, image_id: int, category_id: int, box: Box, *, crowd: bool = False, box_only: bool = False
) -> dict[str, Any]:
    return {
        "id": id,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": list(box),
        "area": box[2] * box[3],
        "iscrowd": int(crowd),
        "segmentation": [] if box_only else _rectangle(box),
    }


def _result(image_id: int, category_id: int, box: Box, score: float) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": list(box),
        "score": score,
        "segmentation": _rectangle(box),
    }


@pytest.fixture
def draw() -> SimpleNamespace:
    """Rectangular annotations and results of images of `size`, as in COCO files."""
    return SimpleNamespace(annotation=_annotation, result=_result, size=(HEIGHT, WIDTH))


@pytest.fixture
def make_coco(tmp_path: Path) -> Callable[..., CocoFile]:
    """Writes and reads a file of images (ids), categories (id -> name) and annotations."""

    def make(
        images: Sequence[int], categories: dict[int, str], annotations: Sequence[dict[str, Any]]
    ) -> CocoFile:
        path = tmp_path / "annotations.json"
        document = {
            "images": [
                {"id": id, "file_name": f"{id}.png", "width": WIDTH, "height": HEIGHT} for id in images
            ],
            "categories": [{"id": id, "name": name} for id, name in categories.items()],
            "annotations": list(annotations),
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return read_coco(path)

    return make


@pytest.fixture
def split() -> ClassSplit:
    """Dog and car are seen, cat and fork are not."""
    return ClassSplit("pets", ("dog", "car"), ("cat", "fork"))


@dataclass(frozen=True)
class DrawnSet:
    """Drawn photographs, the objects on them, and a split of their classes."""

    images: Path
    annotations: Path
    split: Path


@pytest.fixture
def drawn_set(tmp_path: Path, make_coco: Callable[..., CocoFile]) -> DrawnSet:
    """Three images: a cat and a dog; a fork, and a person with a box only; a car alone."""
    coco = make_coco(
        [7, 0, 3],
        {5: "dog", 2: "Cat", 9: "fork", 4: "person", 1: "car"},
        [
            _annotation(1, 7, 2, (4, 6, 20, 18)),
            _annotation(0, 7, 5, (28, 10, 15, 20)),
            _annotation(2, 0, 9, (10, 10, 8, 25)),
            _annotation(3, 0, 4, (30, 5, 12, 30), box_only=True),
            _annotation(4, 3, 1, (5, 5, 40, 30)),
        ],
    )
    images = tmp_path / "images"
    images.mkdir()
    for image in coco.images:
        pixels = np.full((HEIGHT, WIDTH, 3), 60, dtype=np.uint8)
        for object in coco.annotations_of[image.id]:
            x, y, width, height = (int(v) for v in object.bbox)
            pixels[y : y + height, x : x + width] = (25 * object.category_id, 200, 90)
        Image.fromarray(pixels).save(images / image.file_name)
    split = tmp_path / "drawn.toml"
    split.write_text(
        'name = "drawn"\nseen = ["dog", "car", "person"]\nunseen = ["cat", "fork", "toaster"]\n',
        encoding="utf-8",
    )
    return DrawnSet(images, coco.path, split)
