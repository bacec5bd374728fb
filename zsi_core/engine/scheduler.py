"""Which piece of work is done next.

A job is a generator: it yields the lane that its next step wants and returns the reply. Between two steps it
can be cancelled, and one of higher priority goes first. There are two lanes, each one thread, so that a
question to an encoded image, which takes milliseconds, never waits for the encoding of another image.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

_log = logging.getLogger(__name__)


class Lane(Enum):
    """A thread of work."""

    ASK = "ask"
    ENCODE = "encode"


_FIRST = -1000
"""Urgency below that of every priority."""

Steps = Generator[Lane, None, Any]
"""Yields the lane of its next step; returns the reply."""


@dataclass(order=True)
class Job:
    """A request under way; sorts by what goes first."""

    urgency: int
    number: int
    id: int = field(compare=False)
    steps: Steps = field(compare=False)
    alone: bool = field(compare=False, default=False)
    quiet: bool = field(compare=False, default=False)
    running: bool = field(compare=False, default=False)
    cancelled: bool = field(compare=False, default=False)


@dataclass(frozen=True)
class Listener:
    """Who is told what becomes of jobs, by their id; called from the lanes' threads."""

    began: Callable[[int], None]
    waits: Callable[[int], None]
    done: Callable[[int, Any], None]
    failed: Callable[[int, Exception], None]
    cancelled: Callable[[int], None]


class Scheduler:
    """Runs jobs in two threads."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._waiting: dict[Lane, list[Job]] = {lane: [] for lane in Lane}
        self._jobs: dict[int, Job] = {}
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._quiet_ids = itertools.count(1)

    def start(self) -> None:
        """Start the lanes; they end with the process."""
        for lane in Lane:
            threading.Thread(target=self._run, args=(lane,), name=f"lane {lane.value}", daemon=True).start()

    def submit(self, id: int, steps: Steps, priority: int, *, alone: bool = False) -> None:
        """Do a job; one that wants to be alone goes first, and no other step starts before it has ended."""
        with self._changed:
            job = Job(_FIRST if alone else -priority, next(self._numbers), id, steps, alone)
            self._jobs[id] = job
            self._put(Lane.ENCODE if alone else Lane.ASK, job)

    def submit_quietly(self, function: Callable[[], None]) -> None:
        """Call a function in the lane of encodings, before anything else there; its errors are logged."""
        with self._changed:
            job = Job(_FIRST, next(self._numbers), -next(self._quiet_ids), _once(function), quiet=True)
            self._jobs[job.id] = job
            self._put(Lane.ENCODE, job)

    def cancel(self, id: int) -> None:
        """End a job before its next step."""
        with self._changed:
            if job := self._jobs.get(id):
                job.cancelled = True

    def counts(self) -> tuple[int, int]:
        """How many jobs run, and how many wait."""
        with self._changed:
            running = sum(job.running for job in self._jobs.values())
            return running, len(self._jobs) - running

    def _put(self, lane: Lane, job: Job) -> None:
        job.running = False
        heapq.heappush(self._waiting[lane], job)
        self._changed.notify_all()

    def _take(self, lane: Lane) -> Job:
        with self._changed:
            while not self._free(lane):
                self._changed.wait()
            job = heapq.heappop(self._waiting[lane])
            job.running = True
            return job

    def _free(self, lane: Lane) -> bool:
        if not self._waiting[lane]:
            return False
        first = self._waiting[lane][0]
        return first.alone or first.quiet or not any(job.alone for job in self._jobs.values())

    def _run(self, lane: Lane) -> None:
        while True:
            self._step(self._take(lane))

    def _step(self, job: Job) -> None:
        if job.quiet:
            self._forget(job)
            try:
                next(job.steps, None)
            except Exception:
                _log.exception("work in the background failed")
            return
        if job.cancelled:
            self._forget(job)
            job.steps.close()
            self._listener.cancelled(job.id)
            return
        self._listener.began(job.id)
        try:
            lane = next(job.steps)
        except StopIteration as end:
            self._forget(job)
            self._listener.done(job.id, end.value)
        except Exception as error:
            self._forget(job)
            self._listener.failed(job.id, error)
        else:
            self._listener.waits(job.id)
            with self._changed:
                self._put(lane, job)

    def _forget(self, job: Job) -> None:
        with self._changed:
            del self._jobs[job.id]
            self._changed.notify_all()


def _once(function: Callable[[], None]) -> Steps:
    function()
    yield from ()
