from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.canvas.pixels import PixelEdit, decode_window, encode_window
from zsi_core.instances import rle

masks = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda size: arrays(bool, size))


@settings(max_examples=60, deadline=None)
@given(masks)
def test_a_window_is_the_mask_inside_its_box(mask):
    window, (x, y) = decode_window(rle.encode(mask))
    again = np.zeros(mask.shape, bool)
    again[y : y + window.shape[0], x : x + window.shape[1]] = window
    assert (again == mask).all()
    if mask.any():
        assert window.any(axis=0)[[0, -1]].all() and window.any(axis=1)[[0, -1]].all()
    assert encode_window(window, (x, y), mask.shape) == rle.encode(mask)


@settings(max_examples=60, deadline=None)
@given(masks, st.integers(-15, 15), st.integers(-15, 15), st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_what_lies_outside_is_cut_off(mask, dx, dy, size):
    expected = np.zeros(size, bool)
    for y, x in np.argwhere(mask):
        if 0 <= y + dy < size[0] and 0 <= x + dx < size[1]:
            expected[y + dy, x + dx] = True
    assert (rle.decode(encode_window(mask, (dx, dy), size)) == expected).all()


def test_a_stroke_changes_nothing_outside_of_what_it_says():
    edit = PixelEdit((200, 300))
    before = edit.pixels.copy()
    x1, y1, x2, y2 = edit.stroke((100.5, 50.5), (140.5, 90.5), 20, True)
    changed = edit.pixels != before
    assert changed.any()
    changed[y1:y2, x1:x2] = False
    assert not changed.any()
    assert (x2 - x1) * (y2 - y1) < 70 * 70


def test_a_stroke_is_all_pixels_whose_centre_is_near_its_line():
    edit = PixelEdit((100, 100))
    edit.stroke((20, 30), (70, 60), 15, True)
    y, x = np.mgrid[:100, :100] + 0.5
    share = np.clip(((x - 20) * 50 + (y - 30) * 30) / (50**2 + 30**2), 0, 1)
    near = np.hypot(x - 20 - share * 50, y - 30 - share * 30) <= 7.5
    assert (edit.pixels == near).mean() > 0.9999


@pytest.mark.parametrize("place", [(-50.0, 20.0), (20.0, 900.0)])
def test_a_brush_outside_of_the_image_does_nothing(place):
    edit = PixelEdit((100, 100))
    assert edit.stroke(place, place, 20, True) is None
    assert edit.mask() is None


def test_erasing_all_leaves_none():
    mask = np.zeros((50, 60), bool)
    mask[10:20, 10:20] = True
    edit = PixelEdit((50, 60), rle.encode(mask))
    assert edit.mask() == rle.encode(mask)
    edit.stroke((15, 15), (15, 15), 40, False)
    assert edit.mask() is None
