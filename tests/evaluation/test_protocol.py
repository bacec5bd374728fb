"""What is asked of an image, and what an image's entry of predictions holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zsi_core.checkpoint import load_checkpoint
from zsi_core.coco import CocoFile
from zsi_core.errors import SplitError
from zsi_core.evaluation.predict import category_ids
from zsi_core.evaluation.protocol import require_zero_shot, vocabularies
from zsi_core.inference import Segmenter
from zsi_core.inference.scoring import PROTOCOL
from zsi_core.semantics import ClassSplit, WordTable


@pytest.fixture(scope="module")
def segmenter(tiny_checkpoint: Path) -> Segmenter:
    return Segmenter(load_checkpoint(tiny_checkpoint), WordTable.bundled(), dtype=torch.float32)


def test_only_the_splits_classes_compete(split: ClassSplit) -> None:
    table = WordTable.bundled()
    names = vocabularies(table, split)
    assert names.zsi.names == ("cat", "fork")
    assert names.seen.names == ("dog", "car")
    assert names.joint.names == ("cat", "fork", "dog", "car")
    for vocabulary in (names.zsi, names.seen, names.joint):
        assert vocabulary.shown == len(vocabulary.names)
        expected = [table.vector(name) for name in vocabulary.names]
        np.testing.assert_allclose(vocabulary.vectors, expected, atol=1e-6)


def test_the_seen_penalty_works_where_seen_and_unseen_compete(split: ClassSplit) -> None:
    names = vocabularies(WordTable.bundled(), split)
    assert names.joint.seen.tolist() == [False, False, True, True]
    assert not names.zsi.seen.any()
    assert not names.seen.seen.any()


def test_a_split_must_be_zero_shot_for_the_model(split: ClassSplit) -> None:
    require_zero_shot(split, ["dog", "car", "nucleus"])
    with pytest.raises(SplitError, match="trained on cat, which class split 'pets' calls unseen"):
        require_zero_shot(split, ["dog", "CAT"])
    with pytest.raises(SplitError, match="no unseen class"):
        require_zero_shot(ClassSplit("all", ("dog",)), ["dog"])


def test_results_have_the_files_category_ids(make_coco: Any, split: ClassSplit) -> None:
    coco: CocoFile = make_coco([1], {30: "Fork", 7: "spoon", 2: "dog", 3: "fork"}, [])
    assert category_ids(coco, split) == {"dog": 2, "fork": 30, "spoon": 7, "cat": 31, "car": 32}


def test_finding_without_suppression_across_names(segmenter: Segmenter, split: ClassSplit) -> None:
    encoded = segmenter.encode(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    joint = vocabularies(segmenter.vocabularies.table, split).joint
    paper = segmenter.find(encoded, joint, threshold=0.0, max_instances=1000, suppression=PROTOCOL)
    product = segmenter.find(encoded, joint, threshold=0.0, max_instances=1000)
    # Only per name is suppressed: some region is found under every name.
    per_region = np.bincount(paper.region_indices)
    assert per_region.max() == len(joint.names)
    assert np.bincount(product.region_indices).max() == 1
    assert len(segmenter.find(encoded, joint, threshold=0.0, max_instances=3, suppression=PROTOCOL)) == 3


def test_finding_anything_ranks_regions_and_names_each_once(segmenter: Segmenter, split: ClassSplit) -> None:
    encoded = segmenter.encode(np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    joint = vocabularies(segmenter.vocabularies.table, split).joint
    found = segmenter.find_anything(encoded, joint, max_instances=20)
    assert 1 < len(found) <= 20
    assert len(set(found.region_indices.tolist())) == len(found)
    assert (np.diff(found.scores) <= 0).all()
    named = segmenter.find(encoded, joint, threshold=0.0, max_instances=1000, suppression=PROTOCOL)
    # No name of a region scores above the region, whose foreground is the sum over all names.
    best = dict(zip(named.region_indices[::-1], named.scores[::-1], strict=True))
    assert all(
        best[r] <= s + 1e-6 for r, s in zip(found.region_indices, found.scores, strict=True) if r in best
    )
    assert found.names[0] != found.runner_up_names[0]
