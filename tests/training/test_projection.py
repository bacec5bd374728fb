"""Freeze, then project: T_e learns names on cached features, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from training import projection
from training.data import Batch
from training.projection import Features, cache_features, fit_on_features, fit_projection
from zsi_core.errors import TrainingError

WORDS = F.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(1)), dim=1)


@pytest.fixture(autouse=True)
def short_fit(monkeypatch):
    monkeypatch.setattr(projection, "STEPS", 250)
    monkeypatch.setattr(projection, "LEARNING_RATE", 1e-2)
    monkeypatch.setattr(projection, "REGIONS_PER_STEP", 48)


def named(model, batch) -> torch.Tensor:
    """Row of WORDS that is nearest to each labelled box."""
    images, sizes, targets, _ = batch
    found = [
        F.normalize(model.describe_boxes(regions, target.boxes), dim=1) @ WORDS.T
        for regions, target in zip(model.eval().regions(images, sizes), targets, strict=True)
    ]
    return torch.cat(found).argmax(dim=1)


def test_the_projection_learns_the_names_and_nothing_else_changes(make_model, make_recipe, batch):
    model = make_model()
    truth = torch.cat([target.labels for target in batch.targets])
    assert not torch.equal(named(model, batch), truth)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    calls = []
    model.backbone.register_forward_hook(lambda *_: calls.append("backbone"))
    told = []
    fitted = fit_projection(
        model, [batch] * 2, WORDS, make_recipe(steps=2), tell=lambda *values: told.append(values)
    )
    assert len(calls) == 2, "every batch goes through the frozen network once"
    assert told[1] == ("reading images", 2, 2)
    assert told[-1][1] == told[-1][2]
    assert torch.equal(named(fitted, batch), truth)
    changed = {name for name, value in fitted.state_dict().items() if not torch.equal(value, before[name])}
    parts = {"detector.T_e", "detector.T_d"}
    assert changed == {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")} | {
        "detector.log_temperature"
    }


def test_unlabelled_regions_are_held_back_by_what_they_were(make_model, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    f = torch.rand(24, 32, generator=generator)
    labels = torch.arange(24) % 3  # a third each is background, of the first and of the second word
    background = F.normalize(torch.randn(1, 8, generator=generator), dim=1)
    features = Features(
        f.half(), labels, torch.zeros(24, dtype=torch.int64), background, torch.zeros(24, 8).half()
    )

    def moved(keep: float) -> float:
        monkeypatch.setattr(projection, "KEEP", keep)
        model = make_model().requires_grad_(False)
        before = model.detector.T_e(f)
        fit_on_features(model, features, WORDS, seed=0)
        cosine = F.cosine_similarity(model.detector.T_e(f), before, dim=1)
        return 1 - float(cosine[labels == 0].mean().detach())

    assert moved(keep=5.0) < 0.5 * moved(keep=0.0)


def test_teacher_vectors_of_objects_and_of_taught_regions_are_cached(make_model, batch):
    images, sizes, targets, _ = batch
    taught = {"taught_boxes": torch.tensor([[2.0, 40.0, 22.0, 60.0]]), "taught_vectors": WORDS[3:]}
    targets = [replace(targets[0], teacher=WORDS[:2], **taught), targets[1]]
    features = cache_features(make_model().eval(), [Batch(images, sizes, targets, [])], 1)
    first, second = features.image == 0, features.image == 1
    assert (features.labels[second] >= 0).all()
    assert not features.teacher[second].any()
    assert features.labels[first][-1] == -1
    torch.testing.assert_close(features.teacher[first][-1].float(), WORDS[3], atol=1e-3, rtol=0)
    for label, row in ((1, 0), (3, 1)):  # the two objects are of classes 0 and 2
        vectors = features.teacher[first & (features.labels == label)].float()
        assert len(vectors)
        torch.testing.assert_close(vectors, WORDS[row].expand_as(vectors), atol=1e-3, rtol=0)
    assert not features.teacher[features.labels == 0].any()
    assert features.background.shape == (2, 8)


def test_images_without_objects_are_refused(make_model, make_recipe, batch):
    images, sizes, targets, _ = batch
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    empty = [replace(t, **nothing, has_mask=torch.zeros(0, dtype=torch.bool)) for t in targets]
    with pytest.raises(TrainingError, match="no object to fit the projection on"):
        fit_projection(make_model(), [Batch(images, sizes, empty, [])], WORDS, make_recipe(steps=1))
