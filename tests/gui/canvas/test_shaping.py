from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from app.canvas import shaping
from app.project.geometry import Geometry
from zsi_core.instances import rle
from zsi_core.instances.polygons import Part, to_shapely

SIZE = (40, 30)
points = st.lists(st.tuples(st.floats(-10, 50), st.floats(-10, 40)), min_size=0, max_size=9)


@settings(max_examples=60, deadline=None)
@given(points)
def test_whatever_is_drawn_is_valid_inside_and_covers_a_pixel(ring):
    geometry = shaping.polygon(ring, SIZE)
    if geometry is None:
        return
    shape = to_shapely(geometry.polygons)
    assert shape.is_valid
    assert shapely.box(0, 0, *SIZE).covers(shape)
    assert rle.areas([shaping.as_mask(geometry, SIZE)])[0] >= 1
    again = shaping.from_parts(geometry.polygons, SIZE)
    assert all((a.outer == b.outer).all() for a, b in zip(geometry.polygons, again.polygons, strict=True))


def test_a_sound_polygon_stays_untouched():
    ring = np.array([(3.25, 4.5), (20, 4.5), (20, 20), (3.25, 20)])
    assert (shaping.polygon(ring, SIZE).polygons[0].outer == ring).all()


@pytest.mark.parametrize(
    "ring", [[], [(1, 1)], [(1, 1), (9, 9)], [(1, 1), (9, 1), (5, 1)], [(1.1, 1.1), (1.2, 1.1), (1.2, 1.2)]]
)
def test_nothing_of_zero_area_is_made(ring):
    assert shaping.polygon(ring, SIZE) is None


def test_parts_that_overlap_are_joined():
    parts = [Part(np.array([(0, 0), (10, 0), (10, 10), (0, 10.0)]) + offset) for offset in (0, 5)]
    geometry = shaping.from_parts(parts, SIZE)
    assert len(geometry.polygons) == 1 and geometry.area == 175


def test_the_last_point_but_two_takes_the_ring_along():
    outer = np.array([(0, 0), (20, 0), (20, 20), (0, 20.0)])
    hole = np.array([(5, 5), (5, 10), (10, 10.0)])
    geometry = Geometry.from_parts([Part(outer, (hole,))])
    without = shaping.without_point(geometry, (0, 1, 2))
    assert without.polygons[0].holes == () and without.area == 400
    triangle = shaping.without_point(without, (0, 0, 0))
    assert len(triangle.polygons[0].outer) == 3
    assert shaping.without_point(triangle, (0, 0, 0)) is None
