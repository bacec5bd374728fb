"""What a click means, of the instances around it."""

from __future__ import annotations

import numpy as np
import pytest

from zsi_core.inference.clicked import for_a_click
from zsi_core.instances import Instances, rle

SIZE = (100, 200)
SCENE, CHAIR, CAT = (0, 0, 200, 100), (40, 20, 140, 90), (60, 30, 100, 70)


def instances(*found: tuple[tuple[int, int, int, int], float]) -> Instances:
    masks = []
    for x1, y1, x2, y2 in (box for box, _ in found):
        mask = np.zeros(SIZE, dtype=bool)
        mask[y1:y2, x1:x2] = True
        masks.append(rle.encode(mask))
    return Instances(
        boxes=np.array([box for box, _ in found], dtype=np.float32).reshape(-1, 4),
        scores=np.array([score for _, score in found], dtype=np.float32),
        names=("cat",) * len(found),
        masks=tuple(masks),
        runner_up_names=("dog",) * len(found),
        runner_up_scores=np.zeros(len(found), dtype=np.float32),
        region_indices=np.arange(len(found)),
        image_size=SIZE,
    )


@pytest.mark.parametrize(
    ("scores", "sure", "first"),
    [
        ((0.05, 0.04), 0.4, 1),  # another class is chosen: its scores say nothing
        ((0.9, 0.8), None, 1),  # without a name
        ((0.9, 0.8), 0.4, 0),  # the scene is what was named
        ((0.3, 0.8), 0.4, 1),
    ],
)
def test_the_scene_comes_last_unless_it_is_surely_meant(
    scores: tuple[float, float], sure: float | None, first: int
) -> None:
    order = np.argsort([-score for score in scores])
    found = instances((SCENE, scores[0]), (CAT, scores[1])).select(order)
    got = for_a_click(found, 80, 50, sure=sure)
    assert got.region_indices.tolist() == [first, 1 - first]


def test_only_distinct_masks_over_the_point_are_left_best_first() -> None:
    near = (41, 20, 140, 90)
    found = instances((CHAIR, 0.9), (near, 0.8), (CAT, 0.7), (SCENE, 0.6), ((150, 0, 190, 90), 0.5))
    assert for_a_click(found, 80, 50, sure=0.1).region_indices.tolist() == [0, 2, 3]
    assert len(for_a_click(found, 199, 99, sure=None)) == 1
    assert len(for_a_click(instances(), 80, 50, sure=None)) == 0
