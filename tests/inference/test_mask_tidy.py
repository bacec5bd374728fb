"""Specks and pinholes of predicted masks."""

from __future__ import annotations

import numpy as np
import pytest

from zsi_core.inference.mask_tidy import tidy_mask


def grid(*blocks: tuple[slice, slice], value: float = 0.9) -> np.ndarray:
    mask = np.full((28, 28), 0.1, dtype=np.float32)
    for block in blocks:
        mask[block] = value
    return mask


BODY = (slice(4, 14), slice(4, 14))
CRUMB = (slice(20, 23), slice(20, 23))
SECOND_PART = (slice(20, 24), slice(20, 24))


def test_a_crumb_goes_and_a_part_stays() -> None:
    assert np.array_equal(tidy_mask(grid(BODY, CRUMB)) > 0.5, grid(BODY) > 0.5)
    assert np.array_equal(tidy_mask(grid(BODY, SECOND_PART)), grid(BODY, SECOND_PART))


def test_a_pinhole_is_closed_and_a_hole_stays() -> None:
    pinhole, hole = grid(BODY), grid(BODY)
    pinhole[8:10, 8:11] = 0.3
    hole[7:10, 7:10] = 0.3
    assert np.array_equal(tidy_mask(pinhole) > 0.5, grid(BODY) > 0.5)
    assert np.array_equal(tidy_mask(hole), hole)


def test_a_notch_at_the_border_is_no_hole() -> None:
    mask = np.full((28, 28), 0.9, dtype=np.float32)
    mask[0, 10:12] = 0.1
    assert np.array_equal(tidy_mask(mask), mask)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_to_tidy(value: float) -> None:
    mask = np.full((28, 28), value, dtype=np.float32)
    assert np.array_equal(tidy_mask(mask), mask)
