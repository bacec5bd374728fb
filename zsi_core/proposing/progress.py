"""How far a run is, on stderr: a bar in a terminal, a line from time to time elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from zsi_core.proposing.job import Finished

PLAIN_INTERVAL = 30.0
"""Seconds between two lines where no bar can be drawn."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} images/s" if task.speed else "", style="progress.data.speed")


class RunProgress:
    """A context manager that tells the count, the rate, the remaining time, and what was skipped."""

    def __init__(
        self, console: Console | None = None, *, doing: str = "proposing", enabled: bool = True
    ) -> None:
        """
        Args:
            console: where to; by default stderr.
            doing: what is done with each image.
            enabled: False in all processes of a run but one, which tell nothing.
        """
        self._doing = doing
        self._console = console or Console(stderr=True, quiet=not enabled)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task("loading the model", total=None)
        self._total = self._before = 0
        self._started = self._told = 0.0

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def start(self, total: int, done: int = 0) -> None:
        """The run begins.

        Args:
            total: its images.
            done: how many of them an earlier run has finished.
        """
        self._total, self._before = total, done
        self._started = self._told = time.monotonic()
        self._bar.update(self._task, description=self._doing, total=total, completed=done)

    def advance(self, finished: Finished, done: int) -> None:
        """Another image is done.

        Args:
            finished: which.
            done: how many are, since the start, with those of other processes.
        """
        if finished.skipped:
            self.skipped(finished.image.name, finished.skipped)
        self._bar.update(self._task, completed=self._before + done)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._told >= PLAIN_INTERVAL:
            self._told = now
            rate = done / (now - self._started)
            all_done = self._before + done
            left = round((self._total - all_done) / rate)
            self.say(f"{all_done} of {self._total} images, {rate:.1f} images/s, {left} s left")

    def skipped(self, file_name: str, reason: str) -> None:
        """An image could not be used."""
        self.say(f"skipped: {file_name} {reason}")

    def describe(self, doing: str) -> None:
        """The images are done; tell what is done with all of them together."""
        self._bar.update(self._task, description=doing)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(Text(line), soft_wrap=True)
