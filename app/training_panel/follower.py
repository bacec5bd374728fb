"""`Follower`: looks at a run once a second, and does with it what a person wishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.errors import report_exception
from app.jobs.worker import Task, run_task
from app.retraining.status import State, Status
from zsi_core.errors import ZsiError

_LOOK_MS = 1000

if TYPE_CHECKING:
    from app.retraining.run import RetrainingRun

Wish = Callable[[], object]


class Follower(QObject):
    """All that is done with a run goes through here: one thing after the other, in threads of the pool.

    Attributes:
        run: the one that is followed.
        status: of the last look; None before the first.
    """

    changed = Signal(object)
    """`Status`, after every look."""
    failed = Signal()
    """A wish could not be fulfilled; the person has been told why."""

    def __init__(self, run: RetrainingRun, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run = run
        self.status: Status | None = None
        self._wishes: list[Wish] = []
        self._task: Task | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)

    def do(self, *wishes: Wish) -> None:
        """Do something with the run soon, and look at it as long as it runs. Errors go to the person."""
        self._wishes += wishes
        self._timer.start()
        self._look()

    def stop(self) -> None:
        """Look no more; the run itself goes on."""
        self._timer.stop()
        if self._task is not None:
            self._task.cancel()

    def _look(self) -> None:
        if self._task is not None:
            return
        wishes, self._wishes = self._wishes, []

        def work(_: Task) -> tuple[Status, list[ZsiError]]:
            errors = []
            for wish in wishes:
                try:
                    wish()
                except ZsiError as error:
                    errors.append(error)
            return self.run.status(), errors

        self._task = run_task(work, lambda seen: self._seen(*seen), self._failed)

    def _seen(self, status: Status, errors: list[ZsiError]) -> None:
        self._task = None
        self.status = status
        if status.state not in (State.RUNNING, State.PAUSED):
            self._timer.stop()
        for error in errors:
            report_exception(error)
        if errors:
            self.failed.emit()
        self.changed.emit(status)
        if self._wishes:
            self._look()

    def _failed(self, error: Exception) -> None:
        self._task = None
        self._timer.stop()
        report_exception(error)
        self.failed.emit()
