"""`Instances`: what it accepts, and that choosing and joining keep the fields together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zsi_core.instances import Instances
from zsi_core.instances.rle import encode

SIZE = (6, 8)


def fields(n: int = 3) -> dict[str, Any]:
    """Valid fields of `n` instances; instance i covers row i and has the score i / 10."""
    rows = np.arange(n, dtype=np.float32)
    masks = []
    for i in range(n):
        mask = np.zeros(SIZE, bool)
        mask[i] = True
        masks.append(encode(mask))
    return {
        "boxes": np.stack([0 * rows, rows, 0 * rows + 8, rows + 1], axis=1),
        "scores": rows / 10,
        "names": tuple(f"name {i}" for i in range(n)),
        "masks": tuple(masks),
        "runner_up_names": tuple(f"other {i}" for i in range(n)),
        "runner_up_scores": rows / 20,
        "region_indices": np.arange(n, dtype=np.int64) * 7,
        "image_size": SIZE,
    }


def check_is(instances: Instances, rows: list[int]) -> None:
    """Every field of `instances` is that of these instances of `fields()`."""
    assert len(instances) == len(rows)
    assert instances.boxes[:, 1].tolist() == rows
    assert (instances.scores * 10).round().tolist() == rows
    assert instances.names == tuple(f"name {i}" for i in rows)
    assert [instances.mask(i).any(axis=1).argmax() for i in range(len(rows))] == rows
    assert instances.runner_up_names == tuple(f"other {i}" for i in rows)
    assert (instances.runner_up_scores * 20).round().tolist() == rows
    assert (instances.region_indices // 7).tolist() == rows
    assert instances.image_size == SIZE


def test_mask() -> None:
    mask = Instances(**fields()).mask(1)
    assert mask.shape == SIZE
    assert mask.dtype == bool
    assert mask.sum() == 8
    assert mask[1].all()


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        ([2, 0], [2, 0]),
        ([], []),
        ([1, 1], [1, 1]),
        ([-1], [2]),
        (np.array([2]), [2]),
        (np.array([True, False, True]), [0, 2]),
        (np.zeros(3, bool), []),
    ],
)
def test_select(chosen: Any, rows: list[int]) -> None:
    check_is(Instances(**fields()).select(chosen), rows)


def test_select_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"must be a bool array with shape \(3,\), but got \(2,\)"):
        Instances(**fields()).select(np.array([True, False]))
    with pytest.raises(IndexError):
        Instances(**fields()).select([3])


def test_concatenate() -> None:
    all_three = Instances(**fields())
    joined = Instances.concatenate([all_three.select([2]), Instances.empty(SIZE), all_three.select([0, 1])])
    check_is(joined, [2, 0, 1])
    check_is(Instances.concatenate([Instances.empty(SIZE)]), [])


def test_concatenate_refuses_nothing_and_different_images() -> None:
    with pytest.raises(ValueError, match=r"one image size, but got \[\]"):
        Instances.concatenate([])
    with pytest.raises(ValueError, match=r"one image size, but got \[\(2, 2\), \(6, 8\)\]"):
        Instances.concatenate([Instances.empty(SIZE), Instances.empty((2, 2))])


def test_empty() -> None:
    empty = Instances.empty(SIZE)
    check_is(empty, [])
    assert empty.boxes.shape == (0, 4)
    assert empty.mask_areas.shape == (0,)
    check_is(empty.select(np.zeros(0, bool)), [])


def test_mask_areas() -> None:
    areas = Instances(**fields()).mask_areas
    assert areas.tolist() == [8, 8, 8]
    assert areas.dtype == np.int64


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("boxes", np.zeros((3, 4)), r"float32 array with shape \(3, 4\), but got a float64 array"),
        ("boxes", np.zeros((2, 4), np.float32), r"boxes .* but got a float32 array with shape \(2, 4\)"),
        ("boxes", [[0, 0, 1, 1]] * 3, "but got a list"),
        (
            "boxes",
            np.array([[0, 0, 1, 1], [5, 0, 1, 1], [0, 0, 1, 1]], np.float32),
            r"but box 1 is \[5. 0. 1. 1.\]",
        ),
        ("boxes", np.full((3, 4), np.nan, np.float32), "must be finite"),
        ("boxes", np.full((3, 4), np.inf, np.float32), "must be finite"),
        ("scores", np.zeros(2, np.float32), r"scores must be a float32 array with shape \(3,\)"),
        ("scores", np.zeros(3), "but got a float64 array"),
        ("scores", np.array([0, np.nan, 1], np.float32), "scores must be finite, but got nan"),
        ("names", ["a", "b", "c"], "names must be a tuple of 3 strings, but got a list"),
        ("names", ("a", 2, "c"), "names must be a tuple of 3 strings"),
        ("masks", (), "masks must be a tuple of 3 compressed RLEs, but got a tuple of 0"),
        ("masks", (np.zeros(SIZE, bool),) * 3, "counts of type str"),
        ("masks", ({"size": [6, 8], "counts": b"`1"},) * 3, r"counts of type str, but got .* \(mask 0\)"),
        ("masks", ({"size": [8, 6], "counts": "`1"},) * 3, r"image's size \(6, 8\), but got \[8, 6\]"),
        ("runner_up_names", ("a",), "runner_up_names must be a tuple of 3 strings, but got a tuple of 1"),
        ("runner_up_scores", np.zeros((3, 1), np.float32), r"but got a float32 array with shape \(3, 1\)"),
        ("region_indices", np.zeros(3, np.float32), "region_indices must be a int64 array"),
        ("image_size", [6, 8], r"image_size must be \(height, width\)"),
        ("image_size", (6.0, 8.0), "two ints >= 1, but got"),
        ("image_size", (0, 8), r"two ints >= 1, but got \(0, 8\)"),
    ],
)
def test_fields_that_do_not_fit_are_named(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Instances(**{**fields(), field: value})
