"""What `log.jsonl` tells of a run, over all its sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zsi_core.errors import TrainingError

LOG = "log.jsonl"

Curve = tuple[tuple[int, float], ...]
"""(step, value) in the order of the steps."""

ENDINGS = ("finished", "stopped", "error")


@dataclass(frozen=True)
class History:
    """A run as it stands.

    Attributes:
        started: the first `started` event.
        began: when, in seconds since 1970.
        seconds: spent in all sessions, pauses included.
        sessions: how often it was started or resumed.
        outcome: "finished", "stopped", "error", or "running" when the last session has not ended.
        message: what the last event said, if it said anything.
        steps, steps_total: made, and asked for.
        images_per_second: median over the run; None before the first figure.
        losses, metrics: curves by name.
        lost: images that could not be read during the run, as {"path", "reason"}.
    """

    started: Mapping[str, Any]
    began: float
    seconds: float
    sessions: int
    outcome: str
    message: str
    steps: int
    steps_total: int
    images_per_second: float | None
    losses: dict[str, Curve]
    metrics: dict[str, Curve]
    lost: tuple[Mapping[str, str], ...]


def read_history(run: Path) -> History:
    """Read the log of a run.

    Raises:
        TrainingError: there is no log, a line of it is no event, or the run never started.
    """
    events = _events(run / LOG)
    starts = [i for i, event in enumerate(events) if event["event"] == "started"]
    if not starts:
        told = next((e.get("message") for e in reversed(events) if e["event"] == "error"), "nothing ran")
        raise TrainingError(f"{run} holds no run to report on: {told}")
    sessions = [events[a:b] for a, b in zip(starts, [*starts[1:], len(events)], strict=True)]
    steps = [event for event in events if event["event"] == "step"]
    rates = sorted(e["images_per_second"] for e in steps if e.get("images_per_second"))
    ending = next((e for e in reversed(sessions[-1]) if e["event"] in ENDINGS), sessions[-1][-1])
    return History(
        started=sessions[0][0],
        began=sessions[0][0]["time"],
        seconds=sum(session[-1]["time"] - session[0]["time"] for session in sessions),
        sessions=len(sessions),
        outcome=ending["event"] if ending["event"] in ENDINGS else "running",
        message=str(ending.get("message", "")) if ending["event"] in ENDINGS else "",
        steps=max((event.get("step", 0) for event in events), default=0),
        steps_total=sessions[-1][0].get("steps_total", 0),
        images_per_second=rates[len(rates) // 2] if rates else None,
        losses=_curves(steps, "losses"),
        metrics=_curves([event for event in events if event["event"] == "eval"], "metrics"),
        lost=tuple(lost for event in events for lost in event.get("skipped", ())),
    )


def _events(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): name the folder of a run") from error
    events = []
    for number, line in enumerate(lines, start=1):
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a killed process left the line unfinished
        if not isinstance(event, dict) or not {"event", "time"} <= set(event):
            raise TrainingError(f"{path}, line {number}, is no event of a run: remove that line")
        events.append(event)
    return events


def _curves(events: Sequence[Mapping[str, Any]], key: str) -> dict[str, Curve]:
    """Curves by name; a resumed run repeats steps, and what it says later counts."""
    curves: dict[str, dict[int, float]] = {}
    for event in events:
        for name, value in (event.get(key) or {}).items():
            if isinstance(value, int | float):
                curves.setdefault(name, {})[event.get("step", 0)] = float(value)
    return {name: tuple(sorted(points.items())) for name, points in curves.items()}
