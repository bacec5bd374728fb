"""The project file: one edit, opening, lists and steps of undo, in a project of 100,000 images.

Every image has 10 polygons of 40 points, one image 500. No model takes part.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import harness
import numpy as np
from harness import Case

from app.project import Geometry, ImageFilter, ObjectRecord, Project
from app.project.commands import AddClass, AddImages, AddObjects, NewImage, SetGeometry
from zsi_core.instances.polygons import Part

IMAGES, OBJECTS_PER_IMAGE, CROWDED = 100_000, 10, 500
POINTS = 40
CLASSES = ("cat", "dog", "hair drier", "toaster", "zebra")
PROPOSALS_EVERY = 3
BATCH = 1000
PAGE = 100
FOLDER = tempfile.TemporaryDirectory()
"""Removed when the process ends: the project is open until then, as in the window."""


@dataclass
class Edits:
    """The same object, moved to and fro."""

    project: Project
    image_id: int
    uuid: str
    shapes: Iterator[Geometry] = field(default_factory=lambda: cycle([polygon(0), polygon(1)]))

    def move(self) -> object:
        return self.project.do(SetGeometry({self.uuid: next(self.shapes)}, "vertex"))

    def move_and_undo(self) -> object:
        self.move()
        return self.project.undo(self.image_id)


def polygon(shift: float) -> Geometry:
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    circle = np.stack([300 + shift + 80 * np.cos(angles), 200 + 60 * np.sin(angles)], axis=1)
    return Geometry.from_parts([Part(circle)])


def cases(_: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    folder = Path(FOLDER.name)
    path = folder / "benchmark.zsip"
    with Project.create(path, folder) as project:
        fill(project)
        project.flush()
    project = Project.open(path)
    crowded = IMAGES
    edits = Edits(project, crowded, project.objects(crowded)[CROWDED // 2].uuid)
    middle = project.image_ids()[IMAGES // 2]
    uncertain = ImageFilter.parse("state:proposals", order="uncertain")

    def listed(text: str) -> object:
        ids = project.image_ids(ImageFilter.parse(text))
        return project.images(ids[:PAGE])

    def opened() -> object:
        with project.reader() as reader:
            return reader.images(reader.image_ids()[:PAGE]), reader.status_counts(), reader.class_counts()

    def add_folder() -> object:
        with tempfile.TemporaryDirectory() as empty, Project.create(Path(empty, "a.zsip"), folder) as new:
            for start in range(0, 10_000, 1000):
                new.do(AddImages([folder / f"{n}.jpg" for n in range(start, start + 1000)]))
            return new.image_count()

    timed = [
        Case(f"one edit, {CROWDED} objects", edits.move, goal_ms=1),
        Case("one edit and its undo", edits.move_and_undo),
        Case("label of the next undo", lambda: project.undo_label(crowded)),
        Case("open, first page, counts", opened, goal_ms=2000),
        Case("all images, one page", lambda: listed("")),
        Case("name holds 777, one page", lambda: listed("777")),
        Case("class:zebra, one page", lambda: listed("class:zebra")),
        Case("state:finished, one page", lambda: listed("state:finished")),
        Case("score:<0.2, one page", lambda: listed("score:<0.2")),
        Case("counts by status and class", lambda: (project.status_counts(), project.class_counts())),
        Case("next unfinished image", lambda: project.next_image(middle, unfinished=True)),
        Case("next uncertain image", lambda: project.next_image(middle, uncertain)),
        Case(f"objects of an image, {CROWDED}", lambda: project.objects(crowded)),
        Case("a folder of 10,000 images", add_folder),
    ]
    size = path.stat().st_size
    return timed, {"images": IMAGES, "objects": sum(project_counts(project)), "file_bytes": size}


def project_counts(project: Project) -> list[int]:
    return [n for states in project.class_counts().values() for n in states.values()]


def fill(project: Project) -> None:
    """Classes and images by commands, one image with objects; the others get copies of these by SQL."""
    for name in CLASSES:
        project.do(AddClass(name))
    for start in range(1, IMAGES + 1, BATCH):
        ids = range(start, start + BATCH)
        project.do(AddImages([NewImage(project.root / f"{n % 97}/{n}.jpg", 640, 480) for n in ids]))
    project.do(AddObjects([record(index) for index in range(CROWDED)]))
    columns = "class_id, z, iscrowd, locked, hidden, maker_id, made_by, created, edits, extra, geometry"
    copied = ", ".join(f"objects.{column}" for column in columns.split(", "))
    with project._transaction() as rows:
        rows.connection.execute(
            f"""INSERT INTO objects (uuid, image_id, state, score, {columns})
                SELECT hex(randomblob(16)), images.id,
                    CASE images.id % {PROPOSALS_EVERY} WHEN 0 THEN 'proposed' ELSE state END,
                    CASE images.id % {PROPOSALS_EVERY} WHEN 0 THEN (images.id * 7919 + z) % 1000 / 1000.0 END,
                    {copied}
                FROM images JOIN objects ON z <= {OBJECTS_PER_IMAGE} WHERE images.id != {IMAGES}"""
        )


def record(index: int) -> ObjectRecord:
    return ObjectRecord.drawn(IMAGES, 1 + index % len(CLASSES), polygon(index), "polygon")


if __name__ == "__main__":
    harness.run("Project file", cases)
