"""Proposals in the real window: shown, hidden, taken back, never on an object."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.project import ObjectRecord
from app.project.commands import AddObjects, SetState
from tests.gui.conftest import Hand, settle


def ask(hand: Hand, text: str) -> None:
    hand.window.proposals.prompt.add(text)
    answered(hand)


def answered(hand: Hand) -> None:
    hand.wait(lambda: not hand.window.proposals.busy)


def proposed(hand: Hand) -> list[ObjectRecord]:
    return [record for record in hand.objects() if record.state == "proposed"]


def names(hand: Hand) -> list[str]:
    """Classes of the proposals that are shown, best first."""
    classes = hand.window.session.classes()
    return [classes[record.class_id].name for record in hand.window.proposals.visible]


def on_canvas(hand: Hand) -> set[str]:
    return {item.object.uuid for item in hand.window.canvas.scene.shown()}


def ids(hand: Hand) -> list[int]:
    return [chip.class_id for chip in hand.window.proposals.prompt.chips]


def test_a_typed_name_becomes_a_class_and_a_step_of_undo(seer: Hand) -> None:
    ask(seer, "cat, zebra")
    proposals = seer.window.proposals
    assert [record.name for record in seer.project.classes()] == ["cat", "zebra"]
    assert seer.window.session.labels()[0] == "Propose cat, zebra"
    assert names(seer) == ["cat"]
    cat, zebra = ids(seer)
    assert (proposals.is_absent(cat), proposals.is_absent(zebra)) == (False, True)
    best = proposals.visible[0]
    assert best.made_by["name"] == "cat"
    assert best.made_by["checkpoint_sha256"] == "ab" * 32
    assert proposals.region(best.uuid) == 0


def test_a_threshold_shows_and_hides_at_once_and_asks_nothing(
    seer: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, proposals = seer.window, seer.window.proposals
    ask(seer, "cat")
    (cat,) = ids(seer)
    assert on_canvas(seer) == {proposals.visible[0].uuid}
    assert len(proposed(seer)) == 3
    monkeypatch.setattr(window.link, "ask", None)
    proposals.thresholds.set(cat, 0.3)
    settle()
    assert len(on_canvas(seer)) == len(window.objects.model.records) == 2
    window.canvas.select(list(on_canvas(seer)))
    assert proposals.step_threshold(+1, [cat]) == "cat from 0.32: 1 shown, 2 weaker"
    settle()
    assert len(on_canvas(seer)) == len(window.objects.model.records) == len(window.canvas.selection) == 1
    assert proposals.step_threshold(-1, [cat]) == "cat from 0.30: 2 shown, 1 weaker"
    proposals.thresholds.set(cat, 0.0)
    assert proposals.thresholds.of(cat) == pytest.approx(0.1), "there are none below"
    assert len(on_canvas(seer)) == 3
    assert seer.project.threshold(cat, 0.0) == pytest.approx(0.1)


def test_asking_again_writes_nothing(seer: Hand) -> None:
    ask(seer, "cat")
    before = seer.snapshot()
    seer.window.proposals.propose()
    assert seer.window.proposals.busy
    answered(seer)
    assert seer.snapshot() == before
    seer.window.session.undo()
    assert seer.objects() == []


def test_nothing_is_proposed_on_what_was_accepted(seer: Hand) -> None:
    ask(seer, "cat")
    best = seer.window.proposals.visible[0]
    seer.window.session.do(SetState([best.uuid], "accepted"))
    ask(seer, "pet, fork")
    assert names(seer) == ["fork"]
    assert best.uuid in {record.uuid for record in seer.objects()}


def test_undo_and_redo_ask_nothing(seer: Hand) -> None:
    window = seer.window
    ask(seer, "cat")
    ask(seer, "fork")
    after = seer.snapshot()
    steps = 0
    while window.session.labels()[0]:
        window.session.undo()
        settle()
        steps += 1
    assert seer.objects() == []
    assert window.proposals.prompt.chips == ()
    seer.go_to("a2.png")
    seer.go_to("a1.png")
    for _ in range(steps):
        window.session.redo()
        settle()
    assert not window.proposals.busy
    assert seer.snapshot() == after
    assert window.session.labels()[1] == ""


def test_taking_a_name_out_removes_its_untouched_proposals(seer: Hand) -> None:
    ask(seer, "cat, fork")
    best = seer.window.proposals.visible[0]
    seer.window.session.do(SetState([best.uuid], "accepted"))
    cat, fork = ids(seer)
    seer.window.proposals.prompt.remove(cat)
    assert ids(seer) == [fork]
    assert [record.state for record in seer.objects() if record.class_id == cat] == ["accepted"]
    assert seer.window.session.labels()[0] == "Remove proposals of cat"
    assert names(seer) == ["fork"]


def test_an_opened_image_is_asked_about_unless_a_person_does_not_want_that(seer: Hand) -> None:
    window = seer.window
    ask(seer, "cat")
    window.settings.set_value("propose_on_open", False)
    seer.go_to("a2.png")
    assert not window.proposals.busy
    assert window.proposals.is_absent(ids(seer)[0]) is None
    window.settings.set_value("propose_on_open", True)
    seer.go_to("more/a10.png")
    answered(seer)
    assert names(seer) == ["cat"]
    seer.go_to("a1.png")
    assert not window.proposals.busy, "it was asked already"


def test_what_another_model_proposed_is_replaced_only_when_a_person_asks(seer: Hand) -> None:
    ask(seer, "cat")
    others = [
        replace(
            record, uuid=f"other {number}", image_id=2, made_by={**record.made_by, "checkpoint_sha256": "x"}
        )
        for number, record in enumerate(proposed(seer))
    ]
    seer.window.session.do(AddObjects(others))
    seer.go_to("a2.png")
    assert not seer.window.proposals.busy
    assert {record.uuid for record in proposed(seer)} == {record.uuid for record in others}
    seer.window.proposals.propose()
    answered(seer)
    assert names(seer) == ["cat"]
    assert not {record.uuid for record in proposed(seer)} & {record.uuid for record in others}


def test_seen_classes_come_along_in_generalised_mode(seer: Hand) -> None:
    window, prompt = seer.window, seer.window.proposals.prompt
    ask(seer, "fork")
    prompt.set_generalised(True)
    answered(seer)
    assert names(seer) == ["spoon", "fork"]
    assert window.session.labels()[0] == "Propose fork, seen classes"
    prompt.set_generalised(True, 5.0)
    answered(seer)
    assert names(seer) == ["fork"], "the spoon gave way"
    prompt.set_generalised(False)
    answered(seer)
    assert [record.name for record in seer.project.classes()] == ["fork", "spoon"]


def test_a_name_without_a_vector_does_not_stop_the_others(seer: Hand) -> None:
    ask(seer, "cat, zzz")
    assert names(seer) == ["cat"]
    report = seer.window.proposals.names.report("zzz")
    assert report is not None
    assert report.problem
    assert seer.messages() == []


def test_synonyms_are_one_class(seer: Hand) -> None:
    ask(seer, "sofa = couch")
    assert [record.name for record in seer.project.classes()] == ["sofa"]
    assert names(seer) == ["sofa"]
    assert seer.window.proposals.visible[0].made_by["name"] == "sofa = couch"
    assert seer.window.proposals.visible[0].made_by["resolved_as"] == "sofa + couch"
    assert seer.window.proposals.names.is_seen("sofa = couch")


def test_without_a_model_it_says_so(drawing: Hand) -> None:
    window = drawing.window
    window.proposals.propose()
    assert window.status.currentMessage() == "Type a name above the image first"
    window.proposals.prompt.add("cat")
    assert [chip.name for chip in window.proposals.prompt.chips] == ["cat"]
    assert window.status.currentMessage() == "No model is running: choose or restart it in the menu Model"


def test_names_are_kept_with_the_project(drawing: Hand, photos: Path) -> None:
    prompt = drawing.window.proposals.prompt
    prompt.add("sofa = couch, Sofa, cat")
    assert prompt.phrases == ("sofa = couch", "cat")
    assert prompt.knows("COUCH")
    drawing.window.session.close()
    assert prompt.chips == ()
    drawing.open(photos)
    assert prompt.phrases == ("sofa = couch", "cat")
    prompt.set_synonyms(prompt.chips[0].class_id, [])
    assert prompt.phrases == ("sofa", "cat")


@pytest.mark.slow
def test_the_starter_model_finds_the_cat(assisted: Hand) -> None:
    ask(assisted, "cat, zebra")
    proposals = assisted.window.proposals
    cat, zebra = ids(assisted)
    best = proposals.visible[0]
    assert best.class_id == cat
    x1, y1, x2, y2 = best.geometry.box
    assert x2 - x1 > 200
    assert y2 - y1 > 200
    assert not proposals.is_absent(cat)
    assert proposals.number(zebra) == 0
    assert len(proposed(assisted)) > len(proposals.visible)
