"""A run: what it leaves behind, and what stops it."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training import control, loop, projection, teaching
from training import resume as resume_module
from training.data import Batch
from training.engine import Trainer
from training.loop import train
from training.recipe import Recipe
from training.resume import generations, load_state
from zsi_core.checkpoint import load_checkpoint
from zsi_core.errors import TrainingError
from zsi_core.inference import Segmenter
from zsi_core.model import ZSI
from zsi_core.semantics import WordTable


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_writes_its_log_and_a_checkpoint(recipe: Recipe, start: Path, tmp_path: Path) -> None:
    folder = train(recipe, tmp_path, tmp_path / "run", start=start, checkpoint_every=2)
    assert folder == tmp_path / "run" / "checkpoint"

    log = log_of(tmp_path / "run")
    assert [(entry["event"], entry.get("step")) for entry in log] == [
        ("started", 0),
        ("checkpoint", 2),
        ("step", 3),
        ("checkpoint", 3),
        ("finished", 3),
        ("report", None),
    ]
    assert [entry["time"] for entry in log] == sorted(entry["time"] for entry in log)
    started, _, step, saved, finished, _ = log
    assert started["message"] == "small"
    assert started["steps_total"] == step["steps_total"] == finished["steps_total"] == 3
    assert started["images"] == 3
    assert started["sets"] == [
        {
            "name": "drawn",
            "images": 3,
            "objects": 4,
            "images_with_unseen": 1,
            "images_without_objects": 0,
            "other_objects": 0,
            "faulty_images": 0,
            "faulty_objects": 0,
            "skipped": [],
        }
    ]
    assert step["images_per_second"] > 0
    assert step["eta_seconds"] == 0
    assert math.isfinite(step["losses"]["loss"])
    assert saved["message"] == str(folder)

    loaded, before = load_checkpoint(folder), load_checkpoint(start)
    assert loaded.info.parent == before.sha256
    assert loaded.info.recipe == json.loads(json.dumps(recipe.to_dict()))
    assert len(loaded.info.seen) == 65
    moved = (
        loaded.model.state_dict()["detector.T_e.weight"] != before.model.state_dict()["detector.T_e.weight"]
    )
    assert moved.any()
    assert (folder / "card.md").read_text() == "# small, step 3\n"
    segmenter = Segmenter(loaded, WordTable.bundled(), dtype=torch.float32)
    assert segmenter.query(segmenter.encode(np.zeros((40, 60, 3), np.uint8)), ["cat"]).image_size == (40, 60)


def test_a_projection_is_fitted_on_kept_features(recipe, start, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(projection, "STEPS", 12)
    fitted = dataclasses.replace(recipe, trained="projection", steps=2)
    folder = train(fitted, tmp_path, tmp_path / "run", start=start)
    log = log_of(tmp_path / "run")
    assert [entry["message"] for entry in log if entry["event"] == "step"] == [
        "reading images: 2 of 2",
        "fitting the projection: 10 of 12",
        "fitting the projection: 12 of 12",
    ]
    assert log[-2]["event"] == "finished"
    before, after = (load_checkpoint(place).model.state_dict() for place in (start, folder))
    moved = {name.rsplit(".", 1)[0] for name in before if not torch.equal(before[name], after[name])}
    decoders = {"detector.T_d", "mask_head.D"}  # not in the checkpoint that the run starts from
    assert moved - decoders <= {"detector.T_e", "detector"}
    assert "detector.T_e" in moved


def test_a_run_can_be_repeated(recipe: Recipe, start: Path, tmp_path: Path) -> None:
    folders = [train(recipe, tmp_path, tmp_path / name, start=start) for name in ("first", "again")]
    other = train(dataclasses.replace(recipe, seed=1), tmp_path, tmp_path / "other", start=start)
    first, again, third = (load_checkpoint(folder).sha256 for folder in (*folders, other))
    assert first == again
    assert first != third


def test_a_former_network_is_the_one_that_the_run_began_with_also_when_it_goes_on(
    recipe: Recipe, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = dataclasses.replace(recipe, former_weight=5.0)
    whole = train(held, tmp_path, tmp_path / "whole", start=start)
    steps = [entry for entry in log_of(tmp_path / "whole") if entry["event"] == "step"]
    assert "loss_former_detector" in steps[-1]["losses"]
    parts, step = tmp_path / "parts", Trainer.step

    def stopping(self: Trainer, batch: Batch) -> dict[str, float]:
        (parts / "control").write_text("stop")
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", stopping)
        assert train(held, tmp_path, parts, start=start) is None
    assert load_checkpoint(loop.resume(parts)).sha256 == load_checkpoint(whole).sha256


def test_without_a_start_there_is_no_former_network(recipe: Recipe, tmp_path: Path) -> None:
    held = dataclasses.replace(recipe, former_weight=1.0)
    with pytest.raises(
        TrainingError, match=r"former_weight holds a run to the network that it starts from.*--from"
    ):
        train(held, tmp_path, tmp_path / "run")


def test_the_averaged_weights_are_saved(recipe: Recipe, start: Path, tmp_path: Path, monkeypatch) -> None:
    saved, averaged = [], []
    ask = Trainer.averaged_model

    def averaged_model(self: Trainer) -> ZSI:
        averaged.append(ask(self))
        assert averaged[-1] is not self.model
        return averaged[-1]

    monkeypatch.setattr(Trainer, "averaged_model", averaged_model)
    monkeypatch.setattr(loop, "save_checkpoint", lambda folder, model, *_, **__: saved.append(model))
    train(recipe, tmp_path, tmp_path / "run", start=start)
    assert len(saved) == 1
    assert saved[0] is averaged[-1]


def test_every_tenth_step_is_logged(recipe: Recipe, start: Path, tmp_path: Path, monkeypatch) -> None:
    def count(self: Trainer, batch: Batch) -> dict[str, float]:
        self.steps_done += 1
        return {"loss": 1.0}

    monkeypatch.setattr(Trainer, "step", count)
    train(dataclasses.replace(recipe, steps=25), tmp_path, tmp_path / "run", start=start)
    steps = [entry["step"] for entry in log_of(tmp_path / "run") if entry["event"] == "step"]
    assert steps == [10, 20, 25]


def test_a_run_that_diverges_keeps_its_last_checkpoint(recipe, start, tmp_path, monkeypatch) -> None:
    step = Trainer.step

    def diverge(self: Trainer, batch: Batch) -> dict[str, float]:
        if self.steps_done == 2:
            self.word_vectors[0] = float("nan")
        return step(self, batch)

    monkeypatch.setattr(Trainer, "step", diverge)
    with pytest.raises(TrainingError, match="the loss is not finite"):
        train(recipe, tmp_path, tmp_path / "run", start=start, checkpoint_every=2)
    log = log_of(tmp_path / "run")
    assert [entry["event"] for entry in log] == ["started", "checkpoint", "error"]
    assert log[-1]["message"].startswith("the loss is not finite")
    load_checkpoint(tmp_path / "run" / "checkpoint")
    assert load_state(tmp_path / "run", print)[0] == 2


def test_photographs_that_vanish_end_the_run_and_lose_no_step(recipe, start, tmp_path, monkeypatch) -> None:
    step = Trainer.step

    def vanish(self: Trainer, batch: Batch) -> dict[str, float]:
        for path in (tmp_path / "drawn").glob("*.png"):
            path.unlink()
        return step(self, batch)

    monkeypatch.setattr(Trainer, "step", vanish)
    with pytest.raises(TrainingError, match="cannot be read any more"):
        train(recipe, tmp_path, tmp_path / "run", start=start)
    assert [entry["event"] for entry in log_of(tmp_path / "run")] == ["started", "checkpoint", "error"]
    assert load_state(tmp_path / "run", print)[0] == 1
    load_checkpoint(tmp_path / "run" / "checkpoint")


def test_a_full_disk_ends_the_run_and_keeps_the_last_state(recipe, start, tmp_path, monkeypatch) -> None:
    write = resume_module.atomic_write

    def full(path: Path, mode: str = "wb") -> Any:
        if "state.safetensors" in str(path) and generations(tmp_path / "run"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, mode)

    monkeypatch.setattr(resume_module, "atomic_write", full)
    with pytest.raises(TrainingError, match=r"No space left on device.*free some space.*--resume"):
        train(recipe, tmp_path, tmp_path / "run", start=start, checkpoint_every=1)
    assert [entry["event"] for entry in log_of(tmp_path / "run")] == ["started", "checkpoint", "error"]
    assert [folder.name for folder in generations(tmp_path / "run")] == ["000000001"]
    assert load_state(tmp_path / "run", print)[0] == 1


def test_a_folder_with_a_run_is_not_used_for_another(recipe, start, tmp_path) -> None:
    train(recipe, tmp_path, tmp_path / "run", start=start, max_steps=1)
    with pytest.raises(TrainingError, match=r"holds a run already: go on with it by --resume"):
        train(recipe, tmp_path, tmp_path / "run", start=start)


@pytest.mark.parametrize("word", ["stop", "pause"])
def test_a_run_obeys_its_control_file(word, recipe, start, tmp_path, monkeypatch) -> None:
    """Stopped after its first step; a pause lasts until the word changes."""
    step, waits = Trainer.step, []
    file = tmp_path / "run" / "control"

    def wish(self: Trainer, batch: Batch) -> dict[str, float]:
        if self.steps_done == 0:
            file.write_text(word)
        return step(self, batch)

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        file.write_text({1: "", 2: "res", 3: "resume\n"}[len(waits)])

    monkeypatch.setattr(Trainer, "step", wish)
    monkeypatch.setattr(control.time, "sleep", sleep)
    folder = train(recipe, tmp_path, tmp_path / "run", start=start)
    told = [(entry["event"], entry.get("step"), entry.get("message")) for entry in log_of(tmp_path / "run")]
    if word == "stop":
        assert folder is None
        assert told[-1] == ("stopped", 1, None)
        assert not file.exists(), "the wish is used up"
        assert load_state(tmp_path / "run", print)[0] == 1
        load_checkpoint(tmp_path / "run" / "checkpoint")
    else:
        assert len(waits) == 3
        assert told[1:3] == [("step", 1, "paused"), ("step", 1, "resumed")]
        assert told[-2][0] == "finished"


def test_ctrl_c_finishes_the_step_and_saves(recipe, start, tmp_path, monkeypatch) -> None:
    step = Trainer.step

    def interrupt(self: Trainer, batch: Batch) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        return step(self, batch)

    monkeypatch.setattr(Trainer, "step", interrupt)
    assert train(recipe, tmp_path, tmp_path / "run", start=start) is None
    assert [entry["event"] for entry in log_of(tmp_path / "run")] == ["started", "checkpoint", "stopped"]
    assert load_state(tmp_path / "run", print)[0] == 1


def test_a_second_ctrl_c_ends_at_once(recipe, start, tmp_path, monkeypatch) -> None:
    def interrupt(self: Trainer, batch: Batch) -> dict[str, float]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the second one ends the process")

    monkeypatch.setattr(Trainer, "step", interrupt)
    # A shell starts what runs in the background with the signal ignored, tests as well.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path, tmp_path / "run", start=start)
    finally:
        signal.signal(signal.SIGINT, former)
    assert [entry["event"] for entry in log_of(tmp_path / "run")] == ["started", "stopped"]


@pytest.mark.parametrize("weights", [True, False], ids=["computed", "no weights"])
def test_the_teacher_is_asked_where_no_vectors_are_given(
    weights, recipe, start, tmp_path, monkeypatch
) -> None:
    """Once: the second run takes what the first one kept."""
    asked = []

    class Teacher:
        def __init__(self, weights: Path, table: WordTable) -> None:
            asked.append(weights)
            self.names = torch.zeros(1000, 300)

        def vectors(self, crops: list[np.ndarray]) -> torch.Tensor:
            return torch.nn.functional.normalize(torch.ones(len(crops), 300), dim=1)

    def find() -> Path:
        if not weights:
            raise TrainingError("the ImageNet weights of the backbone are not installed: run `uv pip ...`")
        return start / "model.safetensors"

    monkeypatch.setenv("ZSI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(teaching, "ImageNetTeacher", Teacher)
    monkeypatch.setattr(teaching, "find_efficientnet_lite0", find)
    distilling = dataclasses.replace(recipe, teacher=True, steps=1)
    if not weights:
        with pytest.raises(TrainingError, match=r"are not installed.*--set teacher=false"):
            train(distilling, tmp_path, tmp_path / "run", start=start)
        assert [entry["event"] for entry in log_of(tmp_path / "run")] == ["error"]
        assert not (tmp_path / "run" / "checkpoint").exists()
        return
    for name in ("first", "second"):
        train(distilling, tmp_path, tmp_path / name, start=start)
        assert "loss_distillation" in log_of(tmp_path / name)[1]["losses"]
    assert len(asked) == 1
