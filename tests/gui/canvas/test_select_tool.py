from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.project.geometry import Geometry
from zsi_core.instances.polygons import Part, to_shapely

CTRL, ALT, SHIFT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


@pytest.fixture
def nested(canvas, make):
    """A large square, a middle one in it, a small one in that, added in an unhelpful order."""
    objects = [
        make.thing("small", make.square(140, 140, 160, 160)),
        make.thing("large", make.square(50, 50, 250, 250)),
        make.thing("middle", make.square(100, 100, 200, 200)),
    ]
    canvas.set_objects(objects)
    return canvas


def outer(canvas, uuid):
    return canvas.objects[uuid].geometry.polygons[0].outer


def test_the_smallest_object_under_the_cursor_wins(nested, hand):
    for place, uuid in (((150, 150), "small"), ((110, 110), "middle"), ((60, 60), "large")):
        hand.click(*place)
        assert nested.selection == (uuid,)
    hand.click(300, 20)
    assert nested.selection == ()


def test_a_hole_is_not_inside(canvas, hand, make):
    ring = make.square(50, 50, 250, 250).polygons[0].outer
    hole = make.square(100, 100, 200, 200).polygons[0].outer
    canvas.set_objects([make.thing("ring", Geometry.from_parts([Part(ring, (hole,))]))])
    hand.click(150, 150)
    assert canvas.selection == ()
    hand.click(60, 60)
    assert canvas.selection == ("ring",)


def test_hidden_rejected_and_unwanted_proposals_are_not_picked(nested, hand, make):
    nested.update_objects([make.thing("small", make.square(140, 140, 160, 160), hidden=True)])
    hand.click(150, 150)
    assert nested.selection == ("middle",)
    nested.update_objects([make.thing("middle", make.square(100, 100, 200, 200), state="rejected")])
    hand.click(150, 150)
    assert nested.selection == ("large",)


def test_ctrl_click_adds_and_takes_away(nested, hand):
    told = []
    nested.selection_changed.connect(told.append)
    hand.click(60, 60)
    hand.click(150, 150, CTRL)
    hand.click(60, 60, CTRL)
    assert told == [("large",), ("large", "small"), ("small",)]


def test_tab_cycles_what_is_under_the_cursor_and_else_everything(nested, hand):
    hand.move(150, 150)
    found = []
    for _ in range(4):
        nested.cycle()
        found.append(*nested.selection)
    assert found == ["small", "middle", "large", "small"]
    nested.cycle(-1)
    assert nested.selection == ("large",)
    nested.select(())
    hand.move(390, 290)
    nested.cycle()
    assert nested.selection == ("small",), "the first of all"


def test_hovering_is_told(nested, hand):
    told = []
    nested.hovered_changed.connect(told.append)
    hand.move(150, 150)
    hand.move(151, 151)
    hand.move(390, 290)
    assert told == ["small", None]


def test_a_drag_moves_what_was_selected(nested, hand, editor):
    hand.click(150, 150)
    hand.drag((150, 150), (180, 140))
    assert editor.calls == [("replace", "move", ("small",))]
    np.testing.assert_allclose(outer(nested, "small")[0], (170, 130), atol=1)
    assert np.ptp(outer(nested, "small"), axis=0).tolist() == [20, 20]


def test_several_move_together_and_stop_at_the_border(nested, hand):
    nested.select(["small", "middle"])
    hand.drag((150, 150), (399, 150))
    assert nested.objects["middle"].geometry.box[2] == 400
    assert nested.objects["small"].geometry.box[0] == 340


def test_a_mask_moves_by_whole_pixels_and_stays_the_same(canvas, hand, make):
    canvas.set_objects([make.thing("m", make.mask(50, 60, 120, 90))])
    canvas.select(["m"])
    hand.drag((80, 70), (100.6, 80.4))
    geometry = canvas.objects["m"].geometry
    x1, y1 = (int(side) for side in geometry.box[:2])
    assert (x1, y1) == pytest.approx((70, 70), abs=1)
    assert geometry.mask == make.mask(x1, y1, x1 + 70, y1 + 30).mask


def test_a_drag_that_starts_elsewhere_selects_and_moves_nothing(nested, hand, editor):
    hand.drag((20, 20), (210, 210))
    assert nested.selection == ("small", "middle")
    nested.select(())
    hand.drag((60, 60), (260, 260))  # inside "large", which is not selected
    assert nested.selection == ("small", "middle")
    assert editor.calls == []


