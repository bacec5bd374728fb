"""The state of a run on disk, and that a run goes on from it to the result it would have had."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training import loop
from training import resume as resume_module
from training.loop import resume, train
from training.recipe import Recipe
from training.resume import generations, load_state, save_state
from zsi_core.checkpoint import load_checkpoint
from zsi_core.errors import TrainingError

ROOT = Path(__file__).parents[2]


def names(out: Path) -> list[int]:
    return [int(folder.name) for folder in generations(out)]


def test_two_generations_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 10, 11):
        save_state(tmp_path, step, {"a": torch.full((2,), float(step))})
    assert names(tmp_path) == [11, 10]
    steps_done, tensors = load_state(tmp_path, print)
    assert steps_done == 11
    assert tensors["a"].tolist() == [11.0, 11.0]


def test_tensors_of_any_kind_come_back_as_they_were(tmp_path: Path) -> None:
    strided = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    tensors = {"strided": strided, "scalar": torch.tensor(3.0), "whole": torch.tensor([1, 2])}
    save_state(tmp_path, 1, tensors)
    _, read = load_state(tmp_path, print)
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("at", ["state.safetensors", "state.json", "rename", "rmtree"])
def test_a_kill_while_saving_leaves_a_complete_state(at: str, tmp_path: Path, monkeypatch) -> None:
    for step in (1, 2):
        save_state(tmp_path, step, {"a": torch.tensor(float(step))})

    class Killed(BaseException):
        """As far as the files are concerned: nothing after it runs."""

    def kill(*arguments: object, **options: object) -> None:
        raise Killed

    write, rename = resume_module.atomic_write, Path.rename
    if at == "rmtree":
        monkeypatch.setattr(resume_module.shutil, "rmtree", kill)
    elif at == "rename":
        monkeypatch.setattr(Path, "rename", kill)
    else:
        monkeypatch.setattr(
            resume_module,
            "atomic_write",
            lambda path, *rest: kill() if path.name == at else write(path, *rest),
        )
    with pytest.raises(Killed):
        save_state(tmp_path, 3, {"a": torch.tensor(3.0)})
    monkeypatch.undo()
    assert Path.rename is rename

    steps_done, tensors = load_state(tmp_path, print)
    assert steps_done == tensors["a"] == (3 if at == "rmtree" else 2)
    save_state(tmp_path, 4, {"a": torch.tensor(4.0)})
    assert names(tmp_path)[0] == 4
    assert len(names(tmp_path)) == 2


def test_a_damaged_state_is_told_and_the_older_one_taken(tmp_path: Path) -> None:
    for step in (1, 2):
        save_state(tmp_path, step, {"a": torch.tensor(float(step))})
    file = generations(tmp_path)[0] / "state.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    told: list[str] = []
    assert load_state(tmp_path, told.append)[0] == 1
    assert len(told) == 1
    assert "is damaged" in told[0]
    save_state(tmp_path, 2, {"a": torch.tensor(2.5)})
    assert load_state(tmp_path, told.append)[1]["a"] == 2.5
    assert len(told) == 1
    file.write_bytes(file.read_bytes()[:-3])
    (generations(tmp_path)[1] / "state.json").write_text("{")
    with pytest.raises(TrainingError, match=r"no state in .* can be read"):
        load_state(tmp_path, told.append)


def test_a_folder_without_states(tmp_path: Path) -> None:
    assert load_state(tmp_path, print) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no run that could be resumed"),
        ("{", "run.json is damaged"),
        ("[]", "was written by another version"),
        ('{"schema_version": 99}', "was written by another version"),
    ],
)
def test_descriptions_that_cannot_be_read(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(TrainingError, match=message):
        resume(tmp_path)


def state_of(out: Path) -> dict[str, torch.Tensor]:
    return load_file(generations(out)[0] / "state.safetensors")


def test_a_stopped_run_ends_as_if_it_had_not_been(
    recipe: Recipe, start: Path, tmp_path: Path, monkeypatch, same_arithmetic
) -> None:
    """With the data moved in between."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(recipe, tmp_path, whole, start=start)

    step = loop.Trainer.step

    def stop(self: loop.Trainer, batch: loop.Batch) -> dict[str, float]:
        (parts / "control").write_text("stop")
        return step(self, batch)

    monkeypatch.setattr(loop.Trainer, "step", stop)
    assert train(recipe, tmp_path, parts, start=start) is None
    monkeypatch.undo()
    (tmp_path / "moved").mkdir()
    (tmp_path / "drawn").rename(tmp_path / "moved" / "drawn")
    assert resume(parts, data_root=tmp_path / "moved") == parts / "checkpoint"

    first, second = state_of(whole), state_of(parts)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert load_checkpoint(whole / "checkpoint").sha256 == load_checkpoint(parts / "checkpoint").sha256
    events = [json.loads(line)["event"] for line in (parts / "log.jsonl").read_text().splitlines()]
    assert events == [
        "started",
        "checkpoint",
        "stopped",
        "started",
        "step",
        "checkpoint",
        "finished",
        "report",
    ]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_run_goes_on_to_the_same_result(
    recipe: Recipe, start: Path, tmp_path: Path, same_arithmetic
) -> None:
    """Killed by the operating system in the middle of whatever it is doing."""
    recipe = dataclasses.replace(recipe, steps=16)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    machine = loop.Machine("cpu", threads=1)
    train(recipe, tmp_path, whole, start=start, checkpoint_every=1, machine=machine)
    killed.mkdir()
    shutil.copy(whole / "run.json", killed)
    command = [sys.executable, "-m", "training", "--resume", str(killed), "--device", "cpu"]
    command += ["--threads", "1", "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not names(killed) or names(killed)[0] < 3:
        assert process.poll() is None, "the run ended by itself"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 3 <= load_state(killed, print)[0] < 16

    resume(killed, machine=machine)
    first, second = state_of(whole), state_of(killed)
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
