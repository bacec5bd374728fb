"""The dialog of models in the real window, with a stand-in of the engine's model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox

from app.models.dialog import ModelsDialog
from app.models.folders import copy_checkpoint, publish, remove_checkpoint
from tests.engine import stand_in
from tests.gui.conftest import Hand
from zsi_core.errors import CheckpointError
from zsi_core.files import user_models_dir

STAND_IN = [sys.executable, str(Path(stand_in.__file__))]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A checkpoint folder with a card, beside something that is not of it."""
    folder = tmp_path / "elsewhere" / "tiny"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "card.md", "log.jsonl"):
        (folder / name).write_text(f"content of {name}", encoding="utf-8")
    return folder


def test_a_model_is_imported_chosen_and_removed(tiny: Path, make_window: Callable[[], Hand]) -> None:
    hand = make_window()
    hand.window.link._command = STAND_IN
    hand.window.link.start()
    hand.wait(lambda: hand.window.link.ready)
    hand.window.registry["models"].trigger()
    dialog = hand.window.findChild(ModelsDialog)
    assert dialog is not None

    def names() -> list[str]:
        return [dialog.list.item(row).text() for row in range(dialog.list.count())]

    hand.wait(lambda: dialog.list.count())
    assert names() == ["starter  (in use)"]
    assert "A stand-in." in dialog.card.toPlainText()
    assert "dog, car" in dialog.facts.text() and "25.0 %" in dialog.facts.text()
    assert not dialog.remove_button.isEnabled(), "it comes with the program"

    hand.window.models.import_folder(tiny)
    hand.wait(lambda: "tiny" in names())
    assert dialog.chosen is not None and dialog.chosen.name == "tiny"
    copied = {path.name for path in (user_models_dir() / "tiny").iterdir()}
    assert copied == {"config.json", "model.safetensors", "card.md"}
    assert [path.name for path in user_models_dir().iterdir()] == ["tiny"], "no copy is left over"

    assert dialog.remove_button.isEnabled()
    dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
    dialog.use_button.click()
    hand.wait(lambda: names() == ["starter", "tiny  (in use)"])
    assert hand.window.settings.model() == ("tiny", "cpu")
    assert not dialog.remove_button.isEnabled(), "it is in use"

    dialog.list.setCurrentRow(0)
    dialog.use_button.click()
    hand.wait(lambda: names() == ["starter  (in use)", "tiny"])
    dialog.list.setCurrentRow(1)
    dialog.remove_button.click()
    box = dialog.findChild(QMessageBox)
    assert box is not None
    next(button for button in box.buttons() if button.text() == "Remove").click()
    hand.wait(lambda: names() == ["starter  (in use)"])
    assert list(user_models_dir().iterdir()) == []


def test_a_model_that_the_engine_cannot_load_is_not_imported(
    tiny: Path, make_window: Callable[[], Hand]
) -> None:
    (tiny / "config.json").write_text("damaged", encoding="utf-8")
    hand = make_window()
    hand.window.link._command = STAND_IN
    hand.window.link.start()
    told: list[str] = []
    hand.window.models.failed.connect(told.append)
    hand.window.models.import_folder(tiny)
    hand.wait(lambda: told)
    assert told == ["tiny was not imported: tiny/config.json is damaged: copy the checkpoint again"]
    assert list(user_models_dir().iterdir()) == []


def test_a_folder_without_weights_is_refused(tiny: Path, tmp_path: Path) -> None:
    (tiny / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"tiny is no model: it has no model\.safetensors"):
        copy_checkpoint(tiny, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_copies_take_a_free_name_and_go_as_a_whole(tiny: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    first = publish(copy_checkpoint(tiny, models), "tiny", ["tiny"])
    second = publish(copy_checkpoint(tiny, models), "tiny", ["tiny"])
    assert (first.name, second.name) == ("tiny-2", "tiny-3")
    weights = "model.safetensors"
    assert (first / weights).read_bytes() == (tiny / weights).read_bytes()
    assert (first / weights).stat().st_mtime == (tiny / weights).stat().st_mtime
    remove_checkpoint(first)
    assert [path.name for path in models.iterdir()] == ["tiny-3"]
    with pytest.raises(CheckpointError, match="cannot be removed"):
        remove_checkpoint(first)
