"""Masks <-> polygons: exact when traced, within a pixel when drawn or simplified, holes and parts kept."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from zsi_core.instances import rle
from zsi_core.instances.polygons import (
    MAX_OUTLINE,
    Part,
    from_shapely,
    rasterise,
    rasterise_rings,
    simplify,
    to_shapely,
    trace,
)

# The shapes of small masks hold every way in which pixels can meet.
masks = st.one_of(
    arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=4)),
    arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=14)),
)


def ring(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, dtype=np.float64)


def square(x: float, y: float, side: float) -> np.ndarray:
    return ring((x, y), (x + side, y), (x + side, y + side), (x, y + side))


def blobs(seed: int, size: int = 80) -> np.ndarray:
    """(size, size) bool mask of a few round pieces with holes and ragged edges."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(size, size)), (0, 0), rng.uniform(2, 5))
    return noise > rng.uniform(-0.5, 0.8) * noise.std()


def farthest_difference(a: np.ndarray, b: np.ndarray, outline: shapely.Geometry) -> float:
    """Largest distance from the outline of the centre of a pixel in which two masks differ, or 0."""
    rows, columns = np.nonzero(a != b)
    return max(shapely.distance(outline, shapely.points(columns + 0.5, rows + 0.5)), default=0.0)


@settings(max_examples=300)
@given(masks)
def test_traced_outline_is_exact(mask: np.ndarray) -> None:
    compressed = rle.encode(mask)
    assert rasterise(trace(compressed), mask.shape) == compressed


@settings(max_examples=300)
@given(masks)
def test_traced_outline_is_valid_geometry(mask: np.ndarray) -> None:
    parts = trace(rle.encode(mask))
    geometry = to_shapely(parts)
    assert geometry.is_valid, shapely.is_valid_reason(geometry)
    assert geometry.area == mask.sum()
    # One component is the background.
    assert len(parts) == cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1
    for part in parts:
        assert shapely.LinearRing(part.outer).is_simple
        for hole in part.holes:
            assert shapely.LinearRing(hole).is_simple
            assert shapely.Polygon(part.outer).covers(shapely.Polygon(hole))


@given(masks)
def test_traced_rings_hold_corners_only_and_run_the_same_way(mask: np.ndarray) -> None:
    for part in trace(rle.encode(mask)):
        for points, is_hole in ((part.outer, False), *((hole, True) for hole in part.holes)):
            steps = np.roll(points, -1, axis=0) - points
            assert ((steps == 0).sum(axis=1) == 1).all()
            assert ((steps[:, 0] == 0) != (np.roll(steps, -1, axis=0)[:, 0] == 0)).all()
            # shapely's y axis points up, so clockwise on screen is counter-clockwise there.
            assert shapely.LinearRing(points).is_ccw != is_hole


def test_square_of_100_pixels() -> None:
    mask = np.zeros((200, 200), bool)
    mask[50:150, 20:120] = True
    [part] = trace(rle.encode(mask))
    assert part.outer.tolist() == [[20, 50], [120, 50], [120, 150], [20, 150]]
    assert part.holes == ()
    assert rle.areas([rasterise([part], (200, 200))]) == [10_000]


def test_hole_stays_a_hole() -> None:
    part = Part(square(5, 5, 40), (square(15, 15, 20),))
    drawn = rasterise([part], (50, 50))
    assert rle.areas([drawn]) == [1200]
    [traced] = trace(drawn)
    assert len(traced.holes) == 1
    assert shapely.Polygon(traced.holes[0]).equals(shapely.Polygon(part.holes[0]))


def test_island_in_a_hole_and_its_own_hole_find_their_owners() -> None:
    nested = [Part(square(0, 0, 90), (square(10, 10, 70),)), Part(square(20, 20, 50), (square(30, 30, 30),))]
    traced = trace(rasterise(nested, (90, 90)))
    assert [len(part.holes) for part in traced] == [1, 1]
    assert to_shapely(traced).equals(to_shapely(nested))


def test_pixels_that_touch_at_a_corner_are_two_parts() -> None:
    assert len(trace(rle.encode(np.eye(2, dtype=bool)))) == 2


def test_outline_that_touches_itself_becomes_a_hole() -> None:
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    [part] = trace(rle.encode(mask))
    assert len(part.holes) == 1


def test_empty_and_full_masks() -> None:
    assert trace(rle.encode(np.zeros((4, 6), bool))) == []
    assert rle.areas([rasterise([], (4, 6))]) == [0]
    [part] = trace(rle.encode(np.ones((4, 6), bool)))
    assert part.outer.tolist() == [[0, 0], [6, 0], [6, 4], [0, 4]]


