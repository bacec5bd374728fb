"""A small project in a temporary folder, and what its tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.project import Geometry, ObjectRecord, Project
from app.project.commands import AddClass, AddImages, AddObjects, NewImage
from zsi_core.instances.polygons import Part

WIDTH, HEIGHT = 640, 480
NAMES = ("2.jpg", "10.jpg", "beach/Été.jpg")
CLASSES = ("cat", "hair drier")

# What undo and redo must bring back exactly: everything but the journal and the ids given so far.
COMPARED = ("images", "classes", "objects", "documents")


class Make:
    """Values for tests."""

    width, height = WIDTH, HEIGHT

    @staticmethod
    def square(x: float, y: float = 10, side: float = 20) -> Geometry:
        ring = np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])
        return Geometry.from_parts([Part(ring)])

    def drawn(self, image_id: int, class_id: int = 1, x: float = 10) -> ObjectRecord:
        return ObjectRecord.drawn(image_id, class_id, self.square(x), "polygon")

    def proposed(self, image_id: int, class_id: int = 1, x: float = 10, score: float = 0.5) -> ObjectRecord:
        made_by = {
            "model": "starter",
            "checkpoint_sha256": "ab" * 32,
            "words_sha256": "cd" * 32,
            "name": "cat",
            "resolved_as": "cat",
            "score": score,
            "runner_up": "dog",
            "runner_up_score": 0.1,
            "threshold": 0.3,
        }
        created = "2026-01-01T00:00:00+00:00"
        provenance = {"state": "proposed", "made_by": made_by, "edits": [], "created": created}
        return ObjectRecord.of_provenance(image_id, class_id, self.square(x), provenance)

    @staticmethod
    def added(project: Project, *records: ObjectRecord) -> list[str]:
        """Add objects; their uuids."""
        project.do(AddObjects(records))
        return [record.uuid for record in records]

    @staticmethod
    def dump(project: Project) -> dict[str, list[tuple[Any, ...]]]:
        """The whole content."""

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in project._connection.execute(sql)]

        content = {table: rows(f"SELECT * FROM {table} ORDER BY id") for table in COMPARED}
        counts = "SELECT * FROM class_counts WHERE n != 0 ORDER BY class_id, state"
        return {**content, "class_counts": rows(counts)}


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Three images, two classes, no object; image ids 1 to 3, class ids 1 and 2."""
    with Project.create(tmp_path / "small.zsip", tmp_path) as project:
        project.do(AddImages([NewImage(tmp_path / name, WIDTH, HEIGHT) for name in NAMES]))
        for name in CLASSES:
            project.do(AddClass(name))
        yield project
