"""`zsi retrain`: exit codes and what it prints."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.command_line import main
from app.retraining import process
from app.retraining.run import find_runs

STAND_IN = [sys.executable, str(Path(__file__).with_name("stand_in.py"))]
EVERYWHERE = list(range(20))


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "training_command", lambda arguments: [*STAND_IN, *arguments])


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["zsi", "retrain", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_a_project_is_trained_on_and_its_model_kept_afterwards(make_project, monkeypatch, capsys):
    path = make_project({"gear": EVERYWHERE, "bolt": EVERYWHERE, "nut": [3]}).path
    assert run(monkeypatch, path) == 0
    told = capsys.readouterr().out
    assert "Trained: gear, bolt" in told
    assert "note: “nut” has 1 labelled object in 1 image and" in told
    assert "AP50, trained classes: 10.0 -> 40.0" in told
    assert "found as before under other names: 90 %" in told
    assert "not installed" in told
    assert run(monkeypatch, path, "--last", "--keep") == 0
    assert "installed as starter-v2" in capsys.readouterr().out
    assert len(find_runs(path)) == 1, "no new run"


def test_a_stopped_run_is_told_and_goes_on(make_project, monkeypatch, capsys):
    path = make_project({"gear": EVERYWHERE}).path
    monkeypatch.setattr(process, "training_command", lambda arguments: [*STAND_IN, *arguments, "--stopped"])
    assert run(monkeypatch, path) == 130
    assert "--last goes on" in capsys.readouterr().err
    monkeypatch.setattr(process, "training_command", lambda arguments: [*STAND_IN, *arguments])
    assert run(monkeypatch, path, "--last") == 0


def test_what_cannot_work_is_said(make_project, tmp_path, monkeypatch, capsys):
    path = make_project({"gear": [1]}).path
    for arguments, message in (
        ((path,), "no class of"),
        ((path, "--last"), "has no earlier retraining"),
        ((path, "--recipe", "slow"), "--recipe must be one of fast, full, but is slow"),
        ((tmp_path / "none.zsip",), "none.zsip does not exist"),
    ):
        assert run(monkeypatch, *arguments) == 2
        assert message in capsys.readouterr().err
    assert find_runs(path) == []
