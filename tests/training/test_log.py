"""The log of a run: strict JSON, one object per line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.log import RunLog
from zsi_core.errors import TrainingError


def events(folder: Path) -> list[dict]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def test_a_line_per_event(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "new" / "run")
    log.write("started", steps_total=3, message="two\nlines")
    log.write("step", step=1, losses={"loss": 1.5})
    started, step = events(tmp_path / "new" / "run")
    assert started.pop("time") <= step.pop("time")
    assert started == {"event": "started", "steps_total": 3, "message": "two\nlines"}
    assert step == {"event": "step", "step": 1, "losses": {"loss": 1.5}}


def test_a_second_run_in_the_folder_appends(tmp_path: Path) -> None:
    RunLog(tmp_path).write("finished")
    RunLog(tmp_path).write("started")
    assert [entry["event"] for entry in events(tmp_path)] == ["finished", "started"]


def test_figures_that_are_not_finite_become_null(tmp_path: Path) -> None:
    nan, inf = float("nan"), float("inf")
    RunLog(tmp_path).write("step", eta_seconds=inf, losses={"a": nan, "b": 1.0}, metrics=[(-inf, 2)])
    (entry,) = events(tmp_path)
    assert entry["eta_seconds"] is None
    assert entry["losses"] == {"a": None, "b": 1.0}
    assert entry["metrics"] == [[None, 2]]


@pytest.mark.parametrize(
    ("error", "message"), [(TrainingError("no images"), "no images"), (ValueError(), "ValueError")]
)
def test_the_error_that_ends_a_run_is_an_event(error: Exception, message: str, tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    with pytest.raises(type(error)) as raised, log.errors():
        log.write("started")
        raise error
    assert raised.value is error
    assert [(entry["event"], entry.get("message")) for entry in events(tmp_path)] == [
        ("started", None),
        ("error", message),
    ]


def test_a_run_without_an_error_logs_none(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    with log.errors():
        log.write("finished")
    assert [entry["event"] for entry in events(tmp_path)] == ["finished"]
