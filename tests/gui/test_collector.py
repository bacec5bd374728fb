"""When reference cycles are searched: in the window's thread, in turns of its own, unless held off."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app import collector
from app.collector import Collector
from app.exchange_dialogs import importing
from app.jobs import Task, run_task
from app.no_collection import no_collection
from tests.gui.conftest import Hand
from tests.gui.test_exchange import annotations as coco_file
from tests.gui.test_exchange import open_import

SOME = 2 * gc.get_threshold()[0]


class Node:
    """Refers to itself: only a search finds out that nobody wants it."""

    def __init__(self, alive: weakref.WeakSet[Node]) -> None:
        self.itself = self
        alive.add(self)


@pytest.fixture
def searches() -> Iterator[list[tuple[int, threading.Thread]]]:
    """(generation, thread) of every search."""
    seen: list[tuple[int, threading.Thread]] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            seen.append((info["generation"], threading.current_thread()))

    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


@pytest.fixture
def busy() -> list[bool]:
    """Whether the window waits for an answer."""
    return [False]


@pytest.fixture
def collected(hand: Hand, busy: list[bool], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    """A window whose values are collected in turns, which come soon."""
    monkeypatch.setattr(collector, "TURN_MS", 5)
    monkeypatch.setattr(collector, "RESTING_S", 0.05)
    monkeypatch.setattr(collector, "CALM_S", 0.1)
    gc.collect()
    made = Collector(lambda: busy[0], hand.window)
    yield hand
    made.stop()
    assert gc.isenabled()


def press_a_key(hand: Hand) -> None:
    """As the system does: it comes through the window, not straight to a widget."""
    handle = hand.window.windowHandle()
    assert handle is not None
    QTest.keyClick(handle, Qt.Key.Key_Shift)


def test_cycles_are_gone_after_a_turn_and_not_before(
    collected: Hand, searches: list[tuple[int, threading.Thread]]
) -> None:
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    searches.clear()
    for _ in range(SOME):
        Node(alive)
    assert len(alive) == SOME and not searches
    collected.wait(lambda: not alive)
    assert {thread for _, thread in searches} == {threading.main_thread()}


def test_a_task_collects_nothing_itself(
    collected: Hand, searches: list[tuple[int, threading.Thread]]
) -> None:
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    done: list[int] = []
    run_task(lambda _: [Node(alive) and None for _ in range(20 * SOME)], lambda made: done.append(len(made)))
    collected.wait(lambda: done and len(alive) < 10 * SOME)  # what came during a search waits for the next
    assert searches and {thread for _, thread in searches} == {threading.main_thread()}


def test_new_values_are_searched_when_the_person_rests(collected: Hand, busy: list[bool]) -> None:
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    busy[0] = True
    for _ in range(SOME):
        Node(alive)
    QTest.qWait(50)
    assert len(alive) == SOME, "an answer is awaited"
    busy[0] = False
    collected.wait(lambda: not alive)


def test_very_many_new_values_do_not_wait(collected: Hand, busy: list[bool]) -> None:
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    busy[0] = True
    for _ in range(10 * SOME):
        Node(alive)
    collected.wait(lambda: not alive)


def test_all_values_are_searched_when_nothing_goes_on(
    collected: Hand, searches: list[tuple[int, threading.Thread]]
) -> None:
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    kept = [Node(alive)]
    gc.collect()  # it is old now
    for _ in range(gc.get_threshold()[2] + 1):
        gc.collect(1)
    kept.clear()
    searches.clear()
    for _ in range(20):  # 200 ms: twice as long as it would take
        press_a_key(collected)
        QTest.qWait(10)
    assert alive and 2 not in [generation for generation, _ in searches]
    collected.wait(lambda: not alive)
    assert [generation for generation, _ in searches].count(2) == 1


def test_a_person_who_works_on_and_on_does_not_fill_the_memory(
    collected: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "CALM_S", 1000)
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    kept = [Node(alive)]
    gc.collect()
    kept.clear()
    for _ in range(gc.get_threshold()[2] + 1):
        gc.collect(1)
    QTest.qWait(100)
    assert alive, "it is not late yet"
    for _ in range(10 * gc.get_threshold()[2]):
        gc.collect(1)
    collected.wait(lambda: not alive)


def test_nothing_is_collected_as_long_as_anyone_holds_it_off(collected: Hand) -> None:
    alive: weakref.WeakSet[Node] = weakref.WeakSet()
    ends = [threading.Event(), threading.Event()]
    begun: list[int] = []

    @no_collection()
    def work(_: Task, number: int) -> None:
        begun.append(number)
        assert ends[number].wait(20)

    for number in range(2):
        run_task(partial(work, number=number))
    collected.wait(lambda: len(begun) == 2)
    for _ in range(20 * SOME):
        Node(alive)
    for end in ends:
        QTest.qWait(100)
        assert len(alive) == 20 * SOME
        end.set()
    collected.wait(lambda: not alive)


def test_collection_comes_back_after_work_that_failed() -> None:
    assert gc.isenabled()

    @no_collection()
    def work() -> None:
        assert not gc.isenabled()
        with no_collection():
            pass
        assert not gc.isenabled()
        raise ValueError

    with pytest.raises(ValueError):
        work()
    assert gc.isenabled()


def test_an_import_is_not_interrupted(
    collected: Hand,
    photos: Path,
    tmp_path: Path,
    searches: list[tuple[int, threading.Thread]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While its values are alive, nobody walks through them."""
    collected.open(photos)
    during: list[int] = []
    read = open_import(collected)
    read.source.set_path(coco_file(tmp_path, count=3000))
    former = importing.open_annotations

    def counted(*arguments: Any) -> object:
        searches.clear()
        return former(*arguments)

    class Counted(importing.ImportAnnotations):
        def apply(self, rows: Any) -> None:
            super().apply(rows)
            during.append(len(searches))

    monkeypatch.setattr(importing, "open_annotations", counted)
    monkeypatch.setattr(importing, "ImportAnnotations", Counted)
    read.import_button.click()
    collected.wait(lambda: read.outcome.text() == "1 image, 3,000 objects, 1 class read.")
    assert during == [0]
    read.close()
