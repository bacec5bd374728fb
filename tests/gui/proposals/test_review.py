"""The review in the real window: keys, strip, undo, order, class by class, from image to image, counters."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.class_search import ClassSearch
from app.project import Geometry, ObjectRecord
from app.project.commands import AddClass, AddObjects, SetClass
from app.proposals.counters_dialog import CountersDialog
from app.proposals.review import Review
from app.proposals.review_strip import ReviewStrip
from tests.gui.conftest import Hand, settle
from zsi_core.instances import rle

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
KEY = Qt.Key


def proposal(
    image_id: int, class_id: int, x: int, score: float, runner_up: float = 0.0, y: int = 20
) -> ObjectRecord:
    """A square of 40 pixels."""
    pixels = np.zeros((240, 320), bool)
    pixels[y : y + 40, x : x + 40] = True
    made_by = {
        "model": "m",
        "checkpoint_sha256": "a",
        "words_sha256": "b",
        "name": "cat",
        "resolved_as": "cat",
        "score": score,
        "runner_up": "dog",
        "runner_up_score": runner_up,
        "threshold": 0.2,
    }
    provenance = {"state": "proposed", "made_by": made_by, "created": "2026-01-01T00:00:00+00:00"}
    return ObjectRecord.of_provenance(image_id, class_id, Geometry.from_mask(rle.encode(pixels)), provenance)


@pytest.fixture
def hand(drawing: Hand) -> Hand:
    """Three proposals of cats and one of a dog in the first image, one of a dog in each of the others."""
    session = drawing.window.session
    for name in ("cat", "dog"):
        session.do(AddClass(name))
    first, second, third = drawing.project.image_ids()
    found = [
        proposal(first, 1, 20, 0.9),
        proposal(first, 1, 80, 0.6),
        proposal(first, 1, 140, 0.3),
        proposal(first, 2, 200, 0.5, runner_up=0.49),
        proposal(first, 1, 260, 0.1),  # below the threshold
        proposal(second, 2, 20, 0.8),
        proposal(third, 2, 20, 0.21),
    ]
    session.do(AddObjects(found))
    return drawing


def review_of(hand: Hand) -> Review:
    return hand.window.reviewing.review


def at(hand: Hand) -> float | None:
    """Score of the current proposal."""
    current = review_of(hand).current
    return current.score if current else None


def states(hand: Hand) -> list[str]:
    return [record.state for record in hand.objects()]


def select_by_score(hand: Hand, *scores: float) -> None:
    wanted = [record.uuid for record in hand.objects() if record.score in scores]
    hand.window.canvas.select(wanted)


def strip_of(hand: Hand) -> ReviewStrip:
    """It follows the review in a turn of the event loop of its own."""
    settle()
    return hand.window.reviewing.strip


def said(hand: Hand) -> str:
    return hand.window.status.currentMessage()


def test_accept_reject_and_next_by_keys(hand: Hand) -> None:
    strip = strip_of(hand)
    assert at(hand) == 0.9 and strip.isVisible()
    assert (strip.place.text(), strip.name.text()) == ("1 of 4", "cat  0.90")
    hand.key(KEY.Key_Space)
    assert (at(hand), strip_of(hand).place.text()) == (0.6, "1 of 3")
    assert hand.window.canvas.selection == (review_of(hand).current.uuid,)  # type: ignore[union-attr]
    hand.key("x")
    hand.key("n")
    assert at(hand) == 0.5 and "dog 0.49" in strip_of(hand).about.text()
    hand.key(KEY.Key_Return)
    assert at(hand) == 0.3, "what was passed over comes again"
    hand.key(KEY.Key_Enter)
    assert states(hand) == ["accepted", "rejected", "accepted", "accepted", "proposed"]
    assert at(hand) is None and hand.window.canvas.selection == ()
    assert strip_of(hand).name.text() == "Image done" and not strip.accept.isVisible()
    assert "Image done" in said(hand)
    listed = {record.uuid for record in hand.window.objects.model.records}
    assert listed == {record.uuid for record in hand.objects() if record.state == "accepted"}
    hand.key("r", SHIFT)
    hand.drag((40, 120), (90, 160))
    assert not strip_of(hand).isVisible(), "something else is done now"


def test_the_keys_of_the_review_act_in_lists_and_never_while_typing(hand: Hand) -> None:
    window = hand.window
    for list_, key in ((window.images.list, KEY.Key_Space), (window.objects.list, KEY.Key_Return)):
        waiting = len(review_of(hand).waiting)
        list_.setFocus()
        QTest.keyClick(list_, key)
        assert len(review_of(hand).waiting) == waiting - 1
    window.images.search.setFocus()
    for key in (KEY.Key_Space, KEY.Key_X):
        QTest.keyClick(window.images.search, key)
    assert window.images.search.text() == " x"
    assert states(hand).count("accepted") == 2 and "rejected" not in states(hand)


def test_undo_and_redo_take_the_review_along(hand: Hand) -> None:
    before = hand.snapshot()
    for key in (KEY.Key_Space, KEY.Key_X, KEY.Key_Space, KEY.Key_X):
        hand.key(key)
    after = hand.snapshot()
    for score in (0.5, 0.3, 0.6, 0.9):
        hand.key("z", CTRL)
        assert at(hand) == score
    assert hand.snapshot() == before
    for score in (0.6, 0.3, 0.5, None):
        hand.key("y", CTRL)
        assert at(hand) == score
    assert hand.snapshot() == after


def test_all_that_is_shown_is_one_step(hand: Hand) -> None:
    before = hand.snapshot()
    hand.key(KEY.Key_Return, SHIFT)
    assert states(hand) == ["accepted"] * 4 + ["proposed"]
    hand.key("z", CTRL)
    assert hand.snapshot() == before and at(hand) == 0.9
    hand.key("x", SHIFT)
    assert states(hand) == ["rejected"] * 4 + ["proposed"]
    hand.key("z", CTRL)
    assert hand.snapshot() == before


def test_selected_proposals_are_meant(hand: Hand) -> None:
    select_by_score(hand, 0.6, 0.3)
    hand.key("x")
    assert states(hand) == ["proposed", "rejected", "rejected", "proposed", "proposed"]
    hand.key("v")
    hand.click(220, 40)
    assert at(hand) == 0.5, "the one that was clicked is the current one"


def test_an_edit_corrects_and_space_goes_on(hand: Hand) -> None:
    uuid = review_of(hand).waiting[0].uuid
    hand.key("b")
    hand.drag((40, 40), (70, 40))
    record = hand.project.object(uuid)
    assert record is not None
    assert record.state == "corrected" and 0.5 < record.edits[-1]["iou_to_proposal"] < 1
    strip = strip_of(hand)
    assert (strip.place.text(), strip.about.text()) == ("3 left", "corrected")
    hand.drag((40, 50), (70, 50))  # still the same one
    assert states(hand).count("corrected") == 1
    hand.key(KEY.Key_Space)
    assert at(hand) == 0.6 and states(hand).count("accepted") == 0, "what was not seen is not accepted"
    for _ in range(2):
        hand.key("z", CTRL)
    assert states(hand) == ["proposed"] * 5


def test_a_digit_relabels_and_what_is_corrected_can_be_rejected(hand: Hand) -> None:
    hand.key("2")
    assert states(hand)[0] == "corrected" and hand.objects()[0].class_id == 2
    hand.key("x")
    assert states(hand)[0] == "rejected" and at(hand) == 0.6


def test_delete_rejects_a_proposal_so_that_it_does_not_come_again(hand: Hand) -> None:
    hand.key(KEY.Key_Delete)
    assert states(hand)[0] == "rejected" and at(hand) == 0.6


def test_nothing_that_a_person_selected_or_draws_is_disturbed(hand: Hand) -> None:
    window = hand.window
    hand.key("p")
    for corner in ((20, 120), (80, 120), (80, 200)):
        hand.click(*corner)
    for key, modifiers in (
        (KEY.Key_X, SHIFT),
        (KEY.Key_Return, SHIFT),
        (KEY.Key_X, NONE),
        (KEY.Key_Space, NONE),
    ):
        hand.key(key, modifiers)
    assert states(hand) == ["proposed"] * 5 and "Finish the shape" in said(hand)
    hand.key(KEY.Key_Return)
    (drawn,) = window.canvas.selection
    assert hand.project.object(drawn).state == "drawn"  # type: ignore[union-attr]
    third = hand.project.image_ids()[0]
    window.session.do(AddObjects([proposal(third, 1, 100, 0.95, y=150)]))
    assert window.canvas.selection == (drawn,) and at(hand) == 0.9


def test_the_view_follows_the_keys_and_not_what_arrives(hand: Hand) -> None:
    canvas, first = hand.window.canvas, hand.project.image_ids()[0]
    hand.key(KEY.Key_X, SHIFT)
    canvas.zoom_to(8.0)
    canvas.center_on(300, 220)
    before = canvas.viewport
    hand.window.session.do(AddObjects([proposal(first, 1, 20, 0.9, y=150), proposal(first, 1, 20, 0.8)]))
    assert at(hand) == 0.9 and canvas.viewport == before
    hand.key("n")
    assert canvas.viewport.rect_to_widget((20, 20, 60, 60)).toRect().intersects(canvas.rect())


def test_hidden_proposals_are_not_decided_about(hand: Hand) -> None:
    hand.key("g")
    assert not hand.window.registry["show_proposals"].isChecked()
    assert not strip_of(hand).isVisible()
    assert not hand.window.registry["review_accept_all"].isEnabled()
    hand.key(KEY.Key_Space)
    assert states(hand) == ["proposed"] * 5 and "G shows them" in said(hand)
    hand.key("g")
    assert at(hand) == 0.9


def test_a_threshold_decides_what_is_reviewed(hand: Hand) -> None:
    hand.window.proposals.thresholds.set(1, 0.5)
    assert [record.score for record in review_of(hand).waiting] == [0.9, 0.6, 0.5]
    hand.key(KEY.Key_Return, SHIFT)
    assert states(hand) == ["accepted", "accepted", "proposed", "accepted", "proposed"]


def test_next_goes_on_in_the_next_image(hand: Hand) -> None:
    hand.key(KEY.Key_Return, SHIFT)
    hand.key("n")
    hand.wait(lambda: hand.image_name == "a2.png")
    assert at(hand) == 0.8 and hand.window.canvas.selection
    hand.key("n")  # passed over
    hand.wait(lambda: hand.image_name == "more/a10.png")
    hand.key(KEY.Key_Space)
    hand.key("n")
    hand.wait(lambda: hand.image_name == "a2.png")
    hand.key(KEY.Key_Space)
    hand.key("n")
    hand.wait(lambda: "to review" in said(hand) and said(hand).startswith("No image"))
    assert hand.image_name == "a2.png"


def test_the_most_uncertain_first(hand: Hand) -> None:
    hand.window.registry["review_uncertain"].trigger()
    assert at(hand) == 0.5, "its runner-up is close"
    hand.key(KEY.Key_Return, SHIFT)
    hand.key("n")
    hand.wait(lambda: hand.image_name == "more/a10.png")  # just above the threshold
    hand.key("n")
    hand.wait(lambda: hand.image_name == "a2.png")
    hand.key("n")  # only the one that was passed over is left
    hand.wait(lambda: hand.image_name == "more/a10.png")


def test_one_class_alone(hand: Hand) -> None:
    menu = hand.window.reviewing._classes
    menu.aboutToShow.emit()
    names = [action.text() for action in menu.actions()]
    assert names == ["All classes", "cat", "dog"]
    menu.actions()[2].trigger()
    assert strip_of(hand).place.text() == "1 of 1 dog"
    hand.key(KEY.Key_Return, SHIFT)
    assert states(hand) == ["proposed"] * 3 + ["accepted", "proposed"]
    hand.key("n")
    hand.wait(lambda: hand.image_name == "a2.png")


def test_the_strip_is_pressed_and_keeps_out_of_the_way(hand: Hand) -> None:
    window, strip = hand.window, strip_of(hand)
    QTest.mouseClick(strip.reject, Qt.MouseButton.LeftButton)
    assert states(hand)[0] == "rejected" and window.canvas.hasFocus()
    hand.key("b")
    window.canvas.select(())
    strip.relabel.click()
    search = window.findChild(ClassSearch)
    assert search is not None
    hand.type("dog", search.input)
    hand.key(KEY.Key_Return, on=search.input)
    assert (hand.objects()[1].state, hand.objects()[1].class_id) == ("corrected", 2)
    hand.key(KEY.Key_Escape)
    hand.key("v")
    below = strip_of(hand).geometry()
    assert below.bottom() > window.canvas.height() / 2
    low = proposal(hand.project.image_ids()[0], 1, 140, 0.99, y=195)
    window.session.do(AddObjects([low]))
    window.canvas.select([low.uuid])
    assert strip_of(hand).geometry().top() < window.canvas.height() / 2
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.place.geometry().center())
    assert window.canvas.selection == (low.uuid,), "a click on the strip is none on the canvas"


def test_the_counters_are_shown_and_saved(hand: Hand, tmp_path: Path) -> None:
    for key in (KEY.Key_Space, KEY.Key_X):
        hand.key(key)
    hand.window.session.do(SetClass([review_of(hand).waiting[0].uuid], 2))
    hand.window.registry["counters"].trigger()
    dialog = hand.window.findChild(CountersDialog)
    assert dialog is not None
    hand.wait(lambda: dialog.counters)
    cells = [[dialog.table.item(row, column).text() for column in range(4)] for row in range(3)]
    assert cells == [
        ["cat", "1  (50%)", "0  (0%)", "1  (50%)"],
        ["dog", "0  (0%)", "1  (100%)", "0  (0%)"],
        ["all classes", "1  (33%)", "1  (33%)", "1  (33%)"],
    ]
    dialog.save(tmp_path / "counters.csv")
    with (tmp_path / "counters.csv").open(encoding="utf-8") as file:
        assert [row["accepted"] for row in csv.DictReader(file)] == ["1", "0", "1"]
    dialog.save(tmp_path / "no folder" / "counters.csv")
    assert "choose another folder" in dialog.status.text()


def test_a_read_only_project_is_not_reviewed(
    hand: Hand, make_window: Callable[[], Hand], photos: Path
) -> None:
    other = make_window()
    other.open(photos)
    other.window.canvas.setFocus()
    assert not other.window.session.writable and at(other) == 0.9
    other.key(KEY.Key_Space)
    other.key("x")
    assert states(other) == ["proposed"] * 5
    other.key("n")
    assert at(other) == 0.6
