"""Trainer and training loop: what a step does, and what a run leaves behind."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training import __main__ as command_line
from training import loop
from training.loop import Trainer, build_model, parameter_groups, rate_factor, seen_vocabulary, train
from training.recipe import Recipe
from zsi_core.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from zsi_core.errors import CheckpointError, SplitError, TrainingError, WordTableError
from zsi_core.inference import Segmenter
from zsi_core.model import ZSI, ModelConfig
from zsi_core.semantics import WordTable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def words() -> torch.Tensor:
    """(3, 8) unit word vectors."""
    return torch.nn.functional.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(1)), dim=1)


@pytest.fixture
def make_trainer(make_model, make_recipe, words: torch.Tensor) -> Callable[..., Trainer]:
    """A trainer of the small network in float32; keyword arguments are fields of Recipe."""

    def make(**fields: Any) -> Trainer:
        return Trainer(make_model(), make_recipe(**fields), words, bf16=False)

    return make


# ---------------------------------------------------------------- rates and parameters


def test_the_rate_rises_then_falls_to_zero() -> None:
    rates = [rate_factor(step, 50, 10) for step in range(51)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert rates[10] == 1.0
    assert rates[30] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[49] < 0.01
    assert rates[50] == pytest.approx(0.0)


def test_rates_without_warm_up_or_with_nothing_else() -> None:
    assert rate_factor(0, 10, 0) == 1.0
    assert [rate_factor(step, 3, 3) for step in range(3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_every_trainable_parameter_is_in_exactly_one_group(make_model, make_recipe) -> None:
    model = make_model()
    for parameter in model.backbone.body.get_submodule("conv_stem").parameters():
        parameter.requires_grad_(False)
    groups = parameter_groups(model, make_recipe(learning_rate=0.01, backbone_rate=0.5, weight_decay=0.1))
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in model.parameters() if p.requires_grad}
    settings = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = 0.005 if name.startswith("backbone.body.") else 0.01
            decay = 0.0 if parameter.ndim <= 1 else 0.1
            assert settings[id(parameter)] == (rate, decay), name


# ---------------------------------------------------------------- a step


def test_steps_lower_the_loss(make_trainer, batch) -> None:
    trainer = make_trainer(steps=40, learning_rate=2e-3, warmup_steps=2)
    torch.manual_seed(0)
    losses = [trainer.step(batch)["loss"] for _ in range(25)]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert trainer.steps_done == 25


def test_a_step_tells_every_loss_and_their_sum(make_trainer, batch) -> None:
    values = make_trainer().step(batch)
    assert set(values) >= {"loss_rpn_cls", "loss_rpn_bbox", "loss_semantic", "loss_bbox", "loss_mask"}
    assert all(type(value) is float for value in values.values())
    assert values.pop("loss") == pytest.approx(sum(values.values()))


def test_steps_follow_the_schedule(make_trainer, batch) -> None:
    trainer = make_trainer(steps=4, warmup_steps=2, learning_rate=0.01, backbone_rate=0.1)
    rates = []
    for _ in range(3):
        rates.append(sorted({group["lr"] for group in trainer.optimizer.param_groups}))
        trainer.step(batch)
    assert rates == [
        pytest.approx([0.0005, 0.005]),
        pytest.approx([0.001, 0.01]),
        pytest.approx([0.001, 0.01]),
    ]


def test_frozen_weights_stay_and_the_others_move(make_trainer, batch) -> None:
    trainer = make_trainer(frozen_stages=2, learning_rate=0.01, warmup_steps=0)
    before = copy.deepcopy(trainer.model.state_dict())
    trainer.step(batch)
    after = trainer.model.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    fixed = ("backbone.body.conv_stem.", "backbone.body.blocks.0.", "backbone.body.blocks.1.")
    assert not any(name.startswith(fixed) or "running_" in name for name in moved)
    trainable = {name for name, p in trainer.model.named_parameters() if p.requires_grad}
    assert moved <= trainable
    assert len(moved) > 0.9 * len(trainable)
    assert any(name.startswith("backbone.body.blocks.") for name in moved)


def test_gradients_are_clipped(make_trainer, batch) -> None:
    trainer = make_trainer(clip_norm=1e-3)
    trainer.step(batch)
    gradients = [p.grad for p in trainer.model.parameters() if p.grad is not None]
    assert torch.cat([g.flatten() for g in gradients]).norm() == pytest.approx(1e-3, rel=1e-3)


def test_averaged_weights_follow_slowly(make_trainer, batch) -> None:
    trainer = make_trainer(learning_rate=0.01, warmup_steps=0, ema_decay=0.5)
    name = "detector.T_e.weight"
    first = trainer.model.state_dict()[name].clone()
    for _ in range(4):
        trainer.step(batch)
    last, averaged = trainer.model.state_dict()[name], trainer.averaged_model().state_dict()[name]
    assert 0 < (averaged - first).norm() < (last - first).norm()


def spoil_loss(trainer: Trainer) -> None:
    trainer.word_vectors[0] = float("nan")


def spoil_gradient(trainer: Trainer) -> None:
    trainer.model.detector.T_e.bias.register_hook(lambda gradient: gradient * float("inf"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_loss, r"the loss is not finite \(.*'loss_semantic': nan"),
        (spoil_gradient, "the gradient is not finite"),
    ],
)
def test_a_step_that_diverges_stops_before_it_spoils_the_weights(spoil, message, make_trainer, batch) -> None:
    trainer = make_trainer()
    before = copy.deepcopy(trainer.model.state_dict())
    spoil(trainer)
    with pytest.raises(TrainingError, match=f"{message}.*lower learning_rate"):
        trainer.step(batch)
    after = trainer.model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after)
    assert trainer.steps_done == 0


# ---------------------------------------------------------------- the vocabulary


def test_extra_classes_follow_those_of_the_split(make_recipe) -> None:
    table = WordTable.bundled()
    vocabulary = seen_vocabulary(make_recipe(extra_seen=("nucleus", "Hair Brush")), table)
    assert len(vocabulary.names) == 67
    assert vocabulary.names[-2:] == ("nucleus", "Hair Brush")
    assert len(vocabulary.unseen) == 15
    assert vocabulary.vectors.shape == (67, 300)
    assert vocabulary.vectors[65].numpy() == pytest.approx(table.vector("nucleus"), abs=1e-6)


@pytest.mark.parametrize(
    ("extra", "message"),
    [("Dog", "lists 'Dog' twice in 'seen'"), ("Cat", "has 'cat' in both 'seen' and 'unseen'")],
)
def test_extra_classes_that_the_split_has_already(extra: str, message: str, make_recipe) -> None:
    with pytest.raises(SplitError, match=message):
        seen_vocabulary(make_recipe(extra_seen=(extra,)), WordTable.bundled())


# ---------------------------------------------------------------- a run


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small network on the bundled word table, so that no ImageNet weights are needed."""
    table = WordTable.bundled()
    torch.manual_seed(0)
    config = ModelConfig(
        backbone="test_efficientnet",
        pyramid_channels=16,
        box_features=32,
        mask_channels=16,
        proposals_train=40,
        proposals_test=20,
        regions_train=32,
    )
    model = ZSI(config, torch.from_numpy(table.vector("background")))
    folder = tmp_path_factory.mktemp("start") / "small"
    save_checkpoint(folder, model, CheckpointInfo(config, ("dog",), "0" * 64, table.sha256), "")
    return folder


