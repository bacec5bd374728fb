"""Annotation documents, projects, and the way from one to the other and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.exchange.formats import export_project
from app.exchange.import_command import ImportAnnotations
from app.exchange.options import ExportOptions
from app.project import Project
from app.project.commands import AddClass, AddImages, NewImage
from zsi_core.coco.source import open_source
from zsi_core.coco.tally import Tally

WIDTH, HEIGHT = 40, 30

SQUARE = [[5, 5, 15, 5, 15, 15, 5, 15]]


def annotation(id: Any = 1, **changes: Any) -> dict[str, Any]:
    """A square in image 1, of the first class."""
    fields = {"id": id, "image_id": 1, "category_id": 7, "iscrowd": 0}
    return {**fields, "segmentation": SQUARE, "bbox": [5, 5, 10, 10], "area": 100, **changes}


def document(*annotations: Any, **changes: Any) -> dict[str, Any]:
    """Two images of 40 x 30 pixels, two classes."""
    return {
        "info": {"description": "test", "year": 2026},
        "licenses": [{"id": 3, "name": "CC BY", "url": "u"}],
        "images": [
            {"id": 1, "file_name": "a/1.jpg", "width": WIDTH, "height": HEIGHT, "license": 3},
            {"id": 2, "file_name": "b/1.jpg", "width": WIDTH, "height": HEIGHT, "coco_url": "x"},
        ],
        "categories": [
            {"id": 7, "name": "fork", "supercategory": "kitchen"},
            {"id": 4, "name": "hair drier", "supercategory": ""},
        ],
        "annotations": list(annotations),
        **changes,
    }


class Exchange:
    """A project with an image folder, and files beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        for name in ("a/1.jpg", "b/1.jpg"):
            (self.images / name).parent.mkdir(parents=True)
            Image.new("RGB", (WIDTH, HEIGHT)).save(self.images / name)
        self.project = Project.create(folder / "p.zsip", self.images)

    def save(self, content: Any, name: str = "in.json") -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def read(self, content: Any, **options: Any) -> Tally:
        """Import a document."""
        tally = Tally()
        path = content if isinstance(content, Path) else self.save(content)
        self.project.do(ImportAnnotations(open_source(path), self.images, tally, **options))
        return tally

    def write(self, name: str = "out.json", format: str = "coco", **options: Any) -> dict[str, Any]:
        """Export, and read what was written."""
        path = self.folder / name
        self.tally, _ = export_project(self.project, path, format, ExportOptions(**options))
        return json.loads(path.read_text()) if path.is_file() else {}

    def start(self) -> None:
        """Two images and a class, as if a folder had been opened; image ids 1 and 2, class 1."""
        paths = [self.images / name for name in ("a/1.jpg", "b/1.jpg")]
        self.project.do(AddImages([NewImage(path, WIDTH, HEIGHT) for path in paths]))
        self.project.do(AddClass("fork"))

    def objects(self) -> list[Any]:
        return [record for image in self.project.image_ids() for record in self.project.objects(image)]


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    made = Exchange(tmp_path)
    with made.project:
        yield made


@pytest.fixture
def make_exchange(tmp_path: Path) -> Iterator[Callable[[str], Exchange]]:
    """Makes further projects."""
    made: list[Exchange] = []

    def make(name: str) -> Exchange:
        (tmp_path / name).mkdir()
        made.append(Exchange(tmp_path / name))
        return made[-1]

    yield make
    for exchange in made:
        exchange.project.close()
