"""Click-to-mask and box-to-mask in the real window with the starter model, and what they say without one."""

from __future__ import annotations

from PySide6.QtCore import Qt

from app.project.commands import AddClass
from app.project.geometry import iou
from tests.gui.conftest import Hand
from tests.gui.proposals.conftest import LOADING_MS

REMOTE = (520.0, 240.0)
"""A place on a remote control in cat_on_sofa.jpg."""


def said(hand: Hand) -> str:
    return hand.window.status.currentMessage()


def test_without_a_model_the_tools_say_so(drawing: Hand) -> None:
    for key in ("k", "r"):
        drawing.key(key)
        drawing.drag((40, 40), (90, 90))
        assert "No model is running" in said(drawing)
        assert not drawing.window.canvas.drawing
    drawing.window.link._set_loading("starter")
    drawing.drag((40, 40), (90, 90))
    assert "still being loaded" in said(drawing)
    assert drawing.objects() == []


def test_masks_of_the_starter_model(assisted: Hand) -> None:
    """One long walk: every step needs the model, and starting it takes longest."""
    hand, window = assisted, assisted.window
    canvas = window.canvas

    def found() -> bool:
        return "Enter takes it" in said(hand)

    # A click asks for the class that is chosen; Enter takes the mask; it says who made it.
    window.session.do(AddClass("remote control"))
    hand.key("k")
    hand.click(*REMOTE)
    assert canvas.drawing
    hand.wait(found)
    assert hand.objects() == []
    hand.key(Qt.Key.Key_Return)
    (clicked,) = hand.objects()
    assert (clicked.state, clicked.made_by["tool"]) == ("drawn", "click_to_mask")
    assert (clicked.made_by["model"], clicked.made_by["name"]) == ("starter", "remote control")
    x1, y1, x2, y2 = clicked.geometry.box
    assert x1 < REMOTE[0] < x2 and y1 < REMOTE[1] < y2
    assert canvas.selection == (clicked.uuid,)

    # A box gives the mask in it; a click on that takes it.
    hand.key("r")
    hand.drag((430, 190), (615, 285))
    hand.wait(found)
    hand.click(530, 245)
    boxed = hand.objects()[1]
    assert boxed.made_by["tool"] == "box_to_mask"
    assert iou(boxed.geometry, clicked.geometry) > 0

    # A name that the model does not know gives a mask all the same, and it says so.
    window.session.do(AddClass("qwrtzp"))
    window.session.choose_class(hand.project.class_id("qwrtzp"))  # type: ignore[arg-type]
    hand.key("k")
    told: list[str] = []
    window.session.said.connect(told.append)
    hand.click(200, 250)
    # The first unknown name takes a while: closest spellings are searched among all words.
    hand.bot.waitUntil(lambda: not canvas.drawing or found(), timeout=LOADING_MS)
    assert told[:1] == ["The model does not know “qwrtzp”: it shows what it sees itself"]

    # Escape drops it, also while the model is asked.
    hand.key(Qt.Key.Key_Escape)
    hand.click(210, 250)
    hand.key(Qt.Key.Key_Escape)
    assert not canvas.drawing and len(hand.objects()) == 2
