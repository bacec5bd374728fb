"""`in_turn`: what follows a change is done piece by piece, and the window goes on in between.

A change of the project is followed by panels, chips, the review strip and the canvas, and all of them are
painted then. In one go that takes longer than a frame, and keys and mouse wait.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from shiboken6 import isValid

_Work = Callable[[], None]


def in_turn(owner: QObject, work: _Work) -> None:
    """Have `work()` called in a turn of the event loop of its own, before what is handed in later.

    What waits already is not done twice. It is dropped when `owner` is gone by then.
    """
    global _the_turns
    if _the_turns is None or not isValid(_the_turns):
        _the_turns = _Turns()
    _the_turns.add(owner, work)


def turns_wait() -> bool:
    """Whether something that was handed in is still to be done."""
    return _the_turns is not None and isValid(_the_turns) and bool(_the_turns.waiting)


class _Turns(QObject):
    """Lives as long as the application, in the window's thread."""

    def __init__(self) -> None:
        super().__init__(QCoreApplication.instance())
        self.waiting: dict[_Work, QObject] = {}
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._turn)
        self._others_first = False

    def add(self, owner: QObject, work: _Work) -> None:
        self.waiting.setdefault(work, owner)
        if not self._timer.isActive():
            self._others_first = True
            self._timer.start()

    def _turn(self) -> None:
        if self._others_first:  # what was done last is painted, and other timers fire
            self._others_first = False
            return
        self._others_first = True
        work = next(iter(self.waiting))
        owner = self.waiting.pop(work)
        if not self.waiting:
            self._timer.stop()
        if isValid(owner):
            work()


_the_turns: _Turns | None = None
