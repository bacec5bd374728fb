"""The window's end of the engine: where answers arrive, and when none does. The model is a stand-in."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.proposals.engine_link import EngineLink
from app.settings import Settings
from tests.engine import stand_in
from tests.gui.conftest import PATIENCE_MS, Hand
from zsi_core.engine.replies import Encoded
from zsi_core.engine.requests import Encode, Query
from zsi_core.errors import EngineError

STAND_IN = [sys.executable, str(Path(stand_in.__file__))]


@pytest.fixture
def settings(own_folders: Path) -> Settings:
    return Settings(own_folders / "settings.ini")


@pytest.fixture
def link(settings: Settings, qtbot: QtBot) -> Iterator[EngineLink]:
    """A link whose stand-in of a model is loaded."""
    made = EngineLink(settings, command=STAND_IN)
    with qtbot.waitSignal(made.model_changed, timeout=PATIENCE_MS):
        made.start()
    yield made
    made.close()


Wait = Callable[[Callable[[], object]], None]


@pytest.fixture
def wait(qtbot: QtBot) -> Wait:
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE_MS)


def test_a_window_does_not_start_the_engine_by_itself(hand: Hand) -> None:
    problems: list[str] = []
    hand.window.link.problem.connect(problems.append)
    asked = hand.window.link.ask(Encode("a.jpg"))
    hand.wait(asked.done)
    assert not hand.window.link.started
    assert problems == ["the engine was not started: start it in the menu Model"]
    assert hand.messages() == problems


def test_answers_and_errors_arrive_in_the_windows_thread(link: EngineLink, wait: Wait) -> None:
    got: list[tuple[Any, threading.Thread]] = []

    def take(value: Any) -> None:
        got.append((value, threading.current_thread()))

    assert link.model is not None
    assert link.model.name == "starter"
    asked = link.ask(Encode("a.jpg"), take)
    link.ask(Query("a.jpg", ("cat",)), take, lambda error: take(str(error)))
    wait(lambda: len(got) == 2)
    assert asked.result() == Encoded((1, 1), 0, "network", True)
    here = threading.current_thread()
    assert (asked.result(), here) in got
    assert [thread for _, thread in got] == [here, here]
    assert [value for value, _ in got if isinstance(value, str)]


def test_nothing_arrives_of_what_was_cancelled_even_when_it_was_answered(
    link: EngineLink, wait: Wait
) -> None:
    got: list[Any] = []
    answered = threading.Event()
    asked = link.ask(Encode("a.jpg"), got.append, got.append)
    # The client's own answer, before this thread can have taken it:
    client = link._client
    assert client is not None
    client.ask(Encode("b.jpg")).add_done_callback(lambda _: answered.set())
    assert answered.wait(PATIENCE_MS / 1000)
    assert asked.cancel()
    link.ask(Encode("c.jpg"), lambda _: got.append("c"))
    wait(lambda: got)
    assert got == ["c"]


def test_a_newer_request_of_a_topic_replaces_the_older_one(
    link: EngineLink, wait: Wait, tmp_path: Path
) -> None:
    got: list[str] = []
    (tmp_path / "wait").touch()
    older = link.ask(Encode(str(tmp_path / "wait")), lambda _: got.append("older"), topic="preview")
    link.ask(Encode("b.jpg"), lambda _: got.append("newer"), topic="preview")
    assert older.cancelled()
    wait(lambda: got)
    assert got == ["newer"]


def test_a_chosen_model_is_remembered_once_it_is_loaded(
    link: EngineLink, settings: Settings, wait: Wait
) -> None:
    link.load("other", "cpu")
    assert link.loading == "other"
    assert settings.model() == ("starter", None)
    wait(lambda: link.model is not None and link.model.name == "other")
    assert (link.loading, settings.model()) == ("", ("other", "cpu"))


def test_an_engine_that_cannot_start_is_told_of_by_its_state_alone(
    settings: Settings, qtbot: QtBot, wait: Wait, tmp_path: Path
) -> None:
    missing = EngineLink(settings, command=[str(tmp_path / "no such program")])
    problems: list[str] = []
    missing.problem.connect(problems.append)
    missing.start()
    wait(lambda: missing.last_event is not None and missing.last_event.state == "failed")
    asked = missing.ask(Encode("a.jpg"))
    wait(asked.done)
    assert isinstance(asked.exception(), EngineError)
    assert problems == [], "the state has its own message"
    assert missing.loading == ""
    missing.close()


def test_closing_does_not_wait_and_delivers_nothing(link: EngineLink, qtbot: QtBot, tmp_path: Path) -> None:
    got: list[Any] = []
    (tmp_path / "hold").touch()
    asked = link.ask(Encode(str(tmp_path / "hold")), got.append, got.append)
    link.close()
    assert asked.cancelled()
    qtbot.wait(50)
    assert got == []
