"""Nearest classes, near-duplicates and expectations, by hand and as documented for the bundled table."""

from __future__ import annotations

import numpy as np
import pytest

from zsi_core.semantics import (
    Outlook,
    WordTable,
    expectation,
    load_split,
    near_duplicates,
    nearest_classes,
    resolve_all,
)
from zsi_core.semantics.relations import CLOSE, NEAR_DUPLICATE, RELATED

NAMES = ("dog", "cat", "bus")
VECTORS = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 1]], np.float32)


def test_nearest_classes_come_with_cosines_best_first() -> None:
    nearest = nearest_classes(np.array([0.8, 0.6, 0], np.float32), NAMES, VECTORS, k=2)
    assert [name for name, _ in nearest] == ["cat", "dog"]
    np.testing.assert_allclose([cosine for _, cosine in nearest], [0.96, 0.8], atol=1e-6)
    assert len(nearest_classes(VECTORS[0], NAMES, VECTORS, k=9)) == 3
    assert nearest_classes(VECTORS[0], (), np.empty((0, 3), np.float32)) == []


def test_near_duplicates_are_pairs_above_the_threshold_closest_first() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.96, 0.28], [1, 0]], np.float32)
    names = ("a", "b", "near a", "a again")
    pairs = near_duplicates(names, vectors)
    assert [pair[:2] for pair in pairs] == [("a", "a again"), ("a", "near a"), ("near a", "a again")]
    np.testing.assert_allclose([pair[2] for pair in pairs], [1, 0.96, 0.96], atol=1e-6)
    assert len(near_duplicates(names, vectors, threshold=0.97)) == 1
    assert near_duplicates((), np.empty((0, 2), np.float32)) == []


@pytest.mark.parametrize(
    ("nearest", "outlook", "text"),
    [
        ([("dog", 1.0)], Outlook.SEEN, "the vector of dog, a seen class: expect good masks"),
        ([("dog", 0.9)], Outlook.SEEN, "nearly the same as dog, a seen class: expect good masks"),
        ([("horse", 0.6), ("cow", 0.45), ("cat", 0.3)], Outlook.CLOSE,
         "close to horse, cow: expect usable masks"),
        ([("horse", 0.35), ("cow", 0.2)], Outlook.RELATED,
         "some relation to horse: expect rough masks and wrong hits"),
        ([("horse", 0.2)], Outlook.FAR, "nothing near among the seen classes: expect noise"),
        ([], Outlook.FAR, "nothing near among the seen classes: expect noise"),
    ],
)  # fmt: skip
def test_expectations(nearest: list[tuple[str, float]], outlook: Outlook, text: str) -> None:
    result = expectation(nearest)
    assert (result.outlook, result.text) == (outlook, text)


def test_the_documented_measurements_of_the_thresholds_hold(bundled: WordTable) -> None:
    split = load_split("coco_65_15")
    seen, unseen = resolve_all(bundled, split.seen), resolve_all(bundled, split.unseen)
    among_seen = seen @ seen.T - 2 * np.eye(65)
    assert round(float(np.median(among_seen.max(axis=1))), 2) == 0.42
    random_words = bundled.matrix[np.random.default_rng(0).choice(len(bundled), 4000, replace=False)]
    best_of_random = (random_words @ seen.T).max(axis=1)
    assert 0.09 < (best_of_random >= CLOSE).mean() < 0.12
    assert 0.73 < (best_of_random < RELATED).mean() < 0.77
    best = dict(zip(split.unseen, (unseen @ seen.T).max(axis=1), strict=True))
    assert [name for name, cosine in best.items() if cosine < RELATED] == ["hair drier"]
    everything = np.concatenate([seen, unseen])
    assert (everything @ everything.T - 2 * np.eye(80)).max() < NEAR_DUPLICATE - 0.05


def test_near_duplicates_of_the_bundled_table(bundled: WordTable) -> None:
    names = ("tv", "dog", "television", "bicycle", "bike")
    pairs = near_duplicates(names, resolve_all(bundled, names))
    assert [pair[:2] for pair in pairs] == [("tv", "television"), ("bicycle", "bike")]
