"""Classes held out for a calibration, and the nouns of the contrastive loss."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from training.data import read_samples
from training.engine import Trainer
from training.preparation import contrastive_negatives, seen_vocabulary
from training.shipping import ship
from zsi_core.checkpoint import load_checkpoint, read_info, save_checkpoint
from zsi_core.errors import TrainingError
from zsi_core.model import ModelConfig
from zsi_core.semantics.distractors import distractor_names
from zsi_core.semantics.split import load_split
from zsi_core.semantics.table import WordTable


def test_a_class_held_out_is_unseen_and_its_images_train_nothing(make_recipe, write_set, tmp_path):
    box = {"bbox": [10, 10, 30, 20]}
    dog, horse = ([box | {"category_id": i}] for i in (1, 2))
    spec = write_set("a", {1: "dog", 2: "horse"}, [dog, horse, dog])
    recipe = make_recipe(spec, held_out=("Horse",))
    vocabulary = seen_vocabulary(recipe, WordTable.bundled())
    split = load_split(recipe.split)
    assert vocabulary.names == tuple(name for name in split.seen if name != "horse")
    assert len(vocabulary.vectors) == len(split.seen) - 1
    assert vocabulary.unseen == (*split.unseen, "horse")
    samples, counts = read_samples(recipe, tmp_path, vocabulary.names, vocabulary.unseen)
    assert len(samples) == 2
    assert counts[0].images_with_unseen == 1


def test_a_run_that_held_classes_out_is_calibrated_on_them(tiny_checkpoint, write_set, tmp_path):
    """The annotations hold no unseen class of the split at all."""
    checkpoint = load_checkpoint(tiny_checkpoint)
    held_out = dataclasses.replace(checkpoint.info, recipe={"held_out": ["horse"]})
    save_checkpoint(tmp_path / "run", checkpoint.model, held_out, "# run\n")
    box = {"bbox": [10, 10, 30, 20]}
    spec = write_set("a", {1: "dog", 2: "horse"}, [[box | {"category_id": i}] for i in (1, 2)])
    where = {"annotations": tmp_path / spec.annotations, "images": tmp_path / spec.images}
    figures = ship(tmp_path / "run", tmp_path / "shipped", **where, split="coco_65_15")
    assert set(read_info(tmp_path / "shipped").calibration) == {
        "objectness_power",
        "seen_penalty",
        "threshold",
        "mask_threshold",
    }
    assert figures["false_alarms_per_absent_name"] == 0.0, "no name of the calibration is absent"
    assert 0 <= figures["average_precision"] <= 1


def test_only_seen_classes_can_be_held_out(make_recipe):
    with pytest.raises(TrainingError, match=r"held_out must name seen classes of .*, but got 'cat'"):
        seen_vocabulary(make_recipe(held_out=("cat",)), WordTable.bundled())


def test_negatives_are_nouns_far_from_every_class(make_recipe):
    table = WordTable.bundled()
    recipe = make_recipe(model=ModelConfig(contrastive_weight=0.5))
    vocabulary = seen_vocabulary(recipe, table)
    negatives = contrastive_negatives(recipe, table, vocabulary)
    assert 200 < len(negatives) <= len(distractor_names())
    unseen = torch.from_numpy(np.array([table.vector(name) for name in ("cat", "train")]))
    assert float((negatives @ torch.cat([vocabulary.vectors, unseen]).T).max()) <= 0.8 + 1e-5
    assert contrastive_negatives(make_recipe(), table, vocabulary) is None


def test_the_trainer_hands_negatives_to_the_loss(make_model, make_recipe, batch):
    model = make_model(contrastive_weight=1.0)
    words = torch.nn.functional.normalize(torch.randn(4, 8), dim=1)
    recipe = dataclasses.replace(make_recipe(), model=model.config)

    def loss(negatives):
        torch.manual_seed(0)
        fresh = make_model(contrastive_weight=1.0)
        return Trainer(fresh, recipe, words, bf16=False, negatives=negatives).step(batch)["loss_contrastive"]

    assert loss(words) - loss(None) == pytest.approx(np.log(2), abs=1e-3), "every word has a double"
