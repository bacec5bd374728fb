"""Proposing on many images in the real window; the engine is real, its model a stand-in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from app import session
from app.docks.row_delegate import BELOW_ROLE
from app.jobs.job_list import Job, JobState
from app.project.commands import AddClass, SetClass, SetFlags, SetState
from app.proposals.batch_dialog import BatchDialog
from app.proposals.batch_plan import PLAN, BatchPlan
from tests.engine import stand_in
from tests.gui.conftest import Hand, make_image, settle

STAND_IN = [sys.executable, str(Path(stand_in.__file__))]
CAT, FORK = 1, 2


def opened(hand: Hand, folder: Path) -> Hand:
    """The folder in a window that asks for nothing by itself, its model loaded."""
    hand.window.link._command = STAND_IN
    hand.window.proposals.automatic = False
    hand.window.link.start()
    hand.open(folder)
    hand.wait(lambda: hand.window.link.ready)
    if not hand.project.classes():
        hand.project.do(AddClass("cat"))
        hand.project.do(AddClass("fork"))
    hand.window.canvas.setFocus()
    return hand


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures."""
    for number in range(5):
        make_image(tmp_path / "many" / f"{number}.png", (160, 120), seed=number)
    return tmp_path / "many"


@pytest.fixture
def many(make_window: Callable[[], Hand], folder: Path) -> Hand:
    return opened(make_window(), folder)


def job_of(hand: Hand) -> Job:
    return next(job for job in reversed(hand.window.jobs.jobs) if job.title.startswith("Proposing"))


def run(hand: Hand, *, again: bool = False, **plan: object) -> Job:
    """Begin a batch through its dialog and wait for its end."""
    begin(hand, again=again, **plan)
    job = job_of(hand)
    hand.wait(lambda: not job.running)
    return job


