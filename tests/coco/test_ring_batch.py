"""Rings of many annotations at once are those of each alone, and no fault disturbs its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zsi_core.coco.ring_batch import with_rings
from zsi_core.coco.segmentation import polygon_rings

SQUARE = [5, 5, 15.25, 5, 15.25, 15, 5, 15]

SUSPECT = [
    [5, 5, 15, 5, 15, True],
    [5, 5, 15, 5, 15, "15"],
    [5, 5, 15, 5, 15, None],
    [5, 5, 15, 5],
    [5, 5, 15, 5, 15, 15, 5],
    [5, 5, 15, 5, 15, float("nan")],
    [5, 5, 15, 5, 15, float("inf")],
    [5, 5, 15, 5, 15, 10**400],
    [5, 5, 15, 5, 15, -3e7],
    [0, 0, 1.9e7, 0, 0, 1.9e7],  # an outline too long to be drawn
    "5, 5, 15, 5, 15, 15",
]


def annotations(*segmentations: Any) -> list[Any]:
    return [{"segmentation": segmentation} for segmentation in segmentations]


def test_rings_are_those_of_each_alone() -> None:
    numbers = np.random.default_rng(0)
    many = [
        [numbers.uniform(0, 500, 2 * numbers.integers(3, 90)).tolist() for _ in range(numbers.integers(1, 4))]
        for _ in range(300)
    ]
    given = annotations(*many)
    found = list(with_rings(given))
    assert [annotation for annotation, _ in found] == given
    for polygons, (_, rings) in zip(many, found, strict=True):
        assert rings is not None
        assert [ring.tolist() for ring in rings] == [ring.tolist() for ring in polygon_rings(polygons)]


@pytest.mark.parametrize("suspect", SUSPECT, ids=lambda value: str(value)[:40])
def test_what_may_be_a_fault_is_left_to_a_closer_look(suspect: Any) -> None:
    given = [*annotations([SQUARE], [SQUARE, suspect], [SQUARE, SQUARE]), 7, *annotations(None, [], {"a": 1})]
    first, second, third, *others = (rings for _, rings in with_rings(given))
    assert (second, others) == (None, [None] * 4)
    # A value that is no number leaves the whole batch to the closer look.
    for rings, n in ((first, 1), (third, 2)):
        assert rings is None or [ring.ravel().tolist() for ring in rings] == [SQUARE] * n


def test_nothing_gives_nothing() -> None:
    assert list(with_rings([])) == []
