"""Geometry as it is stored: exact, and compared by pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.project.geometry import MAX_COORDINATE, Geometry, decode, encode, iou
from zsi_core.instances import rle
from zsi_core.instances.polygons import Part

coordinates = st.integers(-200_000, 200_000).map(lambda steps: steps / 100)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8).map(np.array)
parts = st.lists(st.builds(Part, rings, st.lists(rings, max_size=2).map(tuple)), min_size=1, max_size=3)


def square(x: float, y: float, side: float, *holes: np.ndarray) -> Geometry:
    return Geometry.from_parts([Part(ring(x, y, side), holes)])


def ring(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], dtype=float)


def mask_of(x: int, y: int, side: int) -> Geometry:
    pixels = np.zeros((60, 80), dtype=bool)
    pixels[y : y + side, x : x + side] = True
    return Geometry.from_mask(rle.encode(pixels))


@settings(deadline=None, max_examples=50)
@given(parts)
def test_polygons_come_back_as_they_were(given_parts: list[Part]) -> None:
    geometry = Geometry.from_parts(given_parts)
    again = decode(encode(geometry))
    assert again.box == geometry.box
    for part, expected in zip(again.polygons, given_parts, strict=True):
        np.testing.assert_array_equal(part.outer, expected.outer)
        for hole, expected_hole in zip(part.holes, expected.holes, strict=True):
            np.testing.assert_array_equal(hole, expected_hole)
    assert encode(again) == encode(geometry)


def test_coordinates_are_rounded_to_hundredths_at_once() -> None:
    geometry = Geometry.from_parts([Part(np.array([[0.123456, 0], [9.999, 0], [5, 7.005]]))])
    assert geometry.polygons[0].outer.tolist() == [[0.12, 0], [10, 0], [5, 7]]
    assert geometry.box == (0.12, 0, 10, 7)


def test_masks_and_boxes_come_back_as_they_were() -> None:
    mask = mask_of(3, 5, 10)
    again = decode(encode(mask))
    assert (again.mask, again.box) == (mask.mask, (3, 5, 13, 15))
    assert [part.outer.tolist() for part in again.parts] == [ring(3, 5, 10).tolist()]
    box = Geometry.from_box([1.004, 2, 3.5, 4])
    assert decode(encode(box)).box == (1, 2, 3.5, 4)
    assert box.is_box and box.parts == () and box.to_mask((60, 80)) is None


def test_area_counts_holes_and_pixels() -> None:
    assert square(0, 0, 20, ring(5, 5, 10)).area == 300
    assert mask_of(3, 5, 10).area == 100
    assert Geometry.from_box((0, 0, 4, 5)).area == 20


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (square(10, 10, 20), square(10, 10, 20), 1.0),
        (square(10, 10, 20), square(20, 10, 20), 1 / 3),
        (square(10, 10, 20), square(50, 10, 20), 0.0),
        (square(-10, -10, 20), square(-10, -10, 20), 1.0),
        (square(10, 10, 20), mask_of(10, 10, 20), 1.0),
        (mask_of(10, 10, 20), mask_of(20, 10, 20), 1 / 3),
        (square(10, 10, 20, ring(15, 15, 10)), square(10, 10, 20), 0.75),
        (Geometry.from_box((10, 10, 30, 30)), square(20, 10, 20), 1 / 3),
        (Geometry.from_box((1, 1, 1, 1)), Geometry.from_box((1, 1, 1, 1)), 0.0),
    ],
)
def test_iou(first: Geometry, second: Geometry, expected: float) -> None:
    assert iou(first, second) == pytest.approx(expected)
    assert iou(second, first) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Geometry.from_parts([]), "at least one part"),
        (lambda: Geometry.from_parts([Part(np.zeros((2, 2)))]), "at least 3"),
        (lambda: Geometry.from_parts([Part(ring(0, 0, np.nan))]), "coordinates"),
        (lambda: Geometry.from_parts([Part(ring(MAX_COORDINATE, 0, 1))]), "coordinates"),
        (lambda: Geometry.from_mask({"size": [2, 2], "counts": "4"}), "at least one pixel"),
        (lambda: Geometry.from_mask({"size": [2, 2], "counts": "9"}), "add up"),
        (lambda: Geometry.from_box((3, 0, 1, 1)), "x1 <= x2"),
        (lambda: Geometry.from_box((0, 0, 1, float("inf"))), "four numbers"),
        (lambda: mask_of(0, 0, 5).to_mask((5, 5)), "another|size"),
    ],
)
def test_impossible_geometries_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