def begin(hand: Hand, *, again: bool = False, scope: str = "all", weaker: bool = True) -> None:
    if again:
        hand.window.registry["propose_again"].trigger()
    else:
        hand.key(Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    dialog = hand.window.findChild(BatchDialog)
    assert dialog is not None
    dialog.scopes[scope].click()
    dialog.weaker.setChecked(weaker)
    dialog.start_button.click()


def states(hand: Hand) -> list[list[str]]:
    project = hand.project
    return [[record.state for record in project.objects(id)] for id in project.image_ids()]


def message_button(hand: Hand, text: str) -> QPushButton:
    buttons = hand.window.messages.findChildren(QPushButton)
    return next(button for button in buttons if button.text() == text)


def test_a_batch_adds_proposals_to_every_image_in_one_step_of_undo(many: Hand) -> None:
    job = run(many)
    assert job.state is JobState.DONE
    assert states(many) == [["proposed"] * 2] * 5
    (cat, fork) = many.objects()
    assert (cat.class_id, fork.class_id) == (CAT, FORK)
    assert cat.made_by["model"] == "starter" and cat.made_by["name"] == "cat"
    assert cat.made_by["resolved_as"] == "cat"
    assert many.project.image(5).size == (120, 160), "read from the answer"
    assert many.messages() == ["Proposing cat, fork on 5 images: 10 proposals on 5 images."]
    assert many.window.session.labels()[0] == "Propose cat, fork on 5 images"
    many.window.session.undo()
    assert states(many) == [[]] * 5
    many.window.session.redo()
    assert states(many) == [["proposed"] * 2] * 5
    assert many.project.setting(PLAN) is None


def test_what_a_person_decided_stays_and_nothing_is_proposed_twice(many: Hand) -> None:
    run(many)
    project = many.project
    cat, fork = (record.uuid for record in project.objects(1))
    project.do(SetState([cat], "accepted"))
    project.do(SetState([fork], "rejected"))
    before = many.snapshot()
    run(many)
    assert many.snapshot() == before
    assert many.window.session.labels()[0].startswith("Reject"), "a batch that adds nothing is no step"


def test_only_untouched_proposals_of_other_models_are_replaced(many: Hand) -> None:
    run(many)
    project = many.project
    accepted, moved = (record.uuid for record in project.objects(1))
    project.do(SetState([accepted], "accepted"))
    project.do(SetClass([moved], CAT))
    hidden, _ = (record.uuid for record in project.objects(2))
    project.do(SetFlags([hidden], hidden=True))
    many.window.link.load("other")
    many.wait(lambda: many.window.link.model and many.window.link.model.name == "other")
    before = many.snapshot()
    assert run(many, again=True, scope="all").state is JobState.DONE
    models = [
        sorted((record.made_by["model"], record.state) for record in project.objects(id)) for id in (1, 2, 3)
    ]
    assert models[0] == [("other", "proposed")] * 2 + [("starter", "accepted"), ("starter", "corrected")]
    assert models[1] == [("other", "proposed")] * 2 + [("starter", "proposed")]
    assert models[2] == [("other", "proposed")] * 2
    many.window.session.undo()
    assert many.snapshot() == before


def test_images_that_cannot_be_read_or_end_the_engine_are_listed(many: Hand, folder: Path) -> None:
    (folder / "1.png").write_bytes(b"no image")
    (folder / "3.png").rename(folder / "crash.png")
    many.window.opener.rescan()
    many.wait(lambda: many.project.image_count() == 6 and not many.window.jobs.running)
    job = run(many)
    assert job.state is JobState.DONE
    assert [len(objects) for objects in states(many)] == [2, 0, 2, 0, 2, 0], "in the order of names"
    told = sorted(problem.split(" ")[0].rpartition("/")[2] for problem in job.problems)
    assert told == ["1.png", "3.png", "crash.png"]
    assert "has ended the engine 2 times" in " ".join(job.problems)
    row = many.window.jobs_panel.rows[job]
    assert row.problems_button.text() == "3 problems…"


def test_a_stopped_batch_goes_on_after_a_restart_with_what_is_left(
    many: Hand, folder: Path, make_window: Callable[[], Hand]
) -> None:
    (folder / "2.png").rename(folder / "hold.png")
    make_image(folder / "2.png", (160, 120))
    many.window.opener.rescan()
    many.wait(lambda: many.project.image_count() == 6 and not many.window.jobs.running)
    begin(many)
    many.wait(lambda: job_of(many).done == 5)
    assert job_of(many).running
    many.window.close()
    (folder / "hold.png").unlink()
    make_image(folder / "hold.png", (160, 120))

    again = opened(make_window(), folder)
    assert again.messages() == ["Proposing ended after 5 of 6 images."]
    made = [[record.uuid for record in again.project.objects(id)] for id in again.project.image_ids()]
    (folder / "hold.png").rename(folder / "held.png")
    message_button(again, "Go on").click()
    again.wait(lambda: not job_of(again).running)
    after = [[record.uuid for record in again.project.objects(id)] for id in again.project.image_ids()]
    assert after[:5] == made[:5] and all(made[:5])
    assert "hold.png" in job_of(again).problems[0]
    again.window.session.undo()
    assert states(again) == [[]] * 6, "both parts are one step"


def test_a_batch_pauses_and_goes_on(many: Hand) -> None:
    begin(many)
    job = job_of(many)
    row = many.window.jobs_panel.rows[job]
    row.buttons["Pause"].click()
    many.window.link.model_changed.emit(many.window.link.model)
    many.bot.wait(150)
    assert (job.running, job.done, states(many)) == (True, 0, [[]] * 5)
    assert row.state.text().startswith("Paused")
    row.buttons["Go on"].click()
    many.wait(lambda: job.done > 0)
    row.buttons["Pause"].click()
    done = job.done
    many.bot.wait(100)
    assert job.done == done and sum(map(bool, states(many))) == done
    if job.running:
        row.buttons["Go on"].click()
    many.wait(lambda: not job.running)
    assert job.state is JobState.DONE and states(many) == [["proposed"] * 2] * 5


def test_undoing_a_batch_under_way_ends_it(many: Hand, folder: Path) -> None:
    (folder / "4.png").rename(folder / "hold.png")
    many.window.opener.rescan()
    many.wait(lambda: many.project.image_count() == 6 and not many.window.jobs.running)
    begin(many)
    many.wait(lambda: job_of(many).done == 5)
    many.window.session.undo()
    assert job_of(many).state is JobState.STOPPED
    assert states(many) == [[]] * 6
    assert BatchPlan.read(many.project) is None
    (folder / "hold.png").unlink()


def test_a_large_batch_is_taken_back_in_the_background(many: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    run(many)
    monkeypatch.setattr(session, "ROWS_AT_ONCE", 5)
    for step, expected in (
        (many.window.session.undo, [[]] * 5),
        (many.window.session.redo, [["proposed"] * 2] * 5),
    ):
        step()
        assert many.window.jobs.running[-1].title.endswith(": Propose cat, fork on 5 images")
        assert not many.window.registry["undo"].isEnabled()
        assert many.window.session.do(AddClass("spoon")) is None
        many.wait(lambda: not many.window.jobs.running)
        assert states(many) == expected
        assert len(many.window.session.objects) == len(expected[0])
    assert many.window.registry["undo"].isEnabled()


def test_a_batch_without_weaker_proposals_keeps_those_above_the_threshold(many: Hand) -> None:
    many.window.proposals.thresholds.set(FORK, 0.85)
    run(many, weaker=False)
    assert [record.class_id for record in many.objects()] == [CAT]


def test_the_list_of_images_tells_shown_proposals_from_weaker_ones(many: Hand) -> None:
    run(many)
    model = many.window.images.model
    assert model.index(1).data(BELOW_ROLE) == "2 proposals to review"
    many.window.proposals.thresholds.set(FORK, 0.85)
    settle()
    assert model.index(1).data(BELOW_ROLE) == "1 proposal to review"
    many.window.proposals.thresholds.set(CAT, 0.95)
    settle()
    assert model.index(1).data(BELOW_ROLE) == "weak proposals only"


def test_a_name_that_nobody_knows_is_left_out_and_told_of(many: Hand) -> None:
    many.project.do(AddClass("xyzzy"))
    job = run(many)
    assert job.problems == ["xyzzy is not asked for: nothing is known of 'xyzzy'"]
    assert states(many) == [["proposed"] * 2] * 5


def test_the_dialog_counts_what_is_chosen(many: Hand) -> None:
    project = many.project
    project.do(SetState([], "accepted"))
    many.window.images.search.setText("state:new 3")
    many.wait(lambda: len(many.window.images.model.ids) == 1)
    many.key(Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    dialog = many.window.findChild(BatchDialog)
    assert dialog is not None
    assert dialog.scopes["shown"].isChecked()
    assert dialog.summary.text() == "1 image, 2 classes"
    dialog.scopes["all"].click()
    dialog.classes.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert dialog.summary.text() == "5 images, 1 class"
    dialog.classes.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert not dialog.start_button.isEnabled()
    dialog.reject()
