"""Lets a benchmark that drives annotation tools through their own main() drive this one, too.

It offers what that benchmark asks of a tool (`run_main`, `window`, `canvas`, `load`, `next_image` and so on).
The objects of its folders (labelme's JSON beside the images) go
into project files first; what is timed is opening those, as the other tools open their JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.project import ObjectRecord, Project, project_path
from app.project.commands import AddClass, AddImages, AddObjects, SetGeometry
from app.project.geometry import Geometry
from zsi_core.instances.polygons import Part

PATIENCE_S = 60


class Adapter:
    """The window, driven from outside."""

    undo_depth = 1

    def __init__(self, started: float) -> None:
        self.started = started
        scenario, data = (sys.argv[sys.argv.index(flag) + 1] for flag in ("--what", "--data"))
        if scenario.startswith("poly"):
            make_project(Path(data) / "poly0")
        if scenario.startswith("poly") or scenario in ("dense", "nav"):
            make_project(Path(data) / scenario)

    def qt(self) -> tuple[Any, Any, Any]:
        from PySide6 import QtCore, QtGui, QtWidgets

        return QtCore, QtGui, QtWidgets

    def run_main(self, arguments: list[str]) -> None:
        from app.__main__ import main

        main(arguments)

    def window(self, application: Any) -> Any:
        from app.main_window import MainWindow

        return next(w for w in application.topLevelWidgets() if isinstance(w, MainWindow))

    def canvas(self, window: Any) -> Any:
        return window.canvas

    def load(self, window: Any, path: Path) -> None:
        project = project_path(Path(path).parent)
        window.open_paths([project if project.exists() else Path(path)])
        self._wait(lambda: window.session.image is not None and window.session.image.path == Path(path))

    def open_dir(self, window: Any, path: Path) -> None:
        window.open_paths([Path(path)])
        self._wait(lambda: window.session.image is not None)

    def next_image(self, window: Any) -> None:
        before = window.session.image_id
        window.registry["next_image"].trigger()
        self._wait(lambda: window.session.image_id != before)

    def save(self, window: Any, path: Path) -> None:
        """Every change is in the file already; this is all that closing adds."""
        window.session.project.flush()

    def set_zoom(self, window: Any, percent: int) -> None:
        window.canvas.zoom_to(percent / 100)

    def n_shapes(self, window: Any) -> int:
        return len(window.canvas.objects)

    def snapshot(self, window: Any) -> None:
        """Record an edit for undo: here the edit itself, written to the project and shown."""
        uuid, object_ = next(iter(window.canvas.objects.items()))
        parts = [Part(part.outer + 0.5, part.holes) for part in object_.geometry.polygons]
        window.session.do(SetGeometry({uuid: Geometry.from_parts(parts)}, "move"))

    def _wait(self, condition: Callable[[], bool]) -> None:
        from PySide6.QtWidgets import QApplication

        end = time.monotonic() + PATIENCE_S
        while not condition():
            QApplication.processEvents()
            if time.monotonic() > end:
                raise TimeoutError("the window does not get there")


def make_project(folder: Path) -> None:
    """Put the images of a folder and the shapes of the JSON files beside them into its project file."""
    path = project_path(folder)
    if path.exists():
        return
    images = sorted(folder.glob("*.jpg"))
    with Project.create(path, folder) as project:
        project.do(AddImages(images))
        classes: dict[str, int] = {}
        for image_id, image in zip(project.image_ids(), images, strict=True):
            shapes = image.with_suffix(".json")
            if not shapes.exists():
                continue
            records = []
            for shape in json.loads(shapes.read_text(encoding="utf-8"))["shapes"]:
                name = shape["label"]
                if name not in classes:
                    project.do(AddClass(name))
                    classes[name] = project.class_id(name) or 0
                geometry = Geometry.from_parts([Part(np.array(shape["points"], dtype=np.float64))])
                records.append(ObjectRecord.drawn(image_id, classes[name], geometry, "polygon"))
            project.do(AddObjects(records))
