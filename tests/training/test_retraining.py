"""A retraining, from its run folder to the complete new model."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch

from training import loop
from training.recipe import load_recipe
from training.retraining import process, recipe
from zsi_core.checkpoint import (
    SECOND_OPINION,
    SecondOpinionInfo,
    load_checkpoint,
    read_info,
    save_checkpoint,
    vectors_sha256,
)
from zsi_core.errors import NameResolutionError, TrainingError
from zsi_core.inference import Segmenter
from zsi_core.inference.classifier import NamedClassifier
from zsi_core.inference.second_opinion import second_opinion_file
from zsi_core.lock import FileLock
from zsi_core.model import ModelConfig
from zsi_core.retraining import PlannedClass, Probe, Result, RetrainingPlan
from zsi_core.semantics import WordTable
from zsi_core.semantics.resolve import resolve_all

MACHINE = loop.Machine("cpu")
ANSWERS = ("dog", "gear", "cup", "tree", "house", "ship", "bird", "shoe", "clock", "fork")
LABELS = {1: "gear", 2: "bolt", 3: "washer"}


@pytest.fixture(scope="session")
def parent(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete small model with a calibration of its own."""
    loaded = load_checkpoint(start)
    table = WordTable.bundled()
    classifier = NamedClassifier(
        timm.create_model("test_efficientnet", num_classes=len(ANSWERS)),
        torch.from_numpy(resolve_all(table, ANSWERS)),
    )
    opinion = second_opinion_file(classifier)
    info = replace(
        loaded.info,
        second_opinion=SecondOpinionInfo(
            "test_efficientnet", hashlib.sha256(opinion).hexdigest(), 0.25, 4, 64
        ),
        seen=("dog", "car"),
        seen_sha256=vectors_sha256(resolve_all(table, ("dog", "car"))),
        preprocessing={"canvases": [[96, 96]]},
        calibration={"objectness_power": 0.5, "seen_penalty": 1.0, "threshold": 0.3},
    )
    folder = tmp_path_factory.mktemp("models") / "parent"
    save_checkpoint(folder, loaded.model, info, "# parent\n", second_opinion=opinion)
    return folder


