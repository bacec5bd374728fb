"""The name inspector, and the place of the model in the status bar."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton

from app.proposals.name_inspector import NameInspector
from tests.gui.conftest import Hand, settle
from tests.gui.proposals import seeing
from zsi_core.engine.requests import CheckHealth


@pytest.fixture
def inspector(seer: Hand) -> NameInspector:
    """In view, with three names asked for."""
    window = seer.window
    window.docks["Name inspector"].show()
    window.docks["Name inspector"].raise_()
    window.proposals.prompt.add("cat, pet, zebra")
    seer.wait(lambda: not window.proposals.busy)
    seer.wait(lambda: window.assistant.inspector.in_view)
    return window.assistant.inspector


def test_it_asks_nothing_behind_another_tab(
    seer: Hand, inspector: NameInspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = seer.window
    window.docks["Classes"].raise_()
    seer.wait(lambda: not inspector.in_view)
    with monkeypatch.context() as patched:
        patched.setattr(window.link, "ask", None)
        window.canvas.select([])
        window.canvas.select([window.proposals.visible[0].uuid])
    window.docks["Name inspector"].raise_()
    seer.wait(lambda: inspector.in_view and inspector.why.names)


def test_a_name_is_explained(seer: Hand, inspector: NameInspector) -> None:
    bar = seer.window.assistant.bar
    settle()
    inspector.inspect(bar.chips[1].chip)
    assert inspector.name.text() == "“pet”"
    assert inspector.facts.text() == "Vector: exact entry, pet. Close to dog: usable."
    assert inspector.nearest.text() == "Nearest classes of the training: dog 0.45, couch 0.20"
    assert inspector.warning.text().startswith("Nearly coincides with “cat” (0.85)")
    assert inspector.image.text().startswith("Probably absent: zebra (0.00).")
    seer.type("frok", bar.input)
    seer.wait(lambda: "No word vector for 'frok'" in inspector.facts.text())
    assert inspector.name.text() == "“frok”"
    assert not inspector.nearest.isVisible()


def test_a_proposal_is_explained_and_relabelled_by_a_click(seer: Hand, inspector: NameInspector) -> None:
    window = seer.window
    best = window.proposals.visible[0]
    window.canvas.select([best.uuid])
    seer.wait(lambda: inspector.why.names)
    assert [button.text() for button in inspector.why.names] == ["cat", "fork", "spoon", "dog", "couch"]
    assert inspector.why.margins.text().startswith("0.80 ahead of the runner-up; background")
    inspector.why.names[3].click()
    relabelled = seer.project.object(best.uuid)
    assert relabelled is not None
    assert relabelled.class_id == seer.project.class_id("dog")
    assert relabelled.state == "corrected"
    seer.wait(lambda: inspector.why.names)
    window.canvas.select([])
    assert inspector.why.names == []


def test_the_status_bar_says_which_model_runs_where(seer: Hand) -> None:
    status = seer.window.assistant.engine
    assert status.text() == "starter · cpu"
    assert "version abababababab" in status.toolTip()


def test_an_engine_that_is_killed_takes_nothing_along(mortal: Hand) -> None:
    window = mortal.window
    window.proposals.prompt.add("cat")
    mortal.wait(lambda: not window.proposals.busy)
    before = mortal.snapshot()
    health = window.link.ask(CheckHealth())
    mortal.wait(health.done)
    os.kill(health.result().process, signal.SIGKILL)
    window.proposals.prompt.add("fork")
    mortal.wait(lambda: not window.proposals.busy and len(window.proposals.visible) == 2)
    window.session.undo()
    window.session.undo()
    assert mortal.snapshot()[1] == before[1]
    assert window.assistant.engine.text() == "starter · cpu"


def test_a_failed_engine_is_told_of_with_a_button_that_starts_it_again(
    make_window: Callable[[], Hand], tmp_path: Path
) -> None:
    hand = make_window()
    link, status = hand.window.link, hand.window.assistant.engine
    assert status.text() == "no model"
    link._command = [str(tmp_path / "no such program")]
    link.start()
    hand.wait(hand.messages)
    assert hand.messages()[0].startswith("The engine cannot be started")
    assert hand.messages()[0].endswith("Your annotations are not touched by it.")
    assert status.text() == "engine failed"
    assert link._client is not None
    link._client._command = [sys.executable, str(Path(seeing.__file__))]
    (message,) = hand.window.messages.messages
    button = next(b for b in message.findChildren(QPushButton) if b.text() == "Restart the engine")
    button.click()
    hand.wait(lambda: status.text() == "starter · cpu")
    assert hand.messages() == []