@pytest.fixture
def recipe(make_recipe, write_set, start: Path) -> Recipe:
    """Three steps on three drawn images; a fourth one shows an unseen class."""
    dog, car = {"category_id": 4, "bbox": [10, 10, 30, 30]}, {"category_id": 9, "bbox": [30, 20, 40, 40]}
    cat = {"category_id": 5, "bbox": [10, 10, 30, 30]}
    spec = write_set("drawn", {4: "dog", 5: "cat", 9: "car"}, [[dog], [car, dog], [car], [cat, dog]])
    return make_recipe(spec, model=load_checkpoint(start).info.model)


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_run_writes_its_log_and_a_checkpoint(recipe: Recipe, start: Path, tmp_path: Path) -> None:
    folder = train(recipe, tmp_path, tmp_path / "run", start=start, checkpoint_every=2)
    assert folder == tmp_path / "run" / "checkpoint"

    log = log_of(tmp_path / "run")
    assert [(entry["event"], entry.get("step")) for entry in log] == [
        ("started", None),
        ("checkpoint", 2),
        ("step", 3),
        ("checkpoint", 3),
        ("finished", 3),
    ]
    assert [entry["time"] for entry in log] == sorted(entry["time"] for entry in log)
    started, _, step, saved, finished = log
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


def test_a_run_can_be_repeated(recipe: Recipe, start: Path, tmp_path: Path) -> None:
    folders = [train(recipe, tmp_path, tmp_path / name, start=start) for name in ("first", "again")]
    other = train(dataclasses.replace(recipe, seed=1), tmp_path, tmp_path / "other", start=start)
    first, again, third = (load_checkpoint(folder).sha256 for folder in (*folders, other))
    assert first == again
    assert first != third


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
    assert saved == averaged
    assert len(saved) == 1


def test_every_tenth_step_is_logged(recipe: Recipe, start: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Trainer, "step", lambda self, batch: {"loss": 1.0})
    train(dataclasses.replace(recipe, steps=25), tmp_path, tmp_path / "run", start=start)
    steps = [entry["step"] for entry in log_of(tmp_path / "run") if entry["event"] == "step"]
    assert steps == [10, 20, 25]


def test_a_run_that_diverges_keeps_its_last_checkpoint(recipe, start, tmp_path, monkeypatch) -> None:
    step = Trainer.step

    def diverge(self: Trainer, batch: loop.Batch) -> dict[str, float]:
        if self.steps_done == 2:
            spoil_loss(self)
        return step(self, batch)

    monkeypatch.setattr(Trainer, "step", diverge)
    with pytest.raises(TrainingError, match="the loss is not finite"):
        train(recipe, tmp_path, tmp_path / "run", start=start, checkpoint_every=2)
    log = log_of(tmp_path / "run")
    assert [entry["event"] for entry in log] == ["started", "checkpoint", "error"]
    assert log[-1]["message"].startswith("the loss is not finite")
    load_checkpoint(tmp_path / "run" / "checkpoint")


