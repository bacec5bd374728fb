"""What follows a change, piece by piece."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from app.turns import in_turn, turns_wait
from tests.gui.conftest import settle


class Follower(QObject):
    """Notes what it did."""

    def __init__(self, done: list[str]) -> None:
        super().__init__()
        self.done = done

    def first(self) -> None:
        self.done.append("first")

    def second(self) -> None:
        self.done.append("second")

    def again(self) -> None:
        self.done.append("again")
        if self.done.count("again") < 3:
            in_turn(self, self.again)


def test_each_piece_has_a_turn_and_other_timers_come_in_between(qtbot: QtBot) -> None:
    done: list[str] = []
    follower = Follower(done)
    other = QTimer(interval=0)
    other.timeout.connect(lambda: done.append("other"))
    other.start()
    in_turn(follower, follower.first)
    in_turn(follower, follower.second)
    assert done == [], "nothing is done at once"
    qtbot.waitUntil(lambda: not turns_wait())
    other.stop()
    first, second = done.index("first"), done.index("second")
    assert first < second and "other" in done[first:second]


def test_what_waits_is_done_once(qapp: QApplication) -> None:
    follower = Follower([])
    for _ in range(3):
        in_turn(follower, follower.first)
    settle()
    assert follower.done == ["first"]
    in_turn(follower, follower.first)
    settle()
    assert follower.done == ["first", "first"]


def test_what_goes_on_lets_others_come_first(qapp: QApplication) -> None:
    follower = Follower([])
    in_turn(follower, follower.again)
    in_turn(follower, follower.first)
    settle()
    assert follower.done == ["again", "first", "again", "again"]


def test_who_is_gone_does_nothing_more(qapp: QApplication) -> None:
    gone, there = Follower([]), Follower([])
    in_turn(gone, gone.first)
    in_turn(there, there.first)
    delete(gone)
    settle()
    assert (gone.done, there.done) == ([], ["first"])
