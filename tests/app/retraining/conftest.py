"""Projects with labels, and a stand-in for the training process that speaks its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.project import Geometry, ObjectRecord, Project
from app.project.commands import AddClass, AddImages, AddObjects, SetImageState


@pytest.fixture(autouse=True)
def user_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder, away from the real one."""
    folder = tmp_path / "user data"
    for module in ("app.retraining.run", "app.retraining.versions"):
        monkeypatch.setattr(f"{module}.user_data_dir", lambda: folder)
    return folder


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """A project; arguments are class name -> number of an image for each of its objects, how many images
    there are, and whether they are marked as labelled completely."""
    opened: list[Project] = []

    def make(labels: dict[str, list[int]], images: int = 20, complete: bool = True) -> Project:
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        paths = [folder / f"{number}.png" for number in range(images)]
        for path in paths:
            Image.fromarray(np.full((40, 60, 3), 90, dtype=np.uint8)).save(path)
        project = Project.open_or_create(folder / "parts.zsip", root=folder)
        opened.append(project)
        project.do(AddImages(paths))
        ids = [project.image_id(path) for path in paths]
        for name, shown in labels.items():
            project.do(AddClass(name))
            class_id = project.class_id(name)
            box = Geometry.from_box((5.0, 5.0, 25.0, 30.0))
            project.do(AddObjects([ObjectRecord.drawn(ids[n], class_id, box, "rectangle") for n in shown]))
        if complete:
            project.do(SetImageState(ids, labelled_completely=True))
        return project

    yield make
    for project in opened:
        project.close()
