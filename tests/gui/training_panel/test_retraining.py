"""Retraining in the real window: the dialog before it, the run, its result; nothing is lost on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox, QTableWidget

from app.retraining.run import find_runs
from tests.gui.conftest import Hand
from tests.gui.training_panel.conftest import ENGINE, Trainee
from zsi_core.errors import TrainingError
from zsi_core.files import user_data_dir, user_models_dir


def runs(trainee: Trainee) -> list[Path]:
    """Run folders of the user."""
    return sorted((user_data_dir() / "retraining").glob("*/*"))


def cells(table: QTableWidget) -> list[list[str]]:
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_the_dialog_says_what_will_happen(trainee: Trainee) -> None:
    dialog = trainee.setup()
    (gear, bolt, washer) = cells(dialog.table)
    assert gear[0] == "gear" and gear[4] == "Is trained" and bolt[4] == "Is trained"
    assert int(gear[1]) + int(gear[3]) == 20
    assert washer[4] == "Left out: 10 objects in 3 images are needed"
    assert f"With labels: {gear[1]} images to train on" in dialog.split.text()
    assert dialog.estimate.text() == "About 1 min on the processor"
    assert "“washer”" in dialog.warnings.text(), "too few"
    assert "“bolt” and “screw” mean nearly the same" in dialog.warnings.text(), "what the probe says"
    assert dialog.complete[False].text().endswith(f"({gear[1]} of {gear[1]})")
    dialog.recipes["full"].click()
    assert not dialog.start_button.isEnabled()
    trainee.hand.wait(lambda: dialog.preparation.run is not None)
    assert dialog.preparation.run is not None
    assert dialog.preparation.run.plan.recipe == "full"
    trainee.hand.wait(lambda: len(runs(trainee)) == 1)
    dialog.reject()
    trainee.hand.wait(lambda: runs(trainee) == [])


def test_closing_the_window_calls_the_preparation_off(trainee: Trainee) -> None:
    dialog = trainee.setup(wait=False)
    trainee.hand.wait(lambda: dialog.preparation.run is not None)
    assert len(runs(trainee)) == 1
    trainee.hand.window.close()
    trainee.hand.wait(lambda: runs(trainee) == [])


def test_a_run_is_followed_and_its_model_kept_used_and_left(trainee: Trainee) -> None:
    hand = trainee.hand
    before = hand.snapshot()
    hand.window.link._command = ENGINE
    hand.window.link.start()
    hand.wait(lambda: hand.window.link.ready)
    trainee.start()
    trainee.wait_for("finished")
    hand.wait(lambda: trainee.control.outcome is not None)
    (job,) = trainee.jobs
    assert (job.title, job.state.value) == ("Retraining starter", "done")
    assert any("10.0 before, 40.0 now" in text for text in hand.messages())
    view = trainee.shown.outcome_view
    assert cells(view.table) == [
        ["Trained classes", "", "10.0", "40.0", "+30.0"],
        ["      gear", "4", "10.0", "40.0", "+30.0"],
        ["      bolt", "4", "10.0", "40.0", "+30.0"],
    ]
    assert "90 %" in view.kept.text()
    assert view.pictures.itemAtPosition(1, 0).widget().pixmap().width() > 0
    assert list(trainee.shown.buttons) == ["report", "discard", "keep"]

    trainee.click("keep")
    trainee.click("use")
    hand.wait(lambda: hand.window.link.model is not None and hand.window.link.model.name == "starter-v2")
    assert (user_models_dir() / "starter-v2" / "config.json").is_file()
    assert hand.window.settings.model()[0] == "starter-v2"
    hand.wait(lambda: "again" in trainee.shown.buttons)
    trainee.click("back")
    hand.wait(lambda: hand.window.link.model is not None and hand.window.link.model.name == "starter")
    hand.wait(lambda: "use" in trainee.shown.buttons)
    assert (user_models_dir() / "starter-v2").is_dir(), "it stays for later"
    assert hand.snapshot() == before


def test_pause_resume_and_stop_from_the_list_of_jobs(trainee: Trainee) -> None:
    hand = trainee.hand
    trainee.start("wait")
    hand.wait(lambda: trainee.control.status.step == 1)
    row = hand.window.jobs_panel.rows[trainee.jobs[0]]
    assert list(row.buttons) == ["Show…", "Pause", "Stop"]
    assert hand.window.status.job_button.text() == "Retraining starter, 8 s left"
    row.buttons["Pause"].click()
    trainee.wait_for("paused")
    assert row.state.text().startswith("Paused")
    assert trainee.shown.heading.text() == "Paused"
    row.buttons["Resume"].click()
    trainee.wait_for("finished")


def test_a_stopped_run_goes_on(trainee: Trainee) -> None:
    trainee.start("wait")
    trainee.hand.wait(lambda: trainee.control.status.step == 1)
    trainee.click("stop")
    trainee.wait_for("stopped")
    (job,) = trainee.jobs
    assert job.state.value == "stopped"
    (folder,) = runs(trainee)
    (folder / "script").write_text("")
    trainee.click("resume")
    trainee.wait_for("finished")


def test_the_window_closes_and_finds_the_run_again(make_trainee: Callable[[], Trainee]) -> None:
    first = make_trainee()
    first.start("wait")
    first.hand.wait(lambda: first.control.status.step == 1)
    first.hand.window.close()
    second = make_trainee()
    second.wait_for("running")
    assert [job.running for job in second.jobs] == [True]
    second.hand.window.registry["retrain"].trigger()
    assert second.shown.isVisible(), "the run under way is shown in the place of the dialog"
    second.click("stop")
    second.wait_for("stopped")
    second.hand.window.close()
    third = make_trainee()
    third.wait_for("stopped")
    assert third.hand.messages() == ["A retraining of this project was stopped before it was finished."]
    third.hand.window.registry["show_retraining"].trigger()
    third.click("discard")
    box = third.shown.findChild(QMessageBox)
    assert box is not None
    next(button for button in box.buttons() if button.text() == "Discard").click()
    third.hand.wait(lambda: runs(third) == [])


def test_a_new_run_replaces_the_former_one_and_says_so(trainee: Trainee) -> None:
    trainee.start()
    trainee.hand.wait(lambda: trainee.control.outcome is not None)
    (former,) = runs(trainee)
    dialog = trainee.setup()
    assert "neither kept nor discarded" in dialog.warnings.text()
    dialog.start_button.click()
    trainee.hand.wait(lambda: trainee.control.outcome is not None and not former.exists())
    assert len(runs(trainee)) == 1


def test_images_are_marked_as_labelled_completely(trainee: Trainee) -> None:
    hand = trainee.hand
    action = hand.window.registry["labelled_completely"]
    assert action.isChecked()
    action.trigger()
    assert not action.isChecked()
    assert hand.window.session.image is not None and not hand.window.session.image.labelled_completely
    hand.window.registry["finished_are_complete"].trigger()
    assert not hand.window.session.image.labelled_completely, "no image is finished"
    hand.window.registry["finished"].trigger()
    hand.window.registry["finished_are_complete"].trigger()
    assert hand.window.session.image.labelled_completely and action.isChecked()
    hand.window.session.undo()
    assert not action.isChecked()


# ---- what goes wrong


def test_too_little_data(make_project: Callable[..., Path], hand: Hand) -> None:
    project = make_project({"gear": [0, 1]})
    hand.open(project)
    dialog = Trainee(hand).setup(wait=False)
    hand.wait(lambda: "10 labelled objects in 3 images are needed" in dialog.estimate.text())
    assert not dialog.start_button.isEnabled()
    dialog.reject()
    assert find_runs(project) == []


def test_one_class_only_is_a_warning(make_project: Callable[..., Path], hand: Hand) -> None:
    hand.open(make_project({"gear": range(20)}))
    dialog = Trainee(hand).setup()
    assert "Only one class is trained" in dialog.warnings.text()
    assert dialog.start_button.isEnabled()
    dialog.reject()


def test_a_full_disk_is_told_in_the_dialog(trainee: Trainee, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise TrainingError(
            "train_complete.json cannot be written (No space left on device): free some space"
        )

    monkeypatch.setattr("app.training_panel.preparation.prepare", full)
    dialog = trainee.setup(wait=False)
    trainee.hand.wait(lambda: "No space left" in dialog.estimate.text())
    assert not dialog.start_button.isEnabled()
    dialog.reject()


def test_a_model_that_cannot_be_kept_can_be_kept_later(
    trainee: Trainee, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise TrainingError("the new model cannot be written (No space left on device): free some space")

    trainee.start()
    with monkeypatch.context() as patch:
        patch.setattr("app.retraining.run.install", full)
        trainee.click("keep")
        assert trainee.shown.heading.text() == "Installing the new model…"
        trainee.hand.wait(lambda: any("No space left" in text for text in trainee.hand.messages()))
    trainee.click("keep")
    trainee.hand.wait(lambda: trainee.shown.heading.text() == "Kept as starter-v2")
    assert (user_models_dir() / "starter-v2").is_dir()


def test_a_failing_process_says_why_and_can_go_on(trainee: Trainee) -> None:
    before = trainee.hand.snapshot()
    trainee.start("fail")
    trainee.wait_for("failed")
    (told,) = trainee.hand.messages()
    assert told == "The retraining ended: the disk is full: free some space. Your labels are as they were."
    assert trainee.shown.heading.text() == "Failed: your labels and models are as they were"
    (folder,) = runs(trainee)
    (folder / "script").write_text("")
    trainee.click("resume")
    trainee.wait_for("finished")
    assert trainee.hand.snapshot() == before


def test_a_killed_process_is_noticed(trainee: Trainee) -> None:
    trainee.start("wait")
    trainee.hand.wait(lambda: trainee.control.status.step == 1)
    assert trainee.control.run is not None
    child = trainee.control.run._child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    trainee.wait_for("failed")
    (told,) = trainee.hand.messages()
    assert "it was killed" in told
    assert "Your labels are as they were" in told
