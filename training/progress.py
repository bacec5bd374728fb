"""How far a training run is, on stderr: a bar in a terminal, a line from time to time elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

PLAIN_INTERVAL = 30.0
"""Seconds between two lines where no bar can be drawn."""


class RunProgress:
    """A context manager that shows steps, loss, images per second and the remaining time."""

    def __init__(self, console: Console | None = None, *, enabled: bool = True) -> None:
        """
        Args:
            console: where to; by default stderr.
            enabled: False in all processes of a run but one, which show nothing.
        """
        self.console = console or Console(stderr=True, quiet=not enabled)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        self._bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self._task = self._bar.add_task("getting ready", total=None, figures="")
        self._told = 0.0

    def __enter__(self) -> RunProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(
        self,
        task: str,
        done: int,
        total: int,
        *,
        rate: float | None = None,
        seconds_left: float | None = None,
        loss: float | None = None,
    ) -> None:
        """So much is done.

        Args:
            task: what is being done.
            done, total: of it.
            rate: images per second.
            seconds_left: how long the rest will take.
            loss: of the last step.
        """
        figures = []
        if loss is not None:
            figures.append(f"loss {loss:.3f}")
        if rate:
            figures.append(f"{rate:.1f} images/s")
        if seconds_left is not None:
            figures.append(f"{remaining(seconds_left)} left")
        self._bar.update(
            self._task, description=task, completed=done, total=total, figures=", ".join(figures)
        )
        now = time.monotonic()
        if not self.console.is_terminal and (now - self._told >= PLAIN_INTERVAL or done == total):
            self._told = now
            self.say(", ".join([f"{task} {done} of {total}", *figures]))

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(Text(line), soft_wrap=True)


def remaining(seconds: float) -> str:
    """A duration for people: "1 h 20 min", "3 min", "40 s"."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{round(seconds)} s"
