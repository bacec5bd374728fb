"""Masks pasted into run lengths equal masks pasted into a full image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zsi_core.inference import mask_paste
from zsi_core.inference.mask_paste import crop_rle, paste_mask
from zsi_core.instances import rle

sizes = st.tuples(st.integers(1, 14), st.integers(1, 14))


def sampled(probabilities: np.ndarray, box: tuple[float, ...], size: tuple[int, int]) -> np.ndarray:
    """(H, W) probability at every pixel centre: bilinear between cell centres, 0 around the grid and in
    pixels that the box does not touch."""
    x1, y1, x2, y2 = box
    side = len(probabilities)

    def cell(row: int, column: int) -> float:
        inside = 0 <= row < side and 0 <= column < side
        return float(probabilities[row, column]) if inside else 0.0

    result = np.zeros(size)
    for row, column in np.ndindex(*size):
        touched = column + 1 > x1 and column < x2 and row + 1 > y1 and row < y2
        if touched:
            u = (column + 0.5 - x1) / (x2 - x1) * side - 0.5
            v = (row + 0.5 - y1) / (y2 - y1) * side - 0.5
            left, top = int(np.floor(u)), int(np.floor(v))
            a, b = u - left, v - top
            result[row, column] = (
                cell(top, left) * (1 - a) * (1 - b)
                + cell(top, left + 1) * a * (1 - b)
                + cell(top + 1, left) * (1 - a) * b
                + cell(top + 1, left + 1) * a * b
            )
    return result


@st.composite
def boxes(draw: st.DrawFn, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Boxes partly outside of the image, and some smaller than a pixel."""
    height, width = size
    x1 = draw(st.floats(-5, width + 1, width=32))
    y1 = draw(st.floats(-5, height + 1, width=32))
    side = st.floats(0.0625, 20, width=32)
    return x1, y1, x1 + draw(side), y1 + draw(side)


@given(data=st.data(), size=sizes, side=st.integers(1, 6))
def test_pasting_equals_bilinear_sampling(data: st.DataObject, size: tuple[int, int], side: int) -> None:
    box = np.array(data.draw(boxes(size)), dtype=np.float32)
    probabilities = data.draw(arrays.arrays(np.float32, (side, side), elements=st.floats(0, 1, width=32)))
    expected = sampled(probabilities, tuple(float(v) for v in box), size)
    mask = rle.decode(paste_mask(probabilities, box, size))
    decided = np.abs(expected - 0.5) > 1e-3  # the rest is for rounding to decide
    assert (mask == (expected > 0.5))[decided].all()


@given(data=st.data(), size=sizes)
def test_a_rectangle_of_pixels_equals_the_encoded_image(data: st.DataObject, size: tuple[int, int]) -> None:
    height, width = size
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    inside = data.draw(arrays.arrays(bool, (bottom - top, right - left)))
    full = np.zeros(size, dtype=bool)
    full[top:bottom, left:right] = inside
    assert crop_rle(inside, left, top, size) == rle.encode(full)


def test_blocks_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities = np.random.default_rng(0).random((28, 28), dtype=np.float32)
    box = np.array([3.3, -2.5, 88.1, 61.9], dtype=np.float32)
    whole = paste_mask(probabilities, box, (60, 90))
    for block in (1, 61, 200):
        monkeypatch.setattr(mask_paste, "BLOCK", block)
        assert paste_mask(probabilities, box, (60, 90)) == whole


def test_only_the_pixels_of_a_block_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[int] = []
    interpolated = mask_paste._interpolated

    def counted(grid: np.ndarray, positions: np.ndarray) -> np.ndarray:
        computed.append(grid.shape[1] * len(positions))
        return interpolated(grid, positions)

    monkeypatch.setattr(mask_paste, "_interpolated", counted)
    paste_mask(np.ones((28, 28), np.float32), np.array([0, 0, 5000, 4000], np.float32), (4000, 5000))
    assert max(computed) < 200_000
    assert sum(computed) < 1.1 * 4000 * 5000


def test_a_certain_mask_fills_its_box() -> None:
    mask = rle.decode(
        paste_mask(np.ones((28, 28), np.float32), np.array([2, 3, 32, 43], np.float32), (50, 60))
    )
    expected = np.zeros((50, 60), bool)
    expected[3:43, 2:32] = True
    assert (mask != expected).sum() <= 4  # it fades at the corners


@pytest.mark.parametrize(
    "box", [(60, 0, 70, 10), (-9, 0, 0, 10), (0, 50, 9, 60), (5, 5, 5, 9), (5, 9, 9, 9), (9, 5, 5, 9)]
)
def test_a_box_outside_or_without_area_gives_an_empty_mask(box: tuple[int, ...]) -> None:
    mask = paste_mask(np.ones((28, 28), np.float32), np.array(box, np.float32), (50, 60))
    assert mask["size"] == [50, 60]
    assert not rle.decode(mask).any()
