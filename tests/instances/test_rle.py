"""Run-length masks against numpy, and against strings made to crash a decoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask

from zsi_core.instances import rle

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))
pairs = array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


def naive_counts(mask: np.ndarray) -> list[int]:
    counts, value = [0], False
    for pixel in mask.ravel(order="F"):
        if pixel == value:
            counts[-1] += 1
        else:
            counts.append(1)
            value = not value
    return counts


@given(masks)
def test_round_trips(mask: np.ndarray) -> None:
    compressed = rle.encode(mask)
    assert isinstance(compressed["counts"], str)
    assert compressed["size"] == list(mask.shape)
    assert rle.decode(compressed).dtype == bool
    assert (rle.decode(compressed) == mask).all()
    counts = rle.to_counts(compressed)
    assert counts.tolist() == naive_counts(mask)
    assert rle.from_counts(counts, mask.shape) == compressed


@given(masks)
def test_area_box_and_complement(mask: np.ndarray) -> None:
    compressed = rle.encode(mask)
    assert rle.areas([compressed]).tolist() == [mask.sum()]
    x1, y1, x2, y2 = rle.boxes([compressed])[0].tolist()
    assert rle.extent(compressed) == (mask.sum(), (x1, y1, x2 - x1, y2 - y1))
    rows, columns = np.nonzero(mask)
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if mask.any() else [0, 0, 0, 0]
    assert rle.boxes([compressed]).tolist() == [box]
    assert (rle.decode(rle.complement(compressed)) == ~mask).all()


@given(pairs)
def test_union_difference_and_iou(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    first, second = rle.encode(a), rle.encode(b)
    assert (rle.decode(rle.union([first, second])) == a | b).all()
    assert (rle.decode(rle.subtract(first, second)) == a & ~b).all()
    expected = (a & b).sum() / max(1, (a | b).sum())
    assert rle.iou([first], [second]) == pytest.approx(expected)


def test_mask_of_integers_counts_every_non_zero() -> None:
    assert rle.decode(rle.encode(np.array([[0, 7], [256, -1]]))).tolist() == [[False, True], [True, True]]


def test_nothing() -> None:
    assert rle.areas([]).shape == (0,)
    assert rle.boxes([]).shape == (0, 4)
    one = rle.encode(np.ones((2, 2), bool))
    assert rle.iou([], [one]).shape == (0, 1)
    assert rle.iou([one], []).shape == (1, 0)


def test_differences_of_areas_may_be_negative() -> None:
    small, large = rle.areas([rle.encode(np.eye(2, dtype=bool)), rle.encode(np.ones((2, 2), bool))])
    assert small - large == -2


def test_iou_of_masks_of_different_sizes() -> None:
    with pytest.raises(ValueError, match=r"must have the same size, but got \[\(2, 3\), \(3, 2\)\]"):
        rle.iou([rle.encode(np.ones((2, 3), bool))], [rle.encode(np.ones((3, 2), bool))])


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 5), (5, 0)])
def test_encode_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be an array with shape"):
        rle.encode(np.zeros(shape, bool))


def test_runs_of_length_zero_do_not_stretch_the_box() -> None:
    # 2 outside, an empty run inside, 3 outside, 1 inside, ... as some programs write it.
    compressed = rle.from_counts([2, 0, 3, 1, 0, 1, 2], (3, 3))
    assert rle.to_counts(compressed).tolist() == [5, 2, 2]
    foreign = coco_mask.frPyObjects({"size": [3, 3], "counts": [2, 0, 3, 1, 0, 1, 2]}, 3, 3)
    assert rle.to_counts({"size": [3, 3], "counts": foreign["counts"].decode()}).tolist() == [5, 2, 2]
    assert rle.boxes([compressed]).tolist() == [[1, 0, 3, 3]]


@pytest.mark.parametrize(
    ("counts", "size", "message"),
    [
        ([4, 4], (3, 3), "must add up to 3 x 3 = 9 pixels, but got 8"),
        ([4, 6], (3, 3), "must add up to 3 x 3 = 9 pixels, but got 10"),
        ([10, -1], (3, 3), "none of them negative"),
        ([], (3, 3), "must be run lengths"),
        ([0], (0, 3), r"must be \[height, width\]"),
        ([9], (10**6, 10**6), "pixels at most"),
        ([2**40, 9 - 2**40], (3, 3), "none of them negative"),
    ],
)
def test_bad_counts(counts: list[int], size: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rle.from_counts(counts, size)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("", "non-empty string"),
        ("9~", "characters 0 to o"),
        ("9 ", "characters 0 to o"),
        ("9é", "characters 0 to o"),
        ("\0", "characters 0 to o"),
        ("9o", "must not end within a number"),
        ("oooooooooooo0", "more than 32 bits"),
        ("8", "must add up"),
        (":", "must add up"),
        ("9N", "none of them negative"),
        ("99", "must add up"),
    ],
)
def test_bad_strings(counts: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rle.to_counts({"size": [3, 3], "counts": counts})


@given(st.text(alphabet=[chr(c) for c in range(47, 113)], max_size=30))
def test_any_string_is_a_mask_or_an_error(counts: str) -> None:
    foreign = rle.Rle(size=[4, 5], counts=counts)
    try:
        runs = rle.to_counts(foreign)
    except ValueError:
        return
    assert runs.sum() == 20
    assert rle.areas([rle.from_counts(runs, (4, 5))])[0] == runs[1::2].sum()
