"""Two processes compute what one does with the images of both."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training.loop import Machine, train
from training.recipe import Recipe
from training.resume import generations

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_processes_are_one_with_twice_the_batch(
    recipe: Recipe, start: Path, tmp_path: Path, same_arithmetic
) -> None:
    recipe = dataclasses.replace(recipe, batch_size=4, steps=4, optimizer="sgd", learning_rate=1e-3)
    train(recipe, tmp_path, tmp_path / "one", start=start, machine=Machine("cpu", threads=1))
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "one" / "run.json", tmp_path / "two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "training", "--resume", str(tmp_path / "two"), "--device", "cpu", "--threads", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    one, two = (
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert [entry["event"] for entry in two] == [entry["event"] for entry in one]
    losses = [next(e["losses"] for e in log if e["event"] == "step") for log in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3, abs=1e-5)
    weights = [load_file(generations(tmp_path / n)[0] / "state.safetensors") for n in ("one", "two")]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-3, atol=1e-5, msg=name)
