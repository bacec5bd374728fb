"""`RetrainingRun`: a retraining from its plan to the model that a person keeps, as a folder.

    plan = make_plan(project, model="starter")     # in a job: reads every object
    run = prepare(project, plan)                   # likewise
    probe = run.probe()                            # waits some seconds: how long it will take
    run.start()
    while run.status().state is State.RUNNING: ... # poll once a second
    run.keep() or run.discard()

Everything is in files, so the window may close meanwhile: `find_runs` finds the run again, whether it is
still running or not.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from app.exchange.outgoing import Progress
from app.project import Queries
from app.retraining.plan import write_plan
from app.retraining.process import is_alive, last_words, start_training
from app.retraining.status import Status, read_status
from app.retraining.versions import install
from zsi_core.errors import TrainingError
from zsi_core.files import atomic_write, user_data_dir
from zsi_core.retraining import MODEL, PLAN, REPORT, RESULT, Probe, Result, RetrainingPlan

CONTROL = "control"
LOOK_SECONDS = 0.1


class RetrainingRun:
    """One run. Its methods are quick, `probe` and `keep` aside; call them from one thread at a time.

    Attributes:
        folder: where all of it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None

    @cached_property
    def plan(self) -> RetrainingPlan:
        """What it is to do.

        Raises:
            AnnotationError, TrainingError: the file is missing or damaged.
        """
        return RetrainingPlan.read(self.folder)

    def probe(
        self,
        *,
        threads: int | None = None,
        command: Sequence[str] | None = None,
        check: Callable[[], object] = lambda: None,
    ) -> Probe:
        """Let the process take a few steps and tell how long all will take. Waits for it: call it in a job.

        Args:
            check: called several times a second; what it raises ends the process.

        Raises:
            TrainingError: the process cannot do what is asked of it; the message is the process's own.
        """
        child = start_training(self.folder, "--probe", threads=threads, command=command)
        try:
            while child.poll() is None:
                check()
                with suppress(subprocess.TimeoutExpired):
                    child.wait(LOOK_SECONDS)
        except BaseException:
            child.kill()
            child.wait()
            raise
        if child.returncode:
            raise TrainingError(last_words(self.folder).removeprefix("error: ") or "the probe was killed")
        return Probe.read(self.folder)

    def start(self, *, threads: int | None = None, command: Sequence[str] | None = None) -> None:
        """Start the process, or start it again from what was saved; nothing happens if it is running.

        Args:
            threads: of arithmetic; by default one for each core.
            command: program in the place of `python -m training`, for frozen builds.

        Raises:
            TrainingError: it cannot be started.
        """
        if not self.alive:
            (self.folder / CONTROL).unlink(missing_ok=True)
            self._child = start_training(self.folder, threads=threads, command=command)

    @property
    def alive(self) -> bool:
        """Whether a process works on it."""
        starting = self._child is not None and self._child.poll() is None
        return starting or is_alive(self.folder)

    def status(self) -> Status:
        """How it stands; takes milliseconds."""
        alive = self.alive
        return read_status(self.folder, alive=alive, finished=(self.folder / RESULT).is_file())

    def pause(self) -> None:
        """The process finishes its step and waits."""
        self._wish("pause")

    def resume(self) -> None:
        """Go on: a process that waits does; one that ended is started again."""
        if self.alive:
            self._wish("resume")
        else:
            self.start()

    def stop(self) -> None:
        """The process finishes its step, saves and ends; `start` goes on from there."""
        self._wish("stop")

    def wait(self) -> None:
        """Wait until no process works on it any more."""
        if self._child is not None:
            self._child.wait()
        while self.alive:
            time.sleep(LOOK_SECONDS)

    @property
    def result(self) -> Result | None:
        """How it ended; None until it is finished.

        Raises:
            AnnotationError, TrainingError: the file is damaged.
        """
        return Result.read(self.folder) if (self.folder / RESULT).is_file() else None

    @property
    def report(self) -> Path:
        """The page with figures, curves and pictures; there once the run is finished."""
        return self.folder / REPORT

    @property
    def model(self) -> Path:
        """The new checkpoint; there once the run is finished."""
        return self.folder / MODEL

    def keep(self) -> str:
        """Install the new model as a version of the one it started from, beside all the others.

        Returns:
            Its name, the same when it is kept already.

        Raises:
            TrainingError: the run is not finished, or the model cannot be written.
        """
        result = self.result
        if result is None:
            raise TrainingError(f"{self.folder} has no model yet: wait until the retraining is finished")
        if not result.installed:
            result = replace(result, installed=install(self.model, self.plan.model))
            result.write(self.folder)
        return result.installed

    def discard(self) -> None:
        """Delete the run; a version that was kept stays.

        Raises:
            TrainingError: its process is still at work, or the folder cannot be deleted.
        """
        if self.alive:
            raise TrainingError("the retraining is still running: stop it before it is discarded")
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise TrainingError(
                f"{self.folder} cannot be deleted ({error.strerror}): close what uses it"
            ) from error

    def _wish(self, word: str) -> None:
        try:
            with atomic_write(self.folder / CONTROL, "w") as stream:
                stream.write(word)
        except OSError as error:
            raise TrainingError(
                f"{self.folder / CONTROL} cannot be written ({error.strerror}): free some space"
            ) from error


def prepare(
    project: Queries, plan: RetrainingPlan, progress: Progress = lambda done, total: None
) -> RetrainingRun:
    """Write the run folder of a plan; call it in a job.

    Raises:
        TrainingError: the plan says that it cannot start, or the folder cannot be made.
        AnnotationError: a file cannot be written. In all cases nothing is left behind.
    """
    folder = _runs_of(project.path) / f"{datetime.now():%Y-%m-%d %H.%M.%S.%f}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be made ({error.strerror}): free some space") from error
    try:
        write_plan(project, plan, folder, progress=progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return RetrainingRun(folder)


def find_runs(project: Path) -> list[RetrainingRun]:
    """The runs of a project, newest first, whatever became of them."""
    folders = sorted((path.parent for path in _runs_of(project).glob(f"*/{PLAN}")), reverse=True)
    return [RetrainingRun(folder) for folder in folders]


def _runs_of(project: Path) -> Path:
    """Where the runs of a project lie: with the user's data, for image folders may be read-only."""
    resolved = project.resolve()
    digest = hashlib.sha256(str(resolved).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return user_data_dir() / "retraining" / f"{resolved.stem}-{digest}"
