"""A project with labels in the real window, and a training process that takes no time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from app.jobs.job_list import Job
from app.project import Geometry, ObjectRecord, Project
from app.project.commands import AddClass, AddImages, AddObjects, SetImageState
from app.training_panel.run_window import RunWindow
from app.training_panel.setup_dialog import SetupDialog
from tests.engine import stand_in
from tests.gui.conftest import Hand, make_image

ENGINE = [sys.executable, str(Path(stand_in.__file__))]
TRAINER = [sys.executable, str(Path(__file__).with_name("trainer.py"))]


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Path]:
    """Write a project; arguments are class name -> numbers of the images that show one object of it."""

    def make(labels: Mapping[str, Sequence[int]], images: int = 20) -> Path:
        folder = tmp_path / "parts"
        paths = [make_image(folder / f"{number}.png", (96, 72), seed=number) for number in range(images)]
        project = Project.open_or_create(folder / "parts.zsip", root=folder)
        project.do(AddImages(paths))
        ids = [project.image_id(path) for path in paths]
        for place, (name, shown) in enumerate(labels.items()):
            project.do(AddClass(name))
            class_id = project.class_id(name)
            assert class_id is not None
            box = Geometry.from_box((4.0 + 30 * place, 8.0, 30.0 + 30 * place, 40.0))
            project.do(AddObjects([ObjectRecord.drawn(ids[n], class_id, box, "rectangle") for n in shown]))
        project.do(SetImageState(ids, labelled_completely=True))
        project.close()
        return folder / "parts.zsip"

    return make


@pytest.fixture
def project(make_project: Callable[..., Path]) -> Path:
    """Two classes with enough objects and one without."""
    return make_project({"gear": range(20), "bolt": range(20), "washer": [1, 2]})


class Trainee:
    """A window whose training process is a stand-in."""

    def __init__(self, hand: Hand) -> None:
        self.hand, self.control = hand, hand.window.training
        self.control.command = TRAINER

    def setup(self, wait: bool = True) -> SetupDialog:
        """Open the dialog, and wait until it has said how long it will take."""
        self.hand.key(Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
        dialog = self.hand.window.findChild(SetupDialog)
        assert dialog is not None
        if wait:
            self.hand.wait(lambda: "About" in dialog.estimate.text())
        return dialog

    def start(self, script: str = "") -> None:
        """Start a run whose process does what the stand-in knows under this word."""
        dialog = self.setup()
        assert dialog.preparation.run is not None
        (dialog.preparation.run.folder / "script").write_text(script)
        dialog.start_button.click()
        self.hand.wait(lambda: self.control.status is not None)

    @property
    def shown(self) -> RunWindow:
        found = self.hand.window.findChild(RunWindow)
        assert isinstance(found, RunWindow)
        return found

    @property
    def jobs(self) -> list[Job]:
        """Of retraining, those that ended included."""
        return [job for job in self.hand.window.jobs.jobs if job.title.startswith("Retraining")]

    def click(self, key: str) -> None:
        """Press a button of the run's window, as soon as it is there."""
        self.hand.wait(lambda: key in self.shown.buttons)
        self.shown.buttons[key].click()

    def wait_for(self, state: str) -> None:
        self.hand.wait(lambda: self.control.status is not None and self.control.status.state == state)


@pytest.fixture
def make_trainee(
    make_window: Callable[[], Hand], project: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Trainee]:
    """Opens windows that show the project, and look at its run often."""
    monkeypatch.setattr("app.training_panel.follower._LOOK_MS", 100)

    def make() -> Trainee:
        trainee = Trainee(make_window())
        trainee.hand.window.open_paths([project])
        trainee.hand.wait(lambda: trainee.hand.window.session.image_id is not None)
        return trainee

    return make


@pytest.fixture
def trainee(make_trainee: Callable[[], Trainee]) -> Trainee:
    return make_trainee()
