from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.canvas.tools import TOOLS
from zsi_core.instances.polygons import to_shapely

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
TRIANGLE = ((50, 50), (150, 50), (150, 150))


@pytest.fixture
def polygon(canvas):
    canvas.set_tool("polygon")
    return canvas


def only(canvas):
    (object_,) = canvas.objects.values()
    return object_.geometry


@pytest.mark.parametrize("tool", TOOLS)
def test_escape_selects_nothing_with_any_tool(canvas, hand, make, tool):
    canvas.set_objects([make.thing("a", make.square(50, 50, 90, 90))])
    canvas.set_tool(tool)
    canvas.select(["a"])
    hand.key(Qt.Key.Key_Escape)
    assert canvas.selection == () and canvas.tool == tool
    assert not canvas.active_tool.wants_key(Qt.Key.Key_Escape)


def test_escape_drops_a_shape_first_and_leaves_the_selection(polygon, hand, make):
    polygon.set_objects([make.thing("a", make.square(250, 50, 290, 90))])
    polygon.select(["a"])
    hand.click(50, 50)
    hand.key(Qt.Key.Key_Escape)
    assert not polygon.drawing and polygon.selection == ("a",)


def test_a_click_near_the_first_point_closes(polygon, hand, editor):
    for place in TRIANGLE:
        hand.click(*place)
    assert polygon.drawing and editor.calls == []
    hand.click(52, 52)
    assert not polygon.drawing and editor.calls == [("add", "polygon")]
    np.testing.assert_allclose(only(polygon).polygons[0].outer, TRIANGLE, atol=1)
    assert polygon.selection == ("new1",)


def test_enter_closes(polygon, hand):
    for place in TRIANGLE:
        hand.click(*place)
    hand.key(Qt.Key.Key_Return)
    assert only(polygon).area == pytest.approx(5000, rel=0.03)


def test_a_double_click_closes_and_sets_one_point(polygon, hand):
    hand.click(50, 50)
    hand.click(150, 50)
    hand.double_click(150, 150)
    assert len(only(polygon).polygons[0].outer) == 3


def test_backspace_takes_the_last_point_back(polygon, hand):
    for place in (*TRIANGLE, (300, 200)):
        hand.click(*place)
    hand.key(Qt.Key.Key_Backspace)
    hand.key(Qt.Key.Key_Enter)
    assert len(only(polygon).polygons[0].outer) == 3


def test_escape_drops_it(polygon, hand, editor):
    for place in TRIANGLE:
        hand.click(*place)
    hand.key(Qt.Key.Key_Escape)
    assert not polygon.drawing
    hand.key(Qt.Key.Key_Return)
    assert editor.calls == []


def test_two_points_are_no_polygon(polygon, hand, editor):
    said = []
    polygon.message.connect(said.append)
    hand.click(50, 50)
    hand.click(100, 50)
    hand.key(Qt.Key.Key_Return)
    assert editor.calls == [] and polygon.drawing and "three points" in said[-1]


@pytest.mark.parametrize("towards", [(150, 57), (145, 155), (44, 150), (-30, 62), (60, -90), (150, -50)])
def test_shift_snaps_to_45_degrees_inside_the_image(polygon, hand, towards):
    hand.click(50, 50)
    hand.click(*towards, SHIFT)
    hand.click(280, 140)
    hand.key(Qt.Key.Key_Return)
    ring = polygon.objects["new1"].geometry.polygons[0].outer
    assert len(ring) == 3
    dx, dy = ring[1] - ring[0]
    assert min(abs(dx), abs(dy), abs(abs(dx) - abs(dy))) < 0.02 and max(abs(dx), abs(dy)) > 40
    assert (ring >= 0).all() and (ring <= (400, 300)).all()


def test_a_ring_that_crosses_itself_becomes_valid(polygon, hand):
    for place in ((50, 50), (150, 150), (150, 50), (50, 150)):
        hand.click(*place)
    hand.key(Qt.Key.Key_Return)
    geometry = only(polygon)
    assert to_shapely(geometry.polygons).is_valid and len(geometry.polygons) == 2
    assert geometry.area == pytest.approx(5000, rel=0.03)


def test_points_outside_are_moved_to_the_border(polygon, hand):
    polygon.zoom_to(1)
    for place in ((-40, -40), (500, -40), (200, 100)):
        hand.click(*place)
    hand.key(Qt.Key.Key_Return)
    assert only(polygon).box == pytest.approx((0, 0, 400, 100), abs=1)


def test_a_polygon_without_area_is_not_made(polygon, hand, editor):
    for place in ((50, 50), (150, 50), (100, 50)):
        hand.click(*place)
    hand.key(Qt.Key.Key_Return)
    assert editor.calls == []


def test_other_objects_may_change_while_a_polygon_is_drawn(polygon, hand, make):
    hand.click(50, 50)
    hand.click(150, 50)
    polygon.set_objects([make.thing("p", make.square(0, 0, 20, 20), state="proposed")])
    hand.click(150, 150)
    hand.key(Qt.Key.Key_Return)
    assert set(polygon.objects) == {"p", "new1"}


def test_another_tool_or_image_drops_it(polygon, hand, editor):
    hand.click(50, 50)
    polygon.set_tool("select")
    polygon.set_tool("polygon")
    assert not polygon.drawing


def test_a_rectangle(canvas, hand, editor):
    canvas.set_tool("rectangle")
    hand.drag((150, 150), (50, 80))
    assert editor.calls == [("add", "rectangle")]
    assert only(canvas).box == pytest.approx((50, 80, 150, 150), abs=1)


def test_a_rectangle_is_cut_off_at_the_border_and_square_with_shift(canvas, hand):
    canvas.set_tool("rectangle")
    hand.drag((350, 250), (399, 330), modifiers=SHIFT)
    x1, y1, x2, y2 = only(canvas).box
    assert x2 - x1 == pytest.approx(y2 - y1, abs=0.02) and y2 <= 300 and x2 - x1 > 40


def test_a_click_makes_no_rectangle(canvas, hand, editor):
    said = []
    canvas.message.connect(said.append)
    canvas.set_tool("rectangle")
    hand.click(100, 100)
    assert editor.calls == [] and "corner" in said[-1]


def test_an_unknown_tool_is_an_error(canvas):
    with pytest.raises(KeyError):
        canvas.set_tool("hammer")
