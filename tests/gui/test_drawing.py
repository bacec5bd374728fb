"""Drawing and editing in the real window: every step is in the project, and can be undone and redone."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.gui.conftest import Hand

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def add_class(hand: Hand, name: str) -> None:
    hand.type(name, hand.window.classes.input)
    hand.key(Qt.Key.Key_Return)
    hand.window.canvas.setFocus()


def draw_polygon(hand: Hand, *corners: tuple[float, float]) -> None:
    hand.key("p")
    for corner in corners:
        hand.click(*corner)
    hand.key(Qt.Key.Key_Return)


def draw_rectangle(hand: Hand, x1: float, y1: float, x2: float, y2: float) -> None:
    hand.key("r", SHIFT)
    hand.drag((x1, y1), (x2, y2))


def class_names(hand: Hand) -> list[str]:
    names = {record.id: record.name for record in hand.project.classes()}
    return [names[record.class_id] for record in hand.objects()]


def test_each_drawing_tool_makes_an_object_of_the_chosen_class(drawing: Hand) -> None:
    add_class(drawing, "cat")
    draw_polygon(drawing, (20, 20), (80, 25), (60, 90))
    draw_rectangle(drawing, 100, 20, 160, 80)
    add_class(drawing, "dog")
    drawing.key("v")
    drawing.click(310, 230)  # nothing there: the brush starts a new object
    drawing.key("b")
    drawing.drag((200, 100), (240, 100), (260, 140))
    assert class_names(drawing) == ["cat", "cat", "dog"]
    assert [record.made_by["tool"] for record in drawing.objects()] == ["polygon", "rectangle", "brush"]
    assert {record.state for record in drawing.objects()} == {"drawn"}
    assert set(drawing.window.canvas.objects) == {record.uuid for record in drawing.objects()}
    assert drawing.objects()[1].geometry.box == pytest.approx((100, 20, 160, 80), abs=1)


@pytest.mark.parametrize("key", ["polygon", "rectangle", "brush", "eraser", "edge_refine"])
def test_a_tool_says_how_it_is_used_where_there_is_room(drawing: Hand, key: str) -> None:
    drawing.window.registry[f"tool_{key}"].trigger()
    status = drawing.window.status
    hint = status.currentMessage()
    assert len(hint) > 20
    drawing.bot.wait(0)
    assert status.fontMetrics().horizontalAdvance(hint) < status.image_size.x()
    drawing.key("v")
    assert status.currentMessage() == ""


def test_a_shape_begun_while_the_next_image_is_read_stays(drawing: Hand) -> None:
    drawing.key("p")
    drawing.window.loader.forget()
    drawing.window.registry["next_image"].trigger()
    canvas = drawing.window.canvas
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=drawing.place(20, 20))
    drawing.wait(lambda: "a2.png waits" in drawing.window.status.currentMessage())
    assert drawing.image_name == "a1.png" and canvas.drawing
    drawing.key(Qt.Key.Key_Escape)
    drawing.key("d")
    drawing.wait(lambda: drawing.image_name == "a2.png")


def test_another_tool_does_not_drop_a_shape_that_is_half_drawn(drawing: Hand) -> None:
    drawing.key("p")
    for corner in ((20, 20), (80, 25), (60, 90)):
        drawing.click(*corner)
    window = drawing.window
    drawing.key("b")
    window.tool_bar.widgetForAction(window.registry["tool_brush"]).click()
    assert window.canvas.tool == "polygon" and window.canvas.drawing
    assert window.registry["tool_polygon"].isChecked() and not window.registry["tool_brush"].isChecked()
    assert "Finish the shape" in window.status.currentMessage()
    drawing.key(Qt.Key.Key_Return)
    drawing.key("b")
    assert window.canvas.tool == "brush" and len(drawing.objects()) == 1


def test_a_class_key_says_what_it_changes(drawing: Hand) -> None:
    for name in ("cat", "dog"):
        add_class(drawing, name)
    status = drawing.window.status
    drawing.key("1")
    assert status.currentMessage() == "New objects: cat"
    draw_rectangle(drawing, 20, 20, 90, 90)
    drawing.key("2")
    assert status.currentMessage() == "The selected object is dog now, new ones will be, too"
    draw_rectangle(drawing, 100, 20, 160, 90)
    assert class_names(drawing) == ["dog", "dog"]
    drawing.key("v")
    drawing.key("a", CTRL)
    drawing.key("1")
    assert status.currentMessage() == "2 objects are cat now"
    assert drawing.window.session.class_id == drawing.project.class_id("dog")


def test_without_a_class_nothing_that_was_drawn_gets_lost(drawing: Hand) -> None:
    draw_rectangle(drawing, 20, 20, 90, 90)
    assert class_names(drawing) == ["object"]
    drawing.key("z", CTRL)
    assert drawing.snapshot() == [[], []], "class and object are one step"


def test_eraser_takes_pixels_away(drawing: Hand) -> None:
    draw_rectangle(drawing, 20, 20, 120, 120)
    before = drawing.objects()[0].geometry.to_mask((240, 320))
    drawing.key("e")
    drawing.drag((20, 70), (120, 70))
    after = drawing.objects()[0].geometry.to_mask((240, 320))
    assert before != after
    assert drawing.objects()[0].edits[-1]["tool"] == "eraser"


def test_undo_to_the_start_and_redo_to_the_end(drawing: Hand) -> None:
    """All kinds of edits, one after the other; both ends must be exactly what they were."""
    start = drawing.snapshot()
    states = []

    def done() -> None:
        states.append(drawing.snapshot())
        assert states[-1] != (states[-2] if len(states) > 1 else start)

    add_class(drawing, "cat")
    done()
    draw_polygon(drawing, (20, 20), (80, 25), (60, 90))
    done()
    draw_rectangle(drawing, 100, 100, 160, 160)
    done()
    add_class(drawing, "dog")
    done()
    drawing.key("v")
    drawing.click(130, 130)
    assert len(drawing.window.canvas.selection) == 1
    drawing.key("2")  # relabel the selected one
    done()
    assert class_names(drawing) == ["cat", "dog"]
    drawing.drag((130, 130), (150, 140))  # move
    done()
    drawing.key(Qt.Key.Key_Right)
    done()
    drawing.key("d", CTRL)
    done()
    drawing.key("a", CTRL)
    assert len(drawing.window.canvas.selection) == 3
    drawing.key("m")
    done()
    drawing.key("s")
    done()
    drawing.key("l")
    done()
    drawing.key("l")
    done()
    drawing.key("h")
    done()
    drawing.key("h")
    done()
    drawing.key(Qt.Key.Key_Delete)
    done()
    end = drawing.snapshot()
    for expected in [*reversed(states[:-1]), start]:
        drawing.key("z", CTRL)
        assert drawing.snapshot() == expected
    assert not drawing.window.registry["undo"].isEnabled()
    for expected in states:
        drawing.key("z", CTRL | SHIFT)
        assert drawing.snapshot() == expected
    assert not drawing.window.registry["redo"].isEnabled()
    assert drawing.snapshot() == end
    assert list(drawing.window.canvas.objects) == [record.uuid for record in drawing.objects()]


def test_undo_names_the_step(drawing: Hand) -> None:
    draw_rectangle(drawing, 20, 20, 90, 90)
    step = drawing.project.undo_label(drawing.window.session.image_id)
    assert step
    assert drawing.window.registry["undo"].text() == f"&Undo {step}"
    drawing.key("z", CTRL)
    assert drawing.window.registry["undo"].text() == "&Undo"
    assert drawing.window.registry["redo"].text() == f"&Redo {step}"


def test_undo_waits_while_a_shape_is_half_drawn(drawing: Hand) -> None:
    draw_rectangle(drawing, 20, 20, 90, 90)
    drawing.key("p")
    drawing.click(150, 150)
    drawing.click(200, 150)
    drawing.key("z", CTRL)
    drawing.key("d")
    assert len(drawing.objects()) == 1
    assert drawing.image_name == "a1.png"
    assert "Esc" in drawing.window.status.currentMessage()
    drawing.key(Qt.Key.Key_Escape)
    drawing.key("z", CTRL)
    assert drawing.objects() == []


def test_copies_go_to_other_images(drawing: Hand) -> None:
    add_class(drawing, "cat")
    draw_rectangle(drawing, 20, 20, 90, 90)
    draw_rectangle(drawing, 120, 20, 190, 90)
    drawing.key("c", CTRL)
    drawing.key("d")
    drawing.wait(lambda: drawing.image_name == "a2.png")
    drawing.key("v", CTRL)
    assert len(drawing.objects()) == 1
    drawing.key("v", CTRL | SHIFT)
    assert len(drawing.objects()) == 3
    assert class_names(drawing) == ["cat"] * 3
    drawing.key("z", CTRL)
    assert len(drawing.objects()) == 1


def test_hidden_objects_come_back(drawing: Hand) -> None:
    draw_rectangle(drawing, 20, 20, 90, 90)
    drawing.key("h")
    assert drawing.objects()[0].hidden
    drawing.window.registry["show_hidden"].trigger()
    assert not drawing.objects()[0].hidden


def test_simplify_shows_the_result_before_it_applies_it(drawing: Hand) -> None:
    from app.simplify import SimplifyDialog

    drawing.key("b")
    drawing.drag((60, 60), (120, 80), (160, 160))
    drawing.window.registry["simplify"].trigger()
    dialog = drawing.window.findChild(SimplifyDialog)
    assert dialog is not None
    before = drawing.snapshot()
    dialog.slider.setValue(12)
    assert drawing.snapshot() == before
    dialog.apply_button.click()
    assert drawing.objects()[0].edits[-1]["tool"] == "simplify"
    drawing.key("z", CTRL, on=drawing.window.canvas)
    assert drawing.snapshot() == before
