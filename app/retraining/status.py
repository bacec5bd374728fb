"""How a retraining stands, from the log that its process writes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.retraining.process import last_words
from zsi_core.retraining import PROBE, Probe

LOG = "log.jsonl"
ENDINGS = ("stopped", "error")
"""Last events of a session that can be followed by another one."""


class State(StrEnum):
    """Of a run."""

    PREPARED = "prepared"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"
    FINISHED = "finished"


@dataclass(frozen=True)
class Status:
    """How a run stands.

    Attributes:
        state: `RUNNING` and `PAUSED` have a process; `STOPPED` and `FAILED` can go on from what was saved.
        doing: what the process does, or why the run failed, for a person.
        step, steps_total: of training; 0 of 0 until known.
        seconds_left: of everything that is still to be done; None until known.
        losses: (step, loss) of training, in order.
    """

    state: State
    doing: str = ""
    step: int = 0
    steps_total: int = 0
    seconds_left: float | None = None
    losses: tuple[tuple[int, float], ...] = ()


def read_status(folder: Path, *, alive: bool, finished: bool) -> Status:
    """The status of a run folder.

    Args:
        alive: a process works on it.
        finished: its result is there.
    """
    events = _events(folder / LOG)
    state, doing = _state(folder, events, alive=alive, finished=finished)
    steps = [event for event in events if event["event"] == "step"]
    return Status(
        state,
        doing,
        step=max((int(event.get("step") or 0) for event in events), default=0),
        steps_total=max((int(event.get("steps_total") or 0) for event in events), default=0),
        seconds_left=_seconds_left(folder, events) if alive else None,
        losses=tuple(sorted({e["step"]: e["losses"]["loss"] for e in steps if _has_loss(e)}.items())),
    )


def _state(
    folder: Path, events: Sequence[Mapping[str, Any]], *, alive: bool, finished: bool
) -> tuple[State, str]:
    last = events[-1] if events else {}
    told = str(last.get("message") or "")
    if alive:
        if told == "paused":
            return State.PAUSED, ""
        steps = [] if last.get("event") in ENDINGS else [e for e in events if e["event"] == "step"]
        if not steps:
            return State.RUNNING, "getting ready"
        return State.RUNNING, "training" if _has_loss(steps[-1]) else str(steps[-1].get("message") or "")
    if finished:
        return State.FINISHED, ""
    if last.get("event") == "stopped":
        return State.STOPPED, told
    if last.get("event") == "error":
        return State.FAILED, told
    words = last_words(folder)
    if not events and not words:
        return State.PREPARED, ""
    # A killed process says nothing; one that could not even start says so in its output.
    return State.FAILED, (
        "the training process ended before it was done, perhaps because memory ran out or it was killed"
        + (f" (its last words: {words.removeprefix('error: ')})" if words else "")
        + ": go on from what it saved, or look into "
        + str(folder / "output.txt")
    )


def _seconds_left(folder: Path, events: Sequence[Mapping[str, Any]]) -> float | None:
    """Before the training what the probe said; from then on what the last event says, and what follows."""
    if not any(map(_has_loss, events)):
        if not events or not (folder / PROBE).is_file():
            return None
        return max(0.0, Probe.read(folder).seconds - (time.time() - events[0]["time"]))
    for event in reversed(events):
        if event["event"] in ENDINGS:
            return None
        if event.get("eta_seconds") is not None:
            rest = next((e["rest_seconds"] for e in reversed(events) if "rest_seconds" in e), 0.0)
            return float(event["eta_seconds"]) + (float(rest) if _has_loss(event) else 0.0)
    return None


def _has_loss(event: Mapping[str, Any]) -> bool:
    return isinstance((event.get("losses") or {}).get("loss"), int | float)


def _events(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a log that may be growing; empty while there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # it is being written, or a killed process left it unfinished
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            events.append(event)
    return events
