"""The IoU head, fitted on the features of a network that stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from training import iou_head
from training.iou_head import fit, fit_iou_head
from training.recipe import Recipe
from zsi_core.checkpoint import load_checkpoint, save_checkpoint
from zsi_core.checkpoint.info import vectors_sha256
from zsi_core.errors import TrainingError
from zsi_core.inference.vocabulary import VocabularyBuilder
from zsi_core.semantics import WordTable


@pytest.fixture
def checkpoint(start: Path, tmp_path: Path) -> Path:
    """The small network, with seen classes that can be looked up."""
    loaded = load_checkpoint(start)
    seen = VocabularyBuilder(WordTable.bundled(), loaded.info.seen).seen_vectors
    info = replace(loaded.info, seen_sha256=vectors_sha256(seen))
    save_checkpoint(tmp_path / "checkpoint", loaded.model, info, "# Card\n")
    return tmp_path / "checkpoint"


def test_the_map_predicts_overlaps_that_the_features_tell() -> None:
    generator = torch.Generator().manual_seed(0)
    f = torch.rand(3000, 20, generator=generator) * torch.logspace(-2, 2, 20)
    f[:, 7] = 0.0  # a feature that never fires
    overlap = (2.0 * (f[:, 3] / f[:, 3].max()) - 1.0 + 0.02 * f[:, 19] / f[:, 19].max()).sigmoid()
    head = nn.Linear(20, 1)
    fit(head, f[:2000], overlap[:2000], seed=0)
    with torch.no_grad():
        predicted = head(f[2000:])[:, 0].sigmoid()
    assert (predicted - overlap[2000:]).abs().mean() < 0.01
    assert overlap.std() > 0.1, "otherwise a constant would do"


def test_everything_but_the_head_stays_as_it_was(
    recipe: Recipe, checkpoint: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(iou_head, "TAUGHT", 0.0)  # a network without training finds nothing better
    told: set[str] = set()
    fit_iou_head(checkpoint, tmp_path / "out", recipe, tmp_path, 3, lambda doing, *_: told.add(doing))
    before, after = load_checkpoint(checkpoint), load_checkpoint(tmp_path / "out")
    assert after.info.model.iou_head
    assert told == {"reading images", "fitting the IoU head"}
    own = before.model.state_dict()
    for name, value in after.model.state_dict().items():
        if not name.startswith("detector.iou."):
            torch.testing.assert_close(value, own[name], rtol=1e-3, atol=1e-4)
    assert after.model.detector.iou.weight.abs().sum() > 0


def test_images_without_objects_teach_nothing(
    recipe: Recipe, checkpoint: Path, tmp_path: Path, write_set
) -> None:
    empty = replace(recipe, datasets=(write_set("empty", {4: "dog"}, [[], []]),))
    with pytest.raises(TrainingError, match="no region lies on a labelled object"):
        fit_iou_head(checkpoint, tmp_path / "out", empty, tmp_path, 3)
    assert not (tmp_path / "out").exists()
