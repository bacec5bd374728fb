"""The jobs a person sees: long work with a title, progress, a way to stop it and an outcome."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.errors import make_report, report_exception
from app.jobs.worker import Task, run_task


class JobState(Enum):
    """How far a job is."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Job(QObject):
    """Long work that a person can watch and stop; `changed` is emitted whenever it has news.

    Attributes:
        title: what it does, with its object: "Reading the folder photos".
        done, total: progress in steps; total 0 when it is not known.
        message: what it does now, or how it ended.
        problems: what it had to leave out and why, one sentence each.
        left: how long it will still take, for a person; empty where that is not known.
        paused: it runs, and waits.
        buttons: text -> what else a person can do with it while it runs.
    """

    changed = Signal()

    def __init__(self, title: str, cancel: Callable[[], object] | None, parent: QObject) -> None:
        super().__init__(parent)
        self.title = title
        self.state = JobState.RUNNING
        self.done = self.total = 0
        self.message = ""
        self.problems: list[str] = []
        self.left = ""
        self.paused = False
        self.buttons: dict[str, Callable[[], object]] = {}
        self._cancel = cancel

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state is JobState.RUNNING

    @property
    def can_stop(self) -> bool:
        """Whether it runs and knows how to stop."""
        return self.running and self._cancel is not None

    def progress(self, done: int, total: int, message: str = "", left: str = "") -> None:
        """Say how far it is."""
        self.done, self.total, self.message, self.left = done, total, message, left
        self.changed.emit()

    def add_problem(self, text: str) -> None:
        """Say what is left out and why; the rest goes on."""
        self.problems.append(text)
        self.changed.emit()

    def stop(self) -> None:
        """Call it off; what it has done so far stays."""
        if self._cancel is not None and self.running:
            self._cancel()
            self.end(JobState.STOPPED, "Stopped")

    def end(self, state: JobState, message: str = "") -> None:
        """Say how it ended."""
        if self.running:
            self.state, self.message = state, message
            self.changed.emit()


class JobList(QObject):
    """All jobs of the window, those that ended included, in the order they began."""

    added = Signal(object)
    removed = Signal(object)
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.jobs: list[Job] = []

    @property
    def running(self) -> list[Job]:
        """Jobs that have not ended."""
        return [job for job in self.jobs if job.running]

    def add(self, title: str, cancel: Callable[[], object] | None = None) -> Job:
        """A job whose progress somebody else reports."""
        job = Job(title, cancel, self)
        self.jobs.append(job)
        job.changed.connect(self.changed)
        self.added.emit(job)
        self.changed.emit()
        return job

    def run(
        self,
        title: str,
        function: Callable[[Task], Any],
        then: Callable[[Any], str],
        on_report: Callable[[Any], None] | None = None,
    ) -> Job:
        """A job that runs a function in a thread.

        Args:
            function: see `run_task`.
            then: receives its result in the window's thread; returns how the job ended, a short sentence.
            on_report: receives its intermediate values, in the window's thread.
        """

        def finished(result: Any) -> None:
            job.end(JobState.DONE, then(result))

        def failed(error: Exception) -> None:
            job.end(JobState.FAILED, make_report(error).message)
            report_exception(error)

        task = run_task(function, finished, failed, on_report=on_report)
        job = self.add(title, task.cancel)
        return job

    def stop_all(self) -> None:
        """Call off whatever can be."""
        for job in self.running:
            job.stop()

    def clear_ended(self) -> None:
        """Forget the jobs that ended."""
        for job in [job for job in self.jobs if not job.running]:
            self.jobs.remove(job)
            self.removed.emit(job)
            job.deleteLater()
        self.changed.emit()
