"""A small valid annotation file to start from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def document() -> dict[str, Any]:
    """Two images of 20 x 10 pixels, the second without objects; one object of each kind of segmentation."""

    def annotation(id: int, segmentation: Any, bbox: list[float], area: float) -> dict[str, Any]:
        fields = {"id": id, "image_id": 1, "category_id": 7, "iscrowd": 0}
        return {**fields, "segmentation": segmentation, "bbox": bbox, "area": area}

    return {
        "info": {"description": "test"},
        "licenses": [{"id": 3, "name": "CC BY", "url": ""}],
        "images": [
            {"id": 1, "file_name": "a/1.jpg", "width": 20, "height": 10, "license": 3},
            {"id": 2, "file_name": "b/1.jpg", "width": 20, "height": 10},
        ],
        "categories": [{"id": 7, "name": "fork", "supercategory": ""}, {"id": 4, "name": "hair drier"}],
        "annotations": [
            annotation(1, [[2, 2, 8, 2, 8, 6, 2, 6]], [2, 2, 6, 4], 24),
            annotation(2, {"size": [10, 20], "counts": [10, 20, 170]}, [1, 0, 2, 10], 20),
            annotation(3, {"size": [10, 20], "counts": ":d0Z5"}, [1, 0, 2, 10], 20),
            annotation(4, [], [1, 1, 3, 3], 9),
        ],
    }


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Write a document as JSON and return its path."""

    def save(content: Any, name: str = "annotations.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return save
