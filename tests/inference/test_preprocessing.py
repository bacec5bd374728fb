"""Photographs in the canvases of the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zsi_core.inference.preprocessing import CANVASES, fit


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "canvas", "fitted"),
    [
        ((480, 640), (480, 640), (480, 640)),
        ((960, 1280), (480, 640), (480, 640)),
        ((60, 80), (480, 640), (480, 640)),
        ((640, 480), (640, 480), (640, 480)),
        ((700, 700), (544, 544), (544, 544)),
        ((100, 1000), (480, 640), (64, 640)),
        ((1, 1), (544, 544), (544, 544)),
        ((1, 5000), (480, 640), (1, 640)),
        ((5000, 1), (640, 480), (640, 1)),
    ],
)
def test_the_canvas_on_which_it_comes_out_largest(
    size: tuple[int, int], canvas: tuple[int, int], fitted: tuple[int, int]
) -> None:
    result = fit(image(*size))
    assert result.pixels.shape == (1, 3, *canvas)
    assert result.pixels.dtype == torch.uint8
    assert result.size == fitted
    assert result.image_size == size


@given(height=st.integers(1, 400), width=st.integers(1, 400))
def test_the_shape_is_kept_and_the_canvas_used(height: int, width: int) -> None:
    result = fit(np.zeros((height, width, 3), np.uint8))
    canvas = tuple(result.pixels.shape[2:])
    assert canvas in CANVASES
    h, w = result.size
    assert 1 <= h <= canvas[0]
    assert 1 <= w <= canvas[1]
    assert h == canvas[0] or w == canvas[1]
    assert abs(h - w * height / width) <= max(1, height / width)


def test_a_photograph_of_the_canvas_size_is_taken_as_it_is() -> None:
    photograph = image(480, 640)
    before = photograph.copy()
    assert (fit(photograph).pixels[0].permute(1, 2, 0).numpy() == photograph).all()
    assert (photograph == before).all()


def test_outside_of_the_photograph_is_grey() -> None:
    result = fit(np.zeros((100, 1000, 3), np.uint8))
    assert (result.pixels[0, :, :64] == 0).all()
    assert (result.pixels[0, :, 64:] == 127).all()


def test_shrinking_averages() -> None:
    stripes = np.zeros((960, 1280, 3), np.uint8)
    stripes[::2] = 200
    assert (fit(stripes).pixels == 100).all()


def test_canvases_of_a_checkpoint() -> None:
    result = fit(image(30, 40), [(96, 128)])
    assert result.pixels.shape == (1, 3, 96, 128)


@given(height=st.integers(1, 3000), width=st.integers(1, 3000))
def test_boxes_go_to_the_canvas_and_back(height: int, width: int) -> None:
    result = fit(np.broadcast_to(np.uint8(0), (height, width, 3)), [(48, 64), (64, 48)])
    whole = torch.tensor([[0.0, 0.0, width, height], [0.25 * width, 0.0, 0.5 * width, 0.75 * height]])
    on_canvas = result.to_canvas(whole)
    assert torch.allclose(on_canvas[0], torch.tensor([0.0, 0.0, result.size[1], result.size[0]]))
    assert torch.allclose(result.to_image(on_canvas), whole, rtol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"must be a uint8 array with shape \(H, W, 3\), but got"):
        fit(wrong)
