"""Click-to-mask and box-to-mask on a real canvas; the model's answers are given by the test."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt

from app.canvas.suggestions import Suggestion

SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
KEY = Qt.Key


@pytest.fixture
def answer(canvas, editor, make):
    """Answers the last question with masks of these boxes."""

    def give(*boxes: tuple[int, int, int, int], name: str = "cat") -> None:
        found = [Suggestion(make.mask(*box).mask, name, 0.8, {"model": "m", "name": name}) for box in boxes]
        editor.asked[-1](found)

    return give


@pytest.fixture
def said(canvas) -> list[str]:
    texts: list[str] = []
    canvas.message.connect(texts.append)
    return texts


def only(canvas: Any) -> Any:
    (object_,) = canvas.objects.values()
    return object_.geometry


def test_a_click_asks_and_a_second_click_takes(canvas, hand, editor, answer, said):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    (call,) = editor.calls
    assert call == ("segment_point", pytest.approx(120, abs=1), pytest.approx(130, abs=1))
    assert canvas.drawing and not canvas.objects
    answer((100, 100, 160, 160))
    assert "cat 0.80" in said[-1] and not canvas.objects, "nothing is written before it is taken"
    hand.click(150, 150)
    assert editor.calls[1:] == [("add_found", "click_to_mask", "cat")]
    assert only(canvas).box == (100, 100, 160, 160)
    assert list(canvas.selection) == list(canvas.objects) and not canvas.drawing


def test_a_click_elsewhere_begins_anew(canvas, hand, editor, answer):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    answer((100, 100, 160, 160))
    hand.click(300, 200)
    answer((280, 180, 320, 220))
    hand.key(KEY.Key_Return)
    assert only(canvas).box == (280, 180, 320, 220)


def test_a_double_click_takes_what_is_found(canvas, hand, editor, answer):
    canvas.set_tool("click_to_mask")
    hand.double_click(120, 130)
    assert [call[0] for call in editor.calls] == ["segment_point"]
    answer((100, 100, 160, 160))
    assert only(canvas).box == (100, 100, 160, 160)


def test_shift_adds_and_alt_takes_away(canvas, hand, answer):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    answer((100, 100, 160, 160))
    hand.click(180, 130, SHIFT)
    answer((160, 100, 200, 160))
    hand.click(110, 130, ALT)
    answer((100, 100, 120, 160))
    hand.key(KEY.Key_Enter)
    assert only(canvas).box == (120, 100, 200, 160)
    assert only(canvas).area == 80 * 60


def test_clicks_that_change_wait_for_their_turn(canvas, hand, editor, answer):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    hand.click(180, 130, SHIFT)
    hand.click(110, 130, ALT)
    hand.key(KEY.Key_Return)
    assert len(editor.calls) == 1, "one question at a time"
    answer((100, 100, 160, 160))
    answer((160, 100, 200, 160))
    assert not canvas.objects
    answer((100, 100, 120, 160))
    assert [call[0] for call in editor.calls] == ["segment_point"] * 3 + ["add_found"]
    assert only(canvas).box == (120, 100, 200, 160)


def test_another_click_ends_the_question_before(canvas, hand, editor, answer):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    hand.click(300, 200)
    assert [call[0] for call in editor.calls] == ["segment_point", "stop_segmenting", "segment_point"]
    answer((280, 180, 320, 220))
    hand.key(KEY.Key_Return)
    assert only(canvas).box == (280, 180, 320, 220)


def test_tab_shows_the_next_candidate_of_the_last_click(canvas, hand, answer, said):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    answer((100, 100, 160, 160), (90, 90, 200, 200))
    assert "1 of 2" in said[-1]
    hand.key(KEY.Key_Tab)
    assert "2 of 2" in said[-1] and canvas.hasFocus()
    hand.key(KEY.Key_Return)
    assert only(canvas).box == (90, 90, 200, 200)


def test_escape_drops_what_is_shown_and_what_was_asked(canvas, hand, editor, answer):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    hand.key(KEY.Key_Escape)
    assert editor.calls[-1] == ("stop_segmenting",) and not canvas.drawing
    hand.click(120, 130)
    answer((100, 100, 160, 160))
    hand.key(KEY.Key_Escape)
    hand.key(KEY.Key_Return)
    assert not canvas.drawing and not canvas.objects


def test_nothing_found_leaves_what_was_shown(canvas, hand, answer):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    answer()
    assert not canvas.drawing
    hand.click(120, 130)
    answer((100, 100, 160, 160))
    hand.click(300, 200, SHIFT)
    answer()
    hand.key(KEY.Key_Return)
    assert only(canvas).box == (100, 100, 160, 160)


def test_taking_everything_away_leaves_nothing_to_take(canvas, hand, answer, said):
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    answer((100, 100, 160, 160))
    hand.click(120, 130, ALT)
    answer((90, 90, 170, 170))
    hand.key(KEY.Key_Return)
    assert "No pixel is left" in said[-1] and canvas.drawing
    hand.key(KEY.Key_Escape)
    assert not canvas.objects


def test_the_selected_object_is_added_to_and_taken_from(canvas, hand, editor, answer, make):
    canvas.set_objects([make.thing("a", make.square(100, 100, 160, 160), state="proposed")])
    canvas.select(["a"])
    canvas.set_tool("click_to_mask")
    hand.click(180, 130, SHIFT)
    answer((160, 100, 200, 160))
    hand.key(KEY.Key_Return)
    assert editor.calls[-1] == ("replace", "click_to_mask", ("a",))
    assert only(canvas).box == (100, 100, 200, 160)
    hand.click(110, 130, ALT)
    answer((100, 100, 150, 160))
    hand.click(170, 130)
    assert only(canvas).box == (150, 100, 200, 160)


def test_a_locked_object_is_not_changed(canvas, hand, editor, make, said):
    canvas.set_objects([make.thing("a", make.square(100, 100, 160, 160), locked=True)])
    canvas.select(["a"])
    canvas.set_tool("click_to_mask")
    hand.click(110, 130, ALT)
    assert "locked" in said[-1] and editor.calls == [] and not canvas.drawing


def test_an_object_that_disappears_ends_its_change(canvas, hand, answer, make):
    canvas.set_objects([make.thing("a", make.square(100, 100, 160, 160))])
    canvas.select(["a"])
    canvas.set_tool("click_to_mask")
    hand.click(180, 130, SHIFT)
    answer((160, 100, 200, 160))
    canvas.remove_objects(["a"])
    assert not canvas.drawing


def test_without_a_model_a_click_leaves_nothing_behind(canvas, hand, editor):
    editor.has_model = False
    canvas.set_tool("click_to_mask")
    hand.click(120, 130)
    assert [call[0] for call in editor.calls] == ["segment_point"] and not canvas.drawing


def test_a_box_asks_and_a_click_on_the_mask_takes_it(canvas, hand, editor, answer, said):
    canvas.set_tool("box_to_mask")
    hand.drag((150, 150), (50, 80))
    ((kind, box),) = editor.calls
    assert (kind, box) == ("segment_box", pytest.approx((50, 80, 150, 150), abs=1))
    answer((60, 90, 140, 140))
    hand.click(170, 110, SHIFT)
    answer((140, 90, 180, 140))
    hand.click(100, 100)
    assert editor.calls[-1] == ("add_found", "box_to_mask", "cat")
    assert only(canvas).box == (60, 90, 180, 140)
    hand.click(300, 200)
    assert said[-1] == "Drag a box around the object."


def test_another_box_replaces_what_is_shown(canvas, hand, answer):
    canvas.set_tool("box_to_mask")
    hand.drag((50, 80), (150, 150))
    answer((60, 90, 140, 140))
    hand.drag((60, 90), (100, 120))
    answer((70, 95, 90, 115))
    hand.key(KEY.Key_Return)
    assert only(canvas).box == (70, 95, 90, 115)
