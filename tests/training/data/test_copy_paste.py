"""Objects cut out of one image and laid over another: pixels, masks and boxes stay of one mind."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from training.data.copy_paste import paste, random_paste
from training.data.example import Example

SIDE = 40
Box = tuple[int, int, int, int]


def example(value: int, *boxes: Box, masked: bool = True, **fields: Any) -> Example:
    """An image of one grey whose objects are full rectangles, labelled value, value + 1, ..."""
    masks = np.zeros((len(boxes), SIDE, SIDE), dtype=np.uint8)
    if masked:
        for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
            mask[y1:y2, x1:x2] = 1
    whole = Example(
        image=np.full((SIDE, SIDE, 3), value, dtype=np.uint8),
        size=(SIDE, SIDE),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.arange(value, value + len(boxes)),
        masks=masks,
        has_mask=np.full(len(boxes), masked),
        ignored=np.zeros((0, 4), dtype=np.float32),
        complete=True,
        rehearsed=False,
        teacher=np.eye(len(boxes), 4, dtype=np.float32) + value,
        taught_boxes=np.zeros((0, 4), dtype=np.float32),
        taught_vectors=np.zeros((0, 4), dtype=np.float32),
    )
    return dataclasses.replace(whole, **fields)


SOURCE = example(200, (10, 10, 20, 30), (25, 0, 35, 10))
FIRST = np.array([0])


def test_a_pasted_object_comes_with_all_its_labels() -> None:
    before = example(100, (0, 0, 8, 8))
    after = paste(before, SOURCE, np.array([1]))
    assert after.boxes.tolist() == [[0, 0, 8, 8], [25, 0, 35, 10]]
    assert after.labels.tolist() == [100, 201]
    assert after.has_mask.tolist() == [True, True]
    assert np.array_equal(after.masks[1], SOURCE.masks[1])
    pasted = SOURCE.masks[1].astype(bool)
    assert (after.image[pasted] == 200).all()
    assert (after.image[~pasted] == 100).all()
    assert after.teacher is not None
    assert after.teacher[:, 0].tolist() == [101, 200]
    assert (before.image == 100).all(), "what was given stays as it was"
    assert before.masks.sum() == 64


def test_an_object_behind_loses_what_is_covered() -> None:
    after = paste(example(100, (5, 10, 30, 20)), SOURCE, FIRST)
    assert after.masks[0].sum() == 250 - 100
    assert not (after.masks[0] & after.masks[1]).any()
    assert after.boxes[0].tolist() == [5, 10, 30, 20], "it still shows on both sides"


def test_a_box_ends_where_its_object_is_covered() -> None:
    exact = dataclasses.replace(
        example(100, (12, 12, 34, 22)), boxes=np.array([[11.6, 12.3, 33.8, 21.9]], np.float32)
    )
    after = paste(exact, SOURCE, FIRST)
    assert after.boxes[0] == pytest.approx([20, 12.3, 33.8, 21.9]), "the other sides keep their fractions"


@pytest.mark.parametrize(
    ("box", "ignored"),
    [
        ((11, 11, 19, 29), []),  # nothing is left
        ((10, 10, 23, 20), [[20, 10, 23, 20]]),  # 23 % are left
        ((10, 10, 22, 12), [[20, 10, 22, 12]]),
    ],
)
def test_objects_of_which_little_is_left_are_not_taught(box: Box, ignored: list[list[int]]) -> None:
    after = paste(example(100, box, (30, 30, 40, 40)), SOURCE, FIRST)
    assert after.labels.tolist() == [101, 200]
    assert after.ignored.tolist() == ignored
    assert after.teacher is not None
    assert len(after.boxes) == len(after.masks) == len(after.has_mask) == len(after.teacher) == 2


@pytest.mark.parametrize(("box", "kept"), [((5, 10, 30, 20), True), ((8, 10, 22, 20), False)])
def test_boxes_without_a_mask_are_kept_unless_mostly_covered(box: Box, kept: bool) -> None:
    after = paste(example(100, box, masked=False), SOURCE, FIRST)
    assert after.labels.tolist() == ([100, 200] if kept else [200])
    assert after.boxes[0].tolist() == (list(box) if kept else [10, 10, 20, 30])
    assert after.ignored.tolist() == ([] if kept else [list(box)])


def test_regions_of_the_teacher_that_are_covered_are_not_taught() -> None:
    boxes = np.array([[11, 11, 21, 21], [0, 0, 15, 15]], dtype=np.float32)
    before = example(100, taught_boxes=boxes, taught_vectors=np.eye(2, 4, dtype=np.float32))
    after = paste(before, SOURCE, FIRST)
    assert after.taught_boxes is not None
    assert after.taught_vectors is not None
    assert after.taught_boxes.tolist() == [[0, 0, 15, 15]]
    assert after.taught_vectors.tolist() == [[0, 1, 0, 0]]


def test_nothing_is_pasted_beside_the_photograph() -> None:
    after = paste(example(100, size=(26, SIDE)), SOURCE, FIRST)
    assert after.boxes.tolist() == [[10, 10, 20, 26]]
    assert after.masks.sum() == 160
    assert (after.image[26:] == 100).all()
    hidden = example(100, size=(14, SIDE))
    assert paste(hidden, SOURCE, FIRST) is hidden, "too little of it would show"


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_what_is_unknown_stays_unknown(first: bool, second: bool) -> None:
    source = dataclasses.replace(SOURCE, complete=second)
    assert paste(example(100, complete=first), source, FIRST).complete is first


def test_without_a_teacher() -> None:
    bare = {"teacher": None, "taught_boxes": None, "taught_vectors": None}
    after = paste(example(100, (0, 0, 8, 8), **bare), dataclasses.replace(SOURCE, **bare), FIRST)
    assert after.teacher is after.taught_boxes is after.taught_vectors is None
    assert len(after.boxes) == 2


def test_a_random_part_of_the_objects_with_masks_is_pasted() -> None:
    source = example(200, (0, 0, 9, 9), (10, 0, 19, 9), (20, 0, 29, 9), (0, 10, 40, 23))
    source.has_mask[2] = False
    source.masks[2] = 0
    before = example(100)
    chosen = [
        tuple(random_paste(before, source, np.random.default_rng(seed)).labels.tolist()) for seed in range(60)
    ]
    assert set(chosen) == {(200,), (201,), (200, 201)}, "the last one is too large"
    assert random_paste(before, example(200, (0, 0, 9, 9), masked=False), np.random.default_rng(0)) is before
