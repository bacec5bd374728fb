"""Seen classes and the network that a run starts from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.preparation import build_model, seen_vocabulary
from training.recipe import Recipe
from zsi_core.checkpoint import load_checkpoint, save_checkpoint
from zsi_core.checkpoint.store import TRAINING_ONLY
from zsi_core.errors import CheckpointError, SplitError, TrainingError, WordTableError
from zsi_core.model import ModelConfig
from zsi_core.semantics import WordTable


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


def test_classes_of_a_users_own_sets(make_recipe, write_set, tmp_path) -> None:
    spec = write_set("own", {1: "Cat", 2: "DOG", 3: "fork lift", 4: "fork  lift"}, [[]])
    seen = {
        zero_shot: seen_vocabulary(
            make_recipe(spec, own_classes=True, zero_shot=zero_shot), WordTable.bundled(), tmp_path
        )
        for zero_shot in (False, True)
    }
    assert len(seen[False].names) == 67
    assert "Cat" in seen[False].names
    assert "cat" not in seen[False].unseen
    assert len(seen[True].names) == 66
    assert "cat" in seen[True].unseen
    assert seen[False].vectors.shape == (67, 300)


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


def test_a_start_may_be_trained_in_another_way(recipe: Recipe, start: Path) -> None:
    changed = with_model(recipe, distillation_weight=2.0, masks_train=3)
    model, sha256 = build_model(changed, WordTable.bundled(), start)
    stored = load_checkpoint(start)
    assert model.config == changed.model
    assert sha256 == stored.sha256
    expected = stored.model.state_dict()
    kept = [name for name in expected if not name.startswith(TRAINING_ONLY)]
    assert all(torch.equal(model.state_dict()[name], expected[name]) for name in kept)


def test_decoders_serve_training_alone_and_may_be_left_out(recipe: Recipe, start: Path) -> None:
    without = with_model(recipe, detector_decoder=False, mask_decoder=False)
    model, _ = build_model(without, WordTable.bundled(), start)
    expected = load_checkpoint(start).model.state_dict()
    assert set(model.state_dict()) == {name for name in expected if not name.startswith(TRAINING_ONLY)}
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def test_a_start_without_an_iou_head_may_get_one(recipe: Recipe, start: Path) -> None:
    with_head = with_model(recipe, iou_head=True)
    model, _ = build_model(with_head, WordTable.bundled(), start)
    expected = load_checkpoint(start).model.state_dict()
    kept = [name for name in expected if not name.startswith(TRAINING_ONLY)]
    assert all(torch.equal(model.state_dict()[name], expected[name]) for name in kept)
    assert model.detector.iou is not None


def test_an_iou_head_is_not_lost_unasked(recipe: Recipe, start: Path, tmp_path: Path) -> None:
    model, _ = build_model(with_model(recipe, iou_head=True), WordTable.bundled(), start)
    info = dataclasses.replace(load_checkpoint(start).info, model=model.config)
    save_checkpoint(tmp_path / "with_head", model, info, "# Card\n")
    with pytest.raises(TrainingError, match="was trained with another network configuration"):
        build_model(recipe, WordTable.bundled(), tmp_path / "with_head")


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


def test_a_recipe_without_a_network_takes_the_checkpoints(recipe: Recipe, start: Path) -> None:
    plain = dataclasses.replace(recipe, model=ModelConfig())
    assert build_model(plain, WordTable.bundled(), start)[0].config == load_checkpoint(start).info.model


def test_a_deeper_mask_head_begins_with_the_masks_of_its_start(recipe: Recipe, start: Path) -> None:
    deeper = with_model(recipe, mask_convs=recipe.model.mask_convs + 2)
    model, _ = build_model(deeper, WordTable.bundled(), start)
    before = load_checkpoint(start).model
    assert model.mask_head is not None
    assert before.mask_head is not None
    assert len(model.mask_head.convs) == len(before.mask_head.convs) + 2
    pooled = torch.randn(3, recipe.model.pyramid_channels, 14, 14, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.mask_head(pooled), before.mask_head(pooled))
    with pytest.raises(TrainingError, match="was trained with another network configuration"):
        build_model(with_model(recipe, mask_convs=recipe.model.mask_convs - 1), WordTable.bundled(), start)