def test_escape_ends_a_drag_and_then_deselects(nested, hand, editor):
    hand.click(150, 150)
    hand.press(150, 150)
    hand.drag_to(200, 200)
    assert nested.drawing
    hand.key(Qt.Key.Key_Escape)
    hand.release(200, 200)
    assert editor.calls == [] and nested.objects["small"].geometry.box == (140, 140, 160, 160)
    nested.select(["small"])
    hand.key(Qt.Key.Key_Escape)
    assert nested.selection == ()


def test_locked_objects_are_selected_and_not_changed(canvas, hand, make, editor):
    canvas.set_objects([make.thing("l", make.square(50, 50, 150, 150), locked=True)])
    said = []
    canvas.message.connect(said.append)
    hand.click(100, 100)
    hand.drag((100, 100), (150, 120))
    hand.drag((50, 50), (20, 20))
    hand.key(Qt.Key.Key_Left)
    assert canvas.selection in (("l",), ()) and editor.calls == []
    assert any("locked" in text for text in said)


def test_a_point_is_dragged(canvas, hand, make, editor):
    canvas.set_objects([make.thing("a", make.square(50, 50, 150, 150))])
    canvas.select(["a"])
    hand.drag((150, 150), (180, 170))
    assert editor.calls == [("replace", "reshape", ("a",))]
    np.testing.assert_allclose(outer(canvas, "a"), [(50, 50), (150, 50), (180, 170), (50, 150)], atol=1)


def test_a_drag_on_an_edge_inserts_a_point(canvas, hand, make):
    canvas.set_objects([make.thing("a", make.square(50, 50, 150, 150))])
    canvas.select(["a"])
    hand.drag((100, 50), (100, 20))
    assert len(outer(canvas, "a")) == 5
    np.testing.assert_allclose(outer(canvas, "a")[1], (100, 20), atol=1)


def test_alt_click_inserts_and_deletes_points(canvas, hand, make, editor):
    canvas.set_objects([make.thing("a", make.square(50, 50, 150, 150))])
    canvas.select(["a"])
    hand.click(100, 50, ALT)
    assert len(outer(canvas, "a")) == 5
    hand.click(150, 150, ALT)
    assert outer(canvas, "a")[3].tolist() == [50, 150]
    hand.click(100, 50, ALT)
    assert len(outer(canvas, "a")) == 3
    hand.click(50, 50, ALT)  # nothing would be left
    assert len(outer(canvas, "a")) == 3 and len(editor.calls) == 3


def test_points_stay_inside_the_image_and_polygons_valid(canvas, hand, make):
    canvas.set_objects([make.thing("a", make.square(50, 50, 150, 150))])
    canvas.select(["a"])
    hand.drag((50, 50), (-30, -20))
    assert canvas.objects["a"].geometry.box == (0, 0, 150, 150)
    hand.drag((0, 0), (250, 100))  # across the opposite edge: it crosses itself
    assert to_shapely(canvas.objects["a"].geometry.polygons).is_valid


def test_the_corner_of_a_box_is_dragged(canvas, hand, make):
    canvas.set_objects([make.thing("b", Geometry.from_box((50, 50, 150, 150)))])
    canvas.select(["b"])
    hand.drag((150, 150), (200, 180))
    assert canvas.objects["b"].geometry.is_box
    assert canvas.objects["b"].geometry.box == pytest.approx((50, 50, 200, 180), abs=1)


def test_a_double_click_turns_a_mask_into_a_polygon(canvas, hand, make, editor):
    canvas.set_objects([make.thing("m", make.mask(50, 60, 120, 90))])
    hand.double_click(80, 70)
    assert editor.calls == [("replace", "simplify", ("m",))]
    assert canvas.objects["m"].geometry.polygons and canvas.objects["m"].geometry.area == 70 * 30


def test_arrows_nudge_and_are_one_step(canvas, hand, make, editor):
    canvas.set_objects([make.thing("a", make.square(50, 50, 150, 150))])
    canvas.select(["a"])
    for _ in range(3):
        QTest.keyPress(canvas, Qt.Key.Key_Right)
    QTest.keyPress(canvas, Qt.Key.Key_Up, SHIFT)
    assert editor.calls == []
    QTest.keyRelease(canvas, Qt.Key.Key_Right)
    assert editor.calls == [("replace", "nudge", ("a",))]
    assert canvas.objects["a"].geometry.box == (53, 40, 153, 140)


def test_objects_that_disappear_take_their_gesture_along(canvas, hand, make, editor):
    canvas.set_objects([make.thing("a", make.square(50, 50, 150, 150))])
    canvas.select(["a"])
    hand.press(100, 100)
    hand.drag_to(130, 130)
    canvas.remove_objects(["a"])
    hand.drag_to(140, 140)
    hand.release(140, 140)
    canvas.grab()
    assert editor.calls == [] and canvas.selection == ()
