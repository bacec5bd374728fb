"""The prompt above the image: typing, chips, hints, thresholds, synonyms, generalised mode."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.proposals.chip_menu import ChipMenu
from app.proposals.prompt_bar import PromptBar
from app.proposals.prompt_options import PromptOptions
from tests.gui.conftest import Hand, settle


@pytest.fixture
def bar(seer: Hand) -> PromptBar:
    """With the keyboard on it."""
    seer.key("/", on=seer.window.canvas)
    bar = seer.window.assistant.bar
    assert QApplication.focusWidget() is bar.input
    return bar


def texts(bar: PromptBar) -> list[str]:
    """Of the chips, which follow in a turn of the event loop of their own."""
    settle()
    return [" ".join(button.button.text().split()) for button in bar.chips]


def answered(hand: Hand) -> None:
    hand.wait(lambda: not hand.window.proposals.busy)
    settle()


def test_results_appear_while_typing_and_nothing_is_written(seer: Hand, bar: PromptBar) -> None:
    window, preview = seer.window, seer.window.assistant.preview
    seer.type("cat", bar.input)
    seer.wait(lambda: preview.number is not None and preview.report is not None)
    assert [(o.class_name, o.state) for o in window.canvas.overlay] == [("cat", "proposed")]
    assert bar.hint.isVisible()
    assert bar.hint.text.text().startswith("1 shown")
    assert bar.hint.text.width() >= bar.hint.text.sizeHint().width(), "all of it can be read"
    assert seer.objects() == []
    assert seer.project.classes() == []
    seer.type(" zebra", bar.input)  # "cat zebra" is no word of the stand-in
    seer.wait(lambda: preview.number == 0)
    assert window.canvas.overlay == []
    seer.key(Qt.Key.Key_Escape)
    assert (bar.input.text(), bar.hint.isVisible()) == ("", False)
    seer.key(Qt.Key.Key_Escape)
    assert window.canvas.hasFocus()


def test_waiting_for_the_model_is_told(seer: Hand, bar: PromptBar, monkeypatch: pytest.MonkeyPatch) -> None:
    window, link = seer.window, seer.window.link
    model = link.model
    monkeypatch.setattr(link, "model", None)
    link._set_loading("starter")
    seer.type("cat", bar.input)
    seer.wait(bar.hint.isVisible)
    assert bar.hint.text.text() == "The model “starter” is being loaded…"
    seer.type(",", bar.input)
    seer.wait(lambda: texts(bar) == ["cat …"])
    window.canvas.setFocus()
    seer.key(",")
    assert window.status.currentMessage() == "No model is loaded yet: there is nothing to show"
    assert seer.project.threshold(window.proposals.prompt.chips[0].class_id, 0.5) == 0.5, "it is as it was"
    bar.focus()
    seer.type("pet", bar.input)
    link._set_loading("")
    link.model = model
    link.model_changed.emit(model)
    seer.wait(lambda: window.assistant.preview.number == 1)
    assert bar.hint.text.text().startswith("1 shown")


def test_what_a_threshold_hides_is_not_called_absent(seer: Hand, bar: PromptBar) -> None:
    window, proposals = seer.window, seer.window.proposals
    seer.type("cat,", bar.input)
    answered(seer)
    (chip,) = proposals.prompt.chips
    proposals.thresholds.set(chip.class_id, 0.95)
    assert texts(bar) == ["cat none sure"]
    assert "3 weaker hidden by the threshold" in bar.chips[0].button.toolTip()
    window.canvas.setFocus()
    seer.key(",")  # to the best one at once
    assert texts(bar) == ["cat 1"]
    assert window.status.currentMessage() == "cat from 0.90: 1 shown, 2 weaker"
    seer.key(",")
    assert window.status.currentMessage().startswith("cat from 0.88")
    seer.key(Qt.Key.Key_Space)
    assert texts(bar) == ["cat 0 left"]
    seer.go_to("a2.png")
    answered(seer)
    seer.go_to("a1.png")  # which is not asked about again
    assert texts(bar) == ["cat 0 left"]


def test_a_person_who_asks_and_sees_nothing_is_told_how_to_see_more(seer: Hand, bar: PromptBar) -> None:
    seer.type("cat,", bar.input)
    answered(seer)
    (chip,) = seer.window.proposals.prompt.chips
    seer.window.proposals.thresholds.set(chip.class_id, 0.95)
    seer.window.proposals.propose()
    answered(seer)
    assert seer.window.status.currentMessage() == "Nothing sure. The key , shows the best guess (cat 0.90)"


def test_commas_and_enter_make_chips(seer: Hand, bar: PromptBar) -> None:
    seer.type("cat, fo", bar.input)
    assert bar.input.text() == "fo"
    seer.type("rk", bar.input)
    seer.key(Qt.Key.Key_Return)
    assert bar.input.text() == ""
    assert seer.window.canvas.hasFocus(), "what is asked for is reviewed next"
    seer.key("/")
    seer.type("zebra,spoon,", bar.input)
    answered(seer)
    assert QApplication.focusWidget() is bar.input
    assert texts(bar) == ["cat 1", "fork 1", "zebra probably absent", "spoon 1"]
    assert seer.window.canvas.overlay == []
    marks = [button.button.accessibleName().rpartition(", ")[2] for button in bar.chips]
    assert marks == ["new to the model"] * 3 + ["seen in training"]
    assert "Probably absent from this image" in bar.chips[2].button.toolTip()
    seer.key(Qt.Key.Key_Return)
    assert seer.window.canvas.hasFocus()


def test_a_spelling_that_the_model_does_not_know_is_mended_by_a_click(seer: Hand, bar: PromptBar) -> None:
    seer.type("frok", bar.input)
    seer.wait(lambda: bar.hint.words)
    assert [button.text() for button in bar.hint.words] == ["fork"]
    assert "No such word" in bar.hint.text.text()
    bar.hint.words[0].click()
    seer.wait(lambda: seer.window.assistant.preview.number == 1)
    assert bar.input.text() == "fork"
    bar.input.clear()
    seer.type("frok,", bar.input)
    seer.wait(lambda: texts(bar) == ["frok no such word"])
    bar.chips[-1].button.click()
    menu = bar.findChild(ChipMenu)
    assert menu is not None
    facts = [label.text() for label in menu.findChildren(QLabel)]
    assert any("no word vector for 'frok'" in fact for fact in facts)
    (word,) = menu.findChildren(QPushButton)
    assert word.text() == "fork"
    word.click()
    answered(seer)
    seer.wait(lambda: texts(bar) == ["fork 1"])


def test_a_chip_is_taken_out_with_a_click_or_a_key(seer: Hand, bar: PromptBar) -> None:
    seer.type("cat,fork,", bar.input)
    answered(seer)
    bar.chips[0].close_button.click()
    seer.wait(lambda: texts(bar) == ["fork 1"])
    assert [record.name for record in seer.project.classes()] == ["cat", "fork"]
    seer.key(Qt.Key.Key_Backspace)
    assert QApplication.focusWidget() is bar.chips[0].button
    seer.key(Qt.Key.Key_Delete)
    seer.wait(lambda: not bar.chips)
    assert QApplication.focusWidget() is bar.input


def test_the_slider_of_a_chip_and_the_keys_move_its_threshold(seer: Hand, bar: PromptBar) -> None:
    window = seer.window
    seer.type("cat,", bar.input)
    answered(seer)
    bar.chips[0].button.click()
    menu = bar.findChild(ChipMenu)
    assert menu is not None
    assert menu.slider.label.text() == "from 0.40: 1"
    menu.slider.slider.setValue(20)
    assert menu.slider.label.text() == "from 0.20: 3"
    assert texts(bar) == ["cat 3"]
    menu.close()
    window.canvas.setFocus()
    seer.key(".")
    assert window.status.currentMessage() == "cat from 0.22: 2 shown, 1 weaker"
    assert texts(bar) == ["cat 2"]
    seer.key(",")
    assert texts(bar) == ["cat 3"]


def test_synonyms_are_typed_into_a_chip(seer: Hand, bar: PromptBar) -> None:
    seer.type("sofa,", bar.input)
    answered(seer)
    bar.chips[0].button.click()
    menu = bar.findChild(ChipMenu)
    assert menu is not None
    seer.type("couch", menu.synonyms)
    seer.key(Qt.Key.Key_Return, on=menu.synonyms)
    menu.close()
    answered(seer)
    assert texts(bar) == ["sofa = couch 1"]
    assert bar.chips[0].button.accessibleName().endswith("seen in training")


def test_the_models_own_classes_come_along_when_wished(seer: Hand, bar: PromptBar) -> None:
    seer.type("fork,", bar.input)
    answered(seer)
    bar.options.click()
    options = bar.findChild(PromptOptions)
    assert options is not None
    assert not options.slider.isEnabled()
    options.seen.click()
    answered(seer)
    assert [r.name for r in seer.project.classes()] == ["fork", "spoon"]
    options.slider.setValue(20)
    answered(seer)
    assert seer.window.proposals.prompt.generalised.seen_penalty == 5.0
    assert len(seer.window.proposals.visible) == 1
    options.automatic.click()
    assert not seer.window.settings.flag("propose_on_open")
    options.close()


def test_classes_of_the_project_become_chips(seer: Hand, bar: PromptBar) -> None:
    panel = seer.window.classes
    seer.type("zebra,", bar.input)
    for name in ("cat", "fork"):
        seer.type(name, panel.input)
        seer.key(Qt.Key.Key_Return, on=panel.input)
    settle()
    panel.list.selectAll()
    panel.look_action.trigger()
    answered(seer)
    assert texts(bar) == ["zebra probably absent", "cat 1", "fork 1"]


def test_the_key_asks_again(seer: Hand, bar: PromptBar) -> None:
    seer.type("cat,", bar.input)
    answered(seer)
    seer.window.session.undo()
    assert seer.objects() == []
    seer.window.canvas.setFocus()
    seer.key("i")
    answered(seer)
    assert texts(bar) == ["cat 1"]
    assert len(seer.objects()) == 3


def test_a_project_that_cannot_be_changed_has_no_prompt(seer: Hand, bar: PromptBar) -> None:
    seer.type("cat,", bar.input)
    answered(seer)
    seer.window.session.close()
    assert not bar.isVisible()