def test_parts_that_overlap_count_once() -> None:
    assert rle.areas([rasterise([Part(square(0, 0, 10)), Part(square(5, 0, 10))], (10, 20))]) == [150]


def test_a_part_in_the_hole_of_another_is_kept() -> None:
    parts = [Part(square(0, 0, 30), (square(5, 5, 20),)), Part(square(10, 10, 10))]
    assert rle.areas([rasterise(parts, (30, 30))]) == [900 - 400 + 100]


def test_what_lies_outside_of_the_image_is_cut_off() -> None:
    assert rle.areas([rasterise([Part(square(-50, -50, 60))], (20, 20))]) == [100]
    assert rle.areas([rasterise([Part(square(15, 15, 1000))], (20, 20))]) == [25]
    assert rle.areas([rasterise([Part(square(5000, 5000, 10))], (20, 20))]) == [0]


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.floats(0.5, 4))
def test_simplified_outline_stays_within_its_tolerance(seed: int, tolerance: float) -> None:
    mask = blobs(seed)
    parts = trace(rle.encode(mask))
    simple = simplify(parts, tolerance)
    assert len(simple) == len(parts)
    assert sum(len(part.holes) for part in simple) == sum(len(part.holes) for part in parts)
    assert sum(len(part.outer) for part in simple) <= sum(len(part.outer) for part in parts)
    redrawn = rle.decode(rasterise(simple, mask.shape))
    assert farthest_difference(mask, redrawn, to_shapely(parts).boundary) <= tolerance + 1


def test_simplify_removes_points() -> None:
    rows, columns = np.mgrid[:100, :100]
    disc = trace(rle.encode((rows - 50) ** 2 + (columns - 50) ** 2 < 40**2))
    assert len(simplify(disc, 1.0)[0].outer) < len(disc[0].outer) / 3
    assert simplify([], 1.0) == []
    with pytest.raises(ValueError, match="at least 0 px, but got -1"):
        simplify(disc, -1)
    with pytest.raises(ValueError, match="at least 0 px, but got nan"):
        simplify(disc, float("nan"))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1), st.integers(3, 12))
def test_drawn_polygon_survives_rasterising_and_tracing(seed: int, dx: float, dy: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    radii = rng.uniform(8, 35, n)
    drawn = np.stack([40 + dx + radii * np.cos(angles), 40 + dy + radii * np.sin(angles)], axis=1)
    compressed = rasterise([Part(drawn)], (80, 80))
    expected = pixels_inside(drawn, (80, 80))
    assert farthest_difference(rle.decode(compressed), expected, shapely.LinearRing(drawn)) <= 1
    assert rasterise(trace(compressed), (80, 80)) == compressed


def pixels_inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: pixel centres inside a ring filled by the even-odd rule."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    inside = np.zeros(size, bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 != y2:
            crosses = (y1 <= rows) != (y2 <= rows)
            inside ^= crosses & (columns < x1 + (rows - y1) * (x2 - x1) / (y2 - y1))
    return inside


def test_shapely_round_trip() -> None:
    parts = [Part(square(0, 0, 30), (square(5, 5, 20),)), Part(square(10, 10, 10))]
    again = from_shapely(to_shapely(parts))
    assert to_shapely(again).equals(to_shapely(parts))
    assert len(again[0].outer) == 4


def test_shapely_collections_keep_their_polygons() -> None:
    polygon, line = shapely.box(0, 0, 2, 2), shapely.LineString([(0, 0), (9, 9)])
    nested = shapely.GeometryCollection([line, shapely.MultiPolygon([polygon]), shapely.Point(1, 1)])
    assert len(from_shapely(nested)) == 1
    assert len(from_shapely(polygon)) == 1
    assert from_shapely(shapely.Polygon()) == []


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (ring((0, 0), (5, 5)), "P at least 3"),
        (np.zeros((4, 3)), r"must have shape \(P, 2\)"),
        (np.zeros(8), r"must have shape \(P, 2\)"),
        (ring((0, 0), (5, np.nan), (5, 5)), "must be numbers between"),
        (ring((0, 0), (5, np.inf), (5, 5)), "must be numbers between"),
        (ring((0, 0), (5, 1e12), (5, 5)), "must be numbers between"),
        (np.tile(ring((0, 0), (MAX_OUTLINE / 8, 5)), (10, 1)), "at most 4000000 pixels long"),
    ],
)
def test_rings_that_would_crash_or_exhaust_memory_are_refused(points: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rasterise_rings([square(0, 0, 2), points], (10, 10))


def test_image_too_large_for_pycocotools_is_refused() -> None:
    with pytest.raises(ValueError, match="pixels at most"):
        rasterise_rings([square(0, 0, 2)], (10**6, 10**6))
