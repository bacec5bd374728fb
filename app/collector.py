"""`Collector`: Python's search for reference cycles, in the window's thread and in turns of its own.

Python searches wherever the last value too many was made: in the middle of a key press, or in a task, where
it may take Qt's objects apart in a thread that is not theirs. To search all values takes longer than a frame.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QGuiApplication, QInputEvent, QWindow

from app.no_collection import is_held_off

TURN_MS = 200
RESTING_S, CALM_S = 0.3, 2.0
"""Seconds since a person did something after which new values, and all values, are searched."""
_URGENT = 10
"""Times Python's threshold: new values are searched without a rest then, and all values in a short one."""


class Collector(QObject):
    """From its creation to `stop`, nothing is collected but by it.

    It uses Python's own thresholds. `no_collection` keeps it waiting.
    """

    def __init__(self, busy: Callable[[], bool], parent: QObject) -> None:
        """
        Args:
            busy: whether an answer is awaited that a person is to see at once.
        """
        super().__init__(parent)
        self._busy = busy
        self._young = 0  # values that were searched once
        self._last_input = time.monotonic()
        gc.disable()
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.focusWindowChanged.connect(self._watch)
        self._watch(application.focusWindow())
        self._timer = QTimer(self, interval=TURN_MS)
        self._timer.timeout.connect(self._turn)
        self._timer.start()

    def stop(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        gc.enable()

    # ---- what a person does

    def _watch(self, window: QWindow | None) -> None:
        """The one with the keyboard: few events go through a window, and many through the application."""
        if window is not None:
            window.installEventFilter(self)  # once, however often it is said

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QInputEvent):
            self._last_input = time.monotonic()
        return False

    def _rests(self, seconds: float) -> bool:
        return time.monotonic() - self._last_input >= seconds and not self._busy()

    # ---- searching

    def _turn(self) -> None:
        if is_held_off():
            return
        new, _, searches = gc.get_count()  # the last: of young values since all were searched
        enough, times, enough_searches = gc.get_threshold()
        if new > enough:
            if new > _URGENT * enough or self._rests(RESTING_S):
                self._search_new(new, enough * times)
        elif searches > enough_searches:
            late = searches > _URGENT * enough_searches  # somebody works on and on
            if self._rests(RESTING_S if late else CALM_S):
                gc.collect()

    def _search_new(self, new: int, enough_young: int) -> None:
        """Counts values, not searches as Python does: in a turn there may be many more than it lets wait."""
        self._young += new
        if self._young > enough_young:
            self._young = 0
            gc.collect(1)
        else:
            gc.collect(0)