def test_a_run_that_cannot_start_says_so_in_its_log(recipe, start, tmp_path) -> None:
    with pytest.raises(TrainingError, match="give the folder of teacher vectors with --teacher"):
        train(dataclasses.replace(recipe, teacher=True), tmp_path, tmp_path / "run", start=start)
    (entry,) = log_of(tmp_path / "run")
    assert entry["event"] == "error"
    assert "--teacher" in entry["message"]
    assert not (tmp_path / "run" / "checkpoint").exists()


def with_model(recipe: Recipe, **fields: Any) -> Recipe:
    return dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, **fields))


def test_a_checkpoint_of_another_configuration_is_no_start(recipe: Recipe, start: Path) -> None:
    table = WordTable.bundled()
    model, sha256 = build_model(recipe, table, start)
    assert model.config == recipe.model
    assert sha256 == load_checkpoint(start).sha256
    for other in (with_model(recipe, mask_mode="semantic"), with_model(recipe, proposals_test=21)):
        with pytest.raises(TrainingError, match="was trained with another network configuration"):
            build_model(other, table, start)


def test_a_start_is_found_by_name(recipe: Recipe, start: Path, monkeypatch) -> None:
    monkeypatch.setenv("ZSI_MODELS", str(start.parent))
    assert build_model(recipe, WordTable.bundled(), Path("small"))[1] == load_checkpoint(start).sha256
    with pytest.raises(CheckpointError, match=r"no model is called 'smoll' \(installed: .*small"):
        build_model(recipe, WordTable.bundled(), Path("smoll"))


def test_a_start_of_another_word_table_is_refused(recipe: Recipe, start: Path) -> None:
    vectors = np.eye(2, 300, dtype=np.float32)
    table = WordTable(["dog", "background"], vectors, "1" * 64, "other.txt")
    with pytest.raises(WordTableError, match=r"other.txt .* is not the one the model was trained with"):
        build_model(recipe, table, start)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"semantic_dimension": 50}, WordTableError, "has 300 dimensions, but 50 are needed"),
        ({"backbone": "no_such_net"}, TrainingError, "has no backbone 'no_such_net'"),
        ({"backbone": "hf-hub:somebody/net"}, TrainingError, "has no backbone 'hf-hub:somebody/net'"),
    ],
)
def test_configurations_that_cannot_be_built(fields, error, message, recipe: Recipe) -> None:
    with pytest.raises(error, match=message):
        build_model(with_model(recipe, **fields), WordTable.bundled(), None)


# ---------------------------------------------------------------- the command line


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
    assert all(word in done.stdout for word in ("run", "teach"))
    code, out, _ = run_command("run", "--help")
    assert code == 0
    assert all(option in out for option in ("--data", "--out", "--from", "--teacher", "--steps"))


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
    """With a process of its own for the images."""
    (tmp_path / "small.toml").write_text(RECIPE)
    code, out, err = run_command(
        "run", tmp_path / "small.toml", "--data", tmp_path, "--out", tmp_path / "run", "--from", start,
        "--steps", 2, "--workers", 1,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.strip() == f"checkpoint: {tmp_path / 'run' / 'checkpoint'}"
    loaded = load_checkpoint(tmp_path / "run" / "checkpoint")
    assert loaded.info.recipe["steps"] == 2
    assert [entry["event"] for entry in log_of(tmp_path / "run")][-1] == "finished"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"recipe": "no_such_recipe"},
            "recipe 'no_such_recipe' cannot be read: use starter_65_15, or a file",
        ),
        ({"--data": "nowhere"}, "nowhere/drawn/labels.json does not exist"),
        ({"--from": "no_such_model"}, "no model is called 'no_such_model'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    change, message, run_command, recipe, start, tmp_path
) -> None:
    (tmp_path / "small.toml").write_text(RECIPE)
    options = {"--data": tmp_path, "--out": tmp_path / "run", "--from": start} | change
    name = options.pop("recipe", tmp_path / "small.toml")
    code, out, err = run_command("run", name, *(part for pair in options.items() for part in pair))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("--steps", "0"), ("--threads", "0"), ("--workers", "-1"), ("--stepz", "1")]
)
def test_wrong_options_exit_with_2(arguments: tuple[str, str], run_command, tmp_path) -> None:
    code, _, err = run_command(
        "run", "starter_65_15", "--data", tmp_path, "--out", tmp_path / "run", *arguments
    )
    assert code == 2
    assert arguments[0] in err
    assert not (tmp_path / "run").exists()


def test_an_unexpected_error_is_told_with_its_place(run_command, monkeypatch, tmp_path) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(loop, "train", fail)
    code, _, err = run_command("run", "starter_65_15", "--data", tmp_path, "--out", tmp_path / "run")
    assert code == 3
    assert "Traceback" in err
    assert "ZeroDivisionError: boom" in err
