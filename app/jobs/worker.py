"""Run a function in a thread and bring its result back: the only way work leaves the window's thread.

There is no thread class to subclass and no lock to hold: the function gets a `Task`, by which it reports and
learns that it is not wanted any more; everything it hands back arrives in the window's thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QCoreApplication, QObject, QRunnable, Qt, QThread, QThreadPool, QTimer, Signal

from app.errors import report_exception

Result = TypeVar("Result")
_LOOK_SECONDS = 0.1


class Cancelled(Exception):  # noqa: N818 - not an error: the work was called off
    """Raised inside a function whose task was cancelled; ends it silently."""


class Task:
    """Handle of work under way; `cancel` from the window's thread, the rest from inside the function."""

    def __init__(self, on_report: Callable[[Any], None] | None = None) -> None:
        self._cancelled = threading.Event()
        self._on_report = on_report
        self._taken = threading.Semaphore(1)

    def cancel(self) -> None:
        """Drop the result: neither `then`, `error` nor `report` is called from now on."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if the work was called off; call it between the steps of a long function."""
        if self.cancelled:
            raise Cancelled

    def report(self, value: Any) -> None:
        """Hand an intermediate value to `on_report`, in the window's thread.

        Waits until the value before was taken and the window has reacted to its person since: a fast function
        must not flood it. Raises `Cancelled` when the work is called off meanwhile.
        """
        if self._on_report is None:
            return
        while not self._taken.acquire(timeout=_LOOK_SECONDS):
            self.check()
        _mailbox().post.emit(self, self._take, value)

    def _take(self, value: Any) -> None:
        assert self._on_report is not None
        try:
            self._on_report(value)
        finally:
            # A timer fires when the loop has dealt with all else, mouse and keys included.
            QTimer.singleShot(0, self._taken.release)


def run_task(
    function: Callable[[Task], Result],
    then: Callable[[Result], None] | None = None,
    error: Callable[[Exception], None] | None = None,
    *,
    on_report: Callable[[Any], None] | None = None,
    priority: int = 0,
    pool: QThreadPool | None = None,
) -> Task:
    """Run `function(task)` in a thread of the pool.

    Args:
        function: must not touch widgets. It may raise `Cancelled` (see `Task.check`).
        then: receives the result, in the window's thread.
        error: receives the exception, in the window's thread; by default it goes to the error report.
        on_report: receives the values of `Task.report`, in the window's thread and in their order.
        priority: larger ones start first when all threads are busy.
        pool: by default the one that all tasks share.
    """
    task = Task(on_report)
    _mailbox()  # made in the window's thread, so that it lives there
    (pool or shared_pool()).start(_Run(task, function, then, error or report_exception), priority)
    return task


def shared_pool() -> QThreadPool:
    """The pool of all tasks; has more threads than cores, so that a slow file does not hold up the rest."""
    pool = QThreadPool.globalInstance()
    pool.setMaxThreadCount(max(4, os.cpu_count() or 1))
    return pool


def wait_for_tasks(milliseconds: int = 10_000) -> bool:
    """Start nothing that still waits, and wait for what runs; False when the time was too short."""
    pool = shared_pool()
    pool.clear()
    return pool.waitForDone(milliseconds)


def post(task: Task, receiver: Callable[[Any], None], value: Any) -> None:
    """Have `receiver(value)` called in the window's thread, unless the task is cancelled by then.

    For what comes from threads that are not of the pool (the engine's client), whatever thread calls.
    """
    _mailbox().post.emit(task, receiver, value)


def open_mailbox() -> None:
    """Make `post` possible for other threads; call it in the window's thread first."""
    _mailbox()


class _Run(QRunnable):
    def __init__(
        self,
        task: Task,
        function: Callable[[Task], Any],
        then: Callable[[Any], None] | None,
        error: Callable[[Exception], None],
    ) -> None:
        super().__init__()
        self._task, self._function, self._then, self._error = task, function, then, error

    def run(self) -> None:
        if self._task.cancelled:
            return
        try:
            result = self._function(self._task)
        except Cancelled:
            return
        except Exception as error:
            _mailbox().post.emit(self._task, self._error, error)
            return
        if self._then is not None:
            _mailbox().post.emit(self._task, self._then, result)


class _Mailbox(QObject):
    """Lives in the window's thread; what is posted from another one is delivered by its event loop."""

    post = Signal(object, object, object)

    def __init__(self) -> None:
        super().__init__()
        self.post.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def _deliver(self, task: Task, receiver: Callable[[Any], None], value: Any) -> None:
        if not task.cancelled:
            receiver(value)


_the_mailbox: _Mailbox | None = None


def _mailbox() -> _Mailbox:
    global _the_mailbox
    if _the_mailbox is None:
        application = QCoreApplication.instance()
        assert application is not None, "tasks need an application"
        assert QThread.currentThread() is application.thread(), (
            "the first task must start in the window's thread"
        )
        _the_mailbox = _Mailbox()
    return _the_mailbox
