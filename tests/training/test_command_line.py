"""`python -m training`: options, exit codes, and what people are told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training import __main__ as command_line
from training import loop
from zsi_core.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[2]


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def run_command(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """`python -m training ...` in this process: exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["training", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            command_line.main()
        said = capsys.readouterr()
        return done.value.code or 0, said.out, said.err

    return run


def test_help_of_the_command_line(run_command) -> None:
    command = [sys.executable, "-m", "training", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage: python -m training" in done.stdout
    words = (
        "teach",
        "report",
        "ship",
        "--data",
        "--out",
        "--from",
        "--teacher",
        "--max-steps",
        "--set",
        "--resume",
    )
    assert [word for word in words if word not in done.stdout] == []


RECIPE = """
name = "small"
split = "coco_65_15"
canvases = [[64, 64]]
batch_size = 2
steps = 50
frozen_stages = 0
[model]
backbone = "test_efficientnet"
pyramid_channels = 16
box_features = 32
mask_channels = 16
proposals_train = 40
proposals_test = 20
regions_train = 32
[[datasets]]
name = "drawn"
annotations = "drawn/labels.json"
images = "drawn"
"""


def test_training_from_the_command_line(run_command, recipe, start, tmp_path) -> None:
    """With a process of its own for the images, and a wish left from an earlier run."""
    (tmp_path / "small.toml").write_text(RECIPE)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "control").write_text("stop")
    code, out, err = run_command(
        "--recipe", tmp_path / "small.toml", "--data", tmp_path, "--out", tmp_path / "run", "--from", start,
        "--max-steps", 2, "--workers", 1, "--set", "learning_rate=1e-3", "--set", "datasets.drawn.repeat=2",
    )  # fmt: skip
    assert code == 0, err
    assert "training 2 of 2, loss" in err
    assert out.strip() == f"checkpoint: {tmp_path / 'run' / 'checkpoint'}"
    loaded = load_checkpoint(tmp_path / "run" / "checkpoint")
    assert loaded.info.recipe["steps"] == 2
    assert loaded.info.recipe["learning_rate"] == 0.001
    assert loaded.info.recipe["datasets"][0]["repeat"] == 2.0
    assert [entry["event"] for entry in log_of(tmp_path / "run")][-2:] == ["finished", "report"]
    report = tmp_path / "run" / "report.html"
    report.unlink()
    code, out, _ = run_command("report", tmp_path / "run")
    assert (code, out.strip()) == (0, str(report))
    assert report.is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"recipe": "no_such_recipe"},
            "recipe 'no_such_recipe' cannot be read: use ",
        ),
        ({"--data": "nowhere"}, "nowhere/drawn/labels.json does not exist"),
        ({"--from": "no_such_model"}, "no model is called 'no_such_model'"),
        ({"--set": "model.backgruond=constant"}, "unknown key 'backgruond'; did you mean 'background'?"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    change, message, run_command, recipe, start, tmp_path
) -> None:
    (tmp_path / "small.toml").write_text(RECIPE)
    options = {"--data": tmp_path, "--out": tmp_path / "run", "--from": start} | change
    name = options.pop("recipe", tmp_path / "small.toml")
    code, out, err = run_command("--recipe", name, *(part for pair in options.items() for part in pair))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-steps", "0"),
        ("--threads", "0"),
        ("--workers", "-1"),
        ("--device", "tpu"),
        ("--stepz", "1"),
    ],
)
def test_wrong_options_exit_with_2(arguments: tuple[str, str], run_command, tmp_path) -> None:
    code, _, err = run_command(
        "--recipe", "starter_65_15", "--data", tmp_path, "--out", tmp_path / "run", *arguments
    )
    assert code == 2
    assert arguments[0] in err
    assert not (tmp_path / "run").exists()


def test_an_unexpected_error_is_told_with_its_place(run_command, monkeypatch, tmp_path) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(loop, "train", fail)
    code, _, err = run_command("--recipe", "starter_65_15", "--data", tmp_path, "--out", tmp_path / "run")
    assert code == 3
    assert "Traceback" in err
    assert "ZeroDivisionError: boom" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "starter_65_15"), "--recipe needs --data and --out"),
        (("--resume", "run", "--recipe", "starter_65_15"), "a run goes on as it was started"),
        (("--resume", "run", "--set", "steps=3"), "a run goes on as it was started"),
    ],
)
def test_options_that_do_not_go_together(arguments, message, run_command) -> None:
    code, _, err = run_command(*arguments)
    assert code == 2
    assert message in " ".join(err.split())


def test_a_folder_without_a_run_cannot_be_resumed(run_command, tmp_path) -> None:
    code, _, err = run_command("--resume", tmp_path)
    assert code == 2
    assert "is no run that could be resumed" in err


def test_an_interruption_says_how_to_go_on(run_command, monkeypatch, tmp_path) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupt)
    code, _, err = run_command("--recipe", "starter_65_15", "--data", tmp_path, "--out", tmp_path / "run")
    assert code == 130
    assert f"go on with --resume {tmp_path / 'run'}" in err
