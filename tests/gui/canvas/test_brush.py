from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.project.geometry import Geometry
from zsi_core.instances import rle

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def brush(canvas):
    canvas.set_tool("brush")
    canvas.set_brush_size(21)
    return canvas


def pixels(canvas, uuid):
    return rle.decode(canvas.objects[uuid].geometry.mask)


def test_a_dab_is_a_disc(brush, hand, editor):
    hand.click(100, 100)
    assert editor.calls == [("add", "brush")] and brush.selection == ("new1",)
    mask = pixels(brush, "new1")
    assert mask.sum() == pytest.approx(np.pi * 10.5**2, rel=0.05)
    assert mask[100, 100] and mask[100, 92] and not mask[91, 91] and not mask[100, 112]


def test_a_stroke_has_no_gaps_and_adds_to_the_selected_object(brush, hand, editor):
    hand.drag((100, 100), (200, 100))
    assert pixels(brush, "new1")[100, 100:200].all()
    hand.drag((150, 100), (150, 200))
    assert [call[:2] for call in editor.calls] == [("add", "brush"), ("replace", "brush")]
    mask = pixels(brush, "new1")
    assert mask[100, 100:200].all() and mask[100:200, 150].all()


def test_escape_deselects_so_that_the_next_stroke_is_a_new_object(brush, hand):
    hand.click(100, 100)
    hand.key(Qt.Key.Key_Escape)
    hand.click(200, 200)
    assert set(brush.objects) == {"new1", "new2"}


def test_escape_drops_a_stroke(brush, hand, editor):
    hand.press(100, 100)
    hand.drag_to(150, 150)
    hand.key(Qt.Key.Key_Escape)
    hand.release(150, 150)
    assert editor.calls == [] and not brush.drawing


def test_brushing_a_polygon_keeps_its_pixels_exactly(brush, hand, make, editor):
    brush.set_objects([make.thing("a", make.square(50, 60, 150, 160))])
    brush.select(["a"])
    hand.click(150, 100)
    mask = pixels(brush, "a")
    expected = np.zeros((300, 400), bool)
    expected[60:160, 50:150] = True
    assert (mask >= expected).all() and mask[100, 155] and mask.sum() > expected.sum()
    assert (mask[:, :130] == expected[:, :130]).all()


@pytest.mark.parametrize(("tool", "modifiers"), [("eraser", Qt.KeyboardModifier.NoModifier), ("brush", CTRL)])
def test_erasing(brush, hand, make, editor, tool, modifiers):
    brush.set_tool(tool)
    brush.set_objects([make.thing("m", make.mask(50, 60, 150, 160))])
    brush.select(["m"])
    hand.drag((100, 100), (120, 100), modifiers=modifiers)
    assert editor.calls == [("replace", "eraser", ("m",))]
    mask = pixels(brush, "m")
    assert not mask[100, 95:125].any() and mask[60:80, 50:150].all() and not mask[:, :50].any()
    assert len(brush.objects["m"].geometry.parts[0].holes) == 1


def test_erasing_everything_deletes_the_object(brush, hand, make, editor):
    brush.set_tool("eraser")
    brush.set_objects([make.thing("m", make.mask(95, 95, 105, 105))])
    brush.select(["m"])
    hand.click(100, 100)
    assert editor.calls == [("delete", ("m",))] and brush.objects == {}


def test_what_may_not_be_painted_says_why(brush, hand, make, editor):
    said = []
    brush.message.connect(said.append)
    brush.set_objects([make.thing("l", make.mask(50, 60, 150, 160), locked=True)])
    hand.click(20, 20, CTRL)
    brush.select(["l"])
    hand.click(100, 100)
    assert "erase" in said[0] and "locked" in said[1]
    assert editor.calls == []


def test_sizes_change_in_steps_and_are_told(brush):
    told = []
    brush.brush_size_changed.connect(told.append)
    for step in (1, 1, -1, -1):
        brush.change_brush_size(step)
    assert told == [25, 30, 24, 20]
    brush.set_brush_size(1)
    brush.change_brush_size(-1)
    assert brush.brush_size == 1
    for _ in range(60):
        brush.change_brush_size(1)
    assert brush.brush_size == 500


def test_a_brush_of_one_pixel_paints_one(brush, hand):
    brush.set_brush_size(1)
    brush.zoom_to(16)
    x, y = brush.viewport.to_image(brush.rect().center().toPointF())
    hand.click(int(x) + 0.5, int(y) + 0.5)
    mask = pixels(brush, "new1")
    assert mask.sum() == 1 and mask[int(y), int(x)]


def test_painting_over_the_border_is_cut_off(brush, hand):
    brush.zoom_to(1)
    hand.drag((-5, 150), (20, 150), (20, 320))
    assert brush.objects["new1"].geometry.box[0] == 0 and brush.objects["new1"].geometry.box[3] == 300


def test_panning_amid_a_stroke(brush, hand, editor):
    hand.press(100, 100)
    hand.drag_to(120, 100)
    QTest.mousePress(brush, Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier, hand.place(200, 200))
    hand.drag_to(230, 210, button=Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton)
    QTest.mouseRelease(
        brush, Qt.MouseButton.MiddleButton, Qt.KeyboardModifier.NoModifier, hand.place(200, 200)
    )
    hand.drag_to(140, 100)
    hand.release(140, 100)
    mask = pixels(brush, "new1")
    assert mask[100, 100:140].all() and not mask[180:].any()


def test_the_pixels_are_on_screen_while_they_are_painted(brush, hand):
    def red_at(x, y):
        return brush.grab().toImage().pixelColor(hand.place(x, y)).red()

    before = red_at(140, 100)
    hand.press(100, 100)
    hand.drag_to(160, 100)
    assert red_at(140, 100) > before + 40
    hand.key(Qt.Key.Key_Escape)
    assert red_at(140, 100) == before


def test_the_shape_of_the_object_is_kept_while_it_has_not_been_touched(brush, hand, make):
    geometry = Geometry.from_box((50, 50, 100, 100))
    brush.set_objects([make.thing("b", geometry)])
    brush.select(["b"])
    hand.click(75, 75)
    assert pixels(brush, "b").sum() == 2500


def test_a_mask_of_an_image_that_had_another_size(brush, hand, make):
    brush.set_objects([make.thing("m", make.mask(350, 250, 500, 400, size=(600, 500)))])
    brush.select(["m"])
    hand.click(100, 100)
    mask = pixels(brush, "m")
    assert mask.shape == (300, 400) and mask[250:, 350:].all() and mask[100, 100]