@pytest.fixture
def run(tmp_path: Path, write_set: Callable, parent: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder: twelve drawn images, two trained classes and one that is left out."""
    gear, bolt = {"category_id": 1, "bbox": [10, 10, 30, 30]}, {"category_id": 2, "bbox": [40, 20, 30, 35]}
    washer = {"category_id": 3, "bbox": [5, 44, 14, 14]}
    write_set("drawn", LABELS, [[gear, bolt], [gear], [bolt, washer]] * 4)
    content = json.loads((tmp_path / "drawn" / "labels.json").read_text())
    folder = tmp_path / "run"
    folder.mkdir()
    for name, images in (
        ("train_complete.json", content["images"][:6]),
        ("train_partial.json", content["images"][6:9]),
        ("held_out.json", content["images"][9:]),
    ):
        ids = {image["id"] for image in images}
        objects = [a for a in content["annotations"] if a["image_id"] in ids]
        (folder / name).write_text(json.dumps({**content, "images": images, "annotations": objects}))
    plan = RetrainingPlan(
        project=str(tmp_path / "parts.zsip"),
        images=str(tmp_path / "drawn"),
        model=str(parent),
        recipe="fast",
        classes=(
            PlannedClass("gear", 6, 6, 2, True),
            PlannedClass("bolt", 6, 6, 2, True),
            PlannedClass("washer", 3, 3, 1, False),
        ),
        training_images=9,
        complete_images=6,
        held_out_images=3,
    )
    plan.write(folder)
    monkeypatch.setattr(recipe, "load_recipe", _small_recipe)
    monkeypatch.setattr(process, "lower_priority", lambda: None)
    return folder


def _small_recipe(name: str):
    return load_recipe(
        name,
        [
            "canvases=[[64, 64]]",
            "steps=4",
            "warmup_steps=1",
            "batch_size=2",
            'precision="float32"',
            "rehearsal=0",
        ],
    )


def events(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_that_was_stopped_goes_on_to_a_complete_model_with_figures(run, parent):
    (run / "control").write_text("stop")
    assert not process.retrain(run, MACHINE)
    assert events(run)[-1]["event"] == "stopped"
    assert not (run / "control").exists(), "the wish is used up"
    assert process.retrain(run, MACHINE)
    result = Result.read(run)
    assert {"seen", "unseen", "harmonic_mean"} == set(result.before) == set(result.after)
    assert None not in (*result.before.values(), *result.after.values(), result.kept)
    info, given = read_info(run / "model"), read_info(parent)
    assert info.seen == ("dog", "car", "gear", "bolt")
    assert info.parent == load_checkpoint(parent).sha256
    assert info.preprocessing == given.preprocessing
    assert info.calibration["objectness_power"] == 0.5
    assert info.second_opinion == given.second_opinion
    assert (run / "model" / SECOND_OPINION).read_bytes() == (parent / SECOND_OPINION).read_bytes()
    assert any("loss_former_detector" in (e.get("losses") or {}) for e in events(run)), (
        "the old model teaches"
    )
    assert info.metrics["before"]["map50"] is not None
    Segmenter.load(run / "model", device="cpu")
    card = (run / "model" / "card.md").read_text()
    assert "retrained on parts" in card
    assert "washer (not trained)" in card
    report = (run / "report.html").read_text()
    assert "before" in report
    assert "Examples" in report
    assert events(run)[-1]["event"] == "finished"
    changed, former = load_checkpoint(run / "model").model, load_checkpoint(parent).model
    assert not torch.equal(changed.detector.T_e.weight, former.detector.T_e.weight)
    for new, old in zip(changed.backbone.parameters(), former.backbone.parameters(), strict=True):
        assert torch.equal(new, old), "features stay as they are"


def test_the_probe_tells_how_long_it_takes_and_which_names_are_too_alike(run):
    plan = RetrainingPlan.read(run)
    replace(plan, classes=(*plan.classes, PlannedClass("automobile", 10, 6, 2, True))).write(run)
    told = process.probe(run, MACHINE)
    assert told == Probe.read(run)
    assert (told.steps, told.device) == (4, "cpu")
    assert told.seconds > 0
    assert any("“automobile” and “car” mean nearly the same" in warning for warning in told.warnings)
    assert not (run / "log.jsonl").exists(), "a probe is no part of the run"


def test_a_model_that_was_replaced_meanwhile_is_not_trained_on(run, parent, tmp_path):
    other = Path(shutil.copytree(parent, tmp_path / "models" / "other"))
    replace(RetrainingPlan.read(run), model=str(other)).write(run)
    (run / "before.json").write_text(json.dumps({"model": {"sha256": "0" * 64}}))
    with pytest.raises(TrainingError, match="another model than the one"):
        process.retrain(run, MACHINE)
    assert events(run)[-1]["event"] == "error"


def test_one_process_works_on_a_run(run, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.1)
    with FileLock(run / "process"), pytest.raises(TrainingError, match="another process works on"):
        process.retrain(run, MACHINE)


def test_a_class_without_a_word_vector_is_named(run):
    plan = RetrainingPlan.read(run)
    replace(plan, classes=(replace(plan.classes[0], name="zzyzxq"),)).write(run)
    with pytest.raises(NameResolutionError, match="zzyzxq"):
        process.retrain(run, MACHINE)
    assert "zzyzxq" in events(run)[-1]["message"]


def test_a_model_with_a_part_for_each_class_is_refused(run):
    plan = RetrainingPlan.read(run)
    info = replace(read_info(Path(plan.model)), model=ModelConfig.reference(2))
    with pytest.raises(TrainingError, match="default profile"):
        recipe.retraining_recipe(plan, run, info)
