"""`Preparation`: in the background, what a retraining would do, its files, and how long it will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from PySide6.QtCore import QObject, Signal

from app.errors import report_exception
from app.jobs.worker import Task, run_task
from app.project import Queries
from app.retraining.plan import make_plan
from app.retraining.run import RetrainingRun, prepare
from zsi_core.errors import ZsiError
from zsi_core.retraining import RecipeName, RetrainingPlan

_FIRST = 50
"""Priority of clearing away among the tasks of the window."""


@dataclass(frozen=True)
class Choices:
    """What a person chooses.

    Attributes:
        model: to start from: name or folder.
        recipe: "fast" or "full".
        all_complete: every image is taken as labelled completely.
    """

    model: str
    recipe: RecipeName = "fast"
    all_complete: bool = False


class Preparation(QObject):
    """Follows the choices of a person; nothing of it waits.

    Attributes:
        run: prepared and not taken yet; None while there is none.
    """

    planned = Signal(object)
    """`RetrainingPlan`, first of all."""
    prepared = Signal()
    """`run` can be taken."""
    estimated = Signal(object)
    """`Probe`, some seconds later."""
    failed = Signal(str)
    """Why the run cannot be prepared or would not work."""

    def __init__(
        self, project: Path, parent: QObject | None = None, *, command: Sequence[str] | None = None
    ) -> None:
        """
        Args:
            project: its file.
            command: program in the place of the training process's (see `RetrainingRun`).
        """
        super().__init__(parent)
        self.run: RetrainingRun | None = None
        self._project, self._command = project, command
        self._task: Task | None = None
        self._work: _Work | None = None

    def choose(self, choices: Choices) -> None:
        """Begin anew with these choices."""
        self.drop()
        work = self._work = _Work(self._project, choices, self._command)
        self._task = run_task(work.do, self.estimated.emit, self._fail, on_report=self._take)

    def take(self) -> RetrainingRun:
        """The prepared run, which is the caller's from now on; the estimate is called off."""
        run, self.run = self.run, None
        assert run is not None
        assert self._work is not None
        self._work.taken = True
        self.drop()
        return run

    def drop(self) -> None:
        """Nothing of it is wanted any more; what was written goes away."""
        task, self._task = self._task, None
        work, self._work = self._work, None
        self.run = None
        if task is not None and work is not None:
            task.cancel()
            run_task(lambda _: work.clear_away(), priority=_FIRST)

    def _take(self, value: RetrainingPlan | RetrainingRun) -> None:
        if isinstance(value, RetrainingRun):
            self.run = value
            self.prepared.emit()
        else:
            self.planned.emit(value)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, ZsiError):
            self.failed.emit(str(error))
        else:
            self.failed.emit("the retraining cannot be prepared")
            report_exception(error)


class _Work:
    """One preparation, in a thread of the pool.

    Attributes:
        taken: the run folder belongs to somebody else now.
    """

    def __init__(self, project: Path, choices: Choices, command: Sequence[str] | None) -> None:
        self.taken = False
        self._project, self._choices, self._command = project, choices, command
        self._run: RetrainingRun | None = None
        self._working = Lock()

    def do(self, task: Task) -> object:
        """Plan, prepare and probe; None where the plan cannot start."""

        def progress(done: int, total: int) -> None:
            task.check()

        choices = self._choices
        with self._working:
            with Queries.open_for_reading(self._project) as project:
                plan = make_plan(
                    project,
                    model=choices.model,
                    recipe=choices.recipe,
                    all_complete=choices.all_complete,
                    progress=progress,
                )
                task.report(plan)
                if plan.problem:
                    return None
                self._run = prepare(project, plan, progress)
            task.report(self._run)
            return self._run.probe(command=self._command, check=task.check)

    def clear_away(self) -> None:
        """Remove what was written, as soon as the work has ended."""
        with self._working:
            if self._run is not None and not self.taken:
                self._run.discard()
