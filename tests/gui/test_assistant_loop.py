"""The loop of an annotator as a script of the real window and its engine, with and without the model."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.exchange_dialogs.exporting import ExportDialog
from app.project import ObjectRecord
from app.project.geometry import encode
from tests.gui.conftest import Hand
from tests.gui.proposals import seeing
from zsi_core.files import resources_dir

PATIENCE_MS = 600_000
"""On a busy machine; some ten seconds are usual."""
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
MOST_STEPS = 60
"""Of undo, redo, and thresholds: more would be an endless loop."""


class Loop:
    """A window and what a person does in it.

    Args:
        command: of the engine; None for the real one.
        kills: the engine is killed at three moments, in the middle of its work.
    """

    def __init__(self, hand: Hand, command: Sequence[str] | None, *, kills: bool) -> None:
        self.hand, self.window = hand, hand.window
        self.window.link._command = command
        self.kills = kills
        self.killed: list[int] = []

    def wait(self, condition: Callable[[], object]) -> None:
        self.hand.bot.waitUntil(lambda: bool(condition()), timeout=PATIENCE_MS)

    @property
    def shown(self) -> list[ObjectRecord]:
        return self.window.proposals.visible

    def open(self, folder: Path) -> None:
        self.window.link.start()
        self.window.open_paths([folder])
        self.wait(lambda: self.window.session.image_id is not None and not self.window.jobs.running)
        self.wait(lambda: self.window.link.ready and not self.window.proposals.busy)
        self.window.canvas.setFocus()

    def ask_for_names(self) -> None:
        self.hand.key("/")
        bar = self.window.assistant.bar
        QTest.keyClicks(bar.input, "cat,")
        assert [chip.name for chip in self.window.proposals.prompt.chips] == ["cat"]
        QTest.keyClicks(bar.input, "fork")
        self.hand.key(Qt.Key.Key_Return)
        assert [chip.name for chip in self.window.proposals.prompt.chips] == ["cat", "fork"]
        self.kill()
        self.wait_for_proposals()
        assert self.window.canvas.hasFocus(), "Enter goes back to the image"

    def show_at_least(self, number: int) -> None:
        """Lower the thresholds until so many proposals are shown; it asks the model nothing."""
        steps = 0
        while len(self.shown) < number:
            self.hand.key(",")
            steps += 1
            assert steps < MOST_STEPS
        assert not self.window.proposals.busy

    def accept(self) -> str:
        current = self.current()
        self.hand.key(Qt.Key.Key_Space)
        assert self.state(current) == "accepted"
        return current

    def reject(self) -> str:
        current = self.current()
        self.hand.key("x")
        assert self.state(current) == "rejected"
        return current

    def correct(self) -> str:
        """Paint over a corner of the current proposal."""
        current = self.current()
        x1, y1, x2, y2 = self.window.session.objects[current].geometry.box
        self.hand.key("b")
        self.kill()
        self.hand.drag((x1, y1), ((x1 + x2) / 2, (y1 + y2) / 2))
        self.hand.key("v")
        assert self.state(current) == "corrected"
        assert self.current() == current, "it stays the current one until the person goes on"
        self.hand.key("n")
        return current

    def next_image(self) -> None:
        before = self.window.session.image_id
        self.hand.key("d")
        self.wait(lambda: self.window.session.image_id != before)
        self.kill()
        self.wait_for_proposals()

    def undo_all(self) -> None:
        for _ in range(MOST_STEPS):
            if not self.window.session.labels()[0]:
                return
            self.hand.key("z", CTRL)
        raise AssertionError(f"{self.window.session.labels()[0]} is left")

    def redo_all(self) -> None:
        for _ in range(MOST_STEPS):
            if not self.window.session.labels()[1]:
                return
            self.hand.key("z", CTRL | SHIFT)
        raise AssertionError(f"{self.window.session.labels()[1]} is left")

    def export(self, path: Path) -> bytes:
        self.window.registry["export"].trigger()
        dialog = self.window.findChild(ExportDialog)
        assert dialog is not None
        for box in dialog.states.values():
            box.setChecked(True)
        dialog.target.set_path(path)
        dialog.export_button.click()
        self.wait(lambda: path.exists() and not self.window.jobs.running)
        return path.read_bytes()

    def current(self) -> str:
        record = self.window.reviewing.review.current
        assert record is not None
        return record.uuid

    def state(self, uuid: str) -> str:
        record = self.hand.project.object(uuid)
        assert record is not None
        return record.state

    def wait_for_proposals(self) -> None:
        """Of the image in view; a person asks again where the engine ended over it."""
        self.wait(lambda: self.window.link.ready and not self.window.proposals.busy)
        if self.kills and not self.hand.objects():
            self.hand.bot.wait(100)
            self.window.registry["propose_here"].trigger()
            self.wait(lambda: self.hand.objects() and not self.window.proposals.busy)
        assert self.hand.objects()

    def kill(self) -> None:
        """End the engine with whatever it is doing, and wait until another one runs."""
        if not self.kills:
            return
        client = self.window.link._client
        assert client is not None and client._engine is not None
        engine = client._engine
        self.killed.append(engine.process.number)
        os.kill(engine.process.number, signal.SIGKILL)
        self.wait(lambda: client._engine not in (None, engine) and client.state == "running")

    def result(self) -> list[tuple[str, str, str, bytes]]:
        """What was made, without the uuids."""
        project = self.hand.project
        names = {record.id: record.name for record in project.classes()}
        images = project.images(project.image_ids())
        return [
            (image.name, names[record.class_id], record.state, encode(record.geometry))
            for image in images
            for record in project.objects(image.id)
        ]


def annotate(
    make_window: Callable[[], Hand], folder: Path, command: Sequence[str] | None, *, kills: bool
) -> list[tuple[str, str, str, bytes]]:
    """The loop of one annotator; what there is at its end."""
    loop = Loop(make_window(), command, kills=kills)
    loop.open(folder)
    empty = loop.hand.snapshot()
    loop.ask_for_names()
    loop.show_at_least(4)
    accepted = loop.accept()
    corrected = loop.correct()
    loop.reject()
    done = loop.hand.snapshot()
    for uuid in (accepted, corrected):
        made_by = loop.window.session.objects[uuid].made_by
        assert (made_by["model"], made_by["name"] in ("cat", "fork")) == ("starter", True)

    loop.undo_all()
    assert loop.hand.snapshot() == empty
    loop.redo_all()
    assert loop.hand.snapshot() == done

    loop.next_image()
    loop.show_at_least(1)
    loop.accept()
    exported = loop.export(folder.parent / "before.json")
    done, result = loop.hand.snapshot(), loop.result()
    killed = loop.killed
    assert len(set(killed)) == (3 if kills else 0)
    loop.window.close()

    again = Loop(make_window(), command, kills=False)
    again.open(folder)
    assert again.hand.snapshot() == done, "asking once more for the image in view changes nothing"
    assert again.export(folder.parent / "after.json") == exported
    again.window.close()
    return result


@pytest.fixture
def photographs(tmp_path: Path) -> Callable[[str], Path]:
    """Folders with copies of the same two demo photographs."""

    def make(name: str) -> Path:
        folder = tmp_path / name / "photos"
        folder.mkdir(parents=True)
        for picture in ("airport.jpg", "cat_on_sofa.jpg"):
            shutil.copy(resources_dir() / "demo" / picture, folder)
        return folder

    return make


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, str(Path(seeing.__file__))], id="stand-in"),
        pytest.param(None, id="starter", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_the_loop_gives_the_same_when_the_engine_is_killed_three_times(
    make_window: Callable[[], Hand], photographs: Callable[[str], Path], command: Sequence[str] | None
) -> None:
    undisturbed = annotate(make_window, photographs("undisturbed"), command, kills=False)
    states = [state for _, _, state, _ in undisturbed]
    assert (states.count("accepted"), states.count("corrected"), states.count("rejected")) == (2, 1, 1)
    assert annotate(make_window, photographs("killed"), command, kills=True) == undisturbed
