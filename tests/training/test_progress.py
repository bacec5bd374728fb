"""What people see of a run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from training import progress
from training.progress import RunProgress, remaining


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (29, "29 s"), (31, "1 min"), (170, "3 min"), (3599, "1 h 0 min"), (5400, "1 h 30 min")],
)
def test_a_duration_for_people(seconds: float, text: str) -> None:
    assert remaining(seconds) == text


def test_lines_where_there_is_no_terminal(monkeypatch) -> None:
    """The first, one in each interval, and the last."""
    now = iter([100.0, 101.0, 140.0, 141.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    stream = io.StringIO()
    with RunProgress(Console(file=stream, width=40)) as shown:
        for done in (1, 2, 3, 4):
            shown.show("training", done, 4, rate=2.5, seconds_left=60 * (4 - done), loss=1.23456)
        shown.say("paused")
    assert stream.getvalue().splitlines() == [
        "training 1 of 4, loss 1.235, 2.5 images/s, 3 min left",
        "training 3 of 4, loss 1.235, 2.5 images/s, 1 min left",
        "training 4 of 4, loss 1.235, 2.5 images/s, 0 s left",
        "paused",
    ]


def test_a_bar_in_a_terminal() -> None:
    stream = io.StringIO()
    with RunProgress(Console(file=stream, force_terminal=True, width=100)) as shown:
        shown.show("training", 3, 4, rate=2.5, seconds_left=60, loss=1.23456)
    assert "training" in stream.getvalue()
    assert "3/4" in stream.getvalue()
    assert "loss 1.235, 2.5 images/s, 1 min left" in stream.getvalue()


def test_only_one_process_of_a_run_says_anything(capsys) -> None:
    with RunProgress(enabled=False) as shown:
        shown.show("training", 4, 4)
        shown.say("paused")
    assert capsys.readouterr().err == ""
