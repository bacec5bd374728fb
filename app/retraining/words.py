"""Figures of a retraining as a person reads them."""

from __future__ import annotations

from app.retraining.status import Status


def duration(seconds: float) -> str:
    """ "1 h 20 min", "3 min", "40 s"."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{round(seconds)} s"


def left(status: Status) -> str:
    """How long a run still takes; empty before training begins, when only a part of it is known."""
    if status.seconds_left is None or not status.step:
        return ""
    return duration(status.seconds_left)


def counted(number: int, noun: str) -> str:
    """ "1 image", "2,000 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float | None) -> str:
    """A share with one decimal; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f}"
