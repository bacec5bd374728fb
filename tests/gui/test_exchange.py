"""Import and export from the window: the dialogs, the work in the background, what the person is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog
from shiboken6 import isValid

from app.exchange_dialogs.exporting import ExportDialog
from app.exchange_dialogs.importing import ImportDialog
from tests.gui.conftest import Hand

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
SQUARE = [[10, 10, 60, 10, 60, 60, 10, 60]]


def annotations(folder: Path, count: int = 2, **changes: Any) -> Path:
    """A COCO file for the folder `photos`."""
    entries = [
        {
            "id": i,
            "image_id": 1,
            "category_id": 3,
            "segmentation": SQUARE,
            "bbox": [10, 10, 50, 50],
            "area": 2500,
            "iscrowd": 0,
            **changes,
        }
        for i in range(1, count + 1)
    ]
    image = {"id": 1, "file_name": "a1.png", "width": 320, "height": 240}
    document = {"images": [image], "categories": [{"id": 3, "name": "fork"}], "annotations": entries}
    path = folder / "in.json"
    path.write_text(json.dumps(document))
    return path


def dialog_of(kind: type[QDialog]) -> Any:
    [found] = [
        widget for widget in QApplication.topLevelWidgets() if isinstance(widget, kind) and widget.isVisible()
    ]
    return found


def open_import(hand: Hand) -> ImportDialog:
    hand.window.registry["import"].trigger()
    found: ImportDialog = dialog_of(ImportDialog)
    return found


def open_export(hand: Hand) -> ExportDialog:
    hand.key(Qt.Key.Key_E, CTRL_SHIFT)
    found: ExportDialog = dialog_of(ExportDialog)
    return found


def test_import_into_the_open_project(drawing: Hand, tmp_path: Path) -> None:
    dialog = open_import(drawing)
    assert not dialog.import_button.isEnabled()
    assert "open project photos" in dialog.into.text()
    dialog.source.set_path(annotations(tmp_path, iscrowd=False))
    dialog.import_button.click()
    drawing.wait(lambda: dialog.outcome.text() == "1 image, 2 objects, 1 class read.")
    assert (dialog.bar.value(), dialog.bar.maximum()) == (2, 2)
    assert "Changed: 2 × iscrowd" in dialog.report.toPlainText()
    assert len(drawing.objects()) == 2
    drawing.wait(lambda: len(drawing.window.objects.model.records) == 2)
    dialog.close()
    assert drawing.window.session.labels()[0] == "Import in.json"
    drawing.window.session.undo()
    assert drawing.objects() == []


def test_import_without_a_project_makes_one(hand: Hand, photos: Path) -> None:
    dialog = open_import(hand)
    dialog.source.set_path(annotations(photos))
    assert dialog.images.path == photos
    dialog.import_button.click()
    hand.wait(lambda: hand.window.session.project is not None)
    hand.wait(lambda: hand.image_name == "a1.png")
    assert len(hand.objects()) == 2
    dialog.close()


def test_refused_file_is_told_in_the_dialog(drawing: Hand, tmp_path: Path) -> None:
    path = annotations(tmp_path)
    path.write_text(path.read_text()[:-20])
    dialog = open_import(drawing)
    dialog.source.set_path(path)
    dialog.import_button.click()
    drawing.wait(lambda: "cut off" in dialog.outcome.text())
    assert drawing.objects() == []
    assert dialog.import_button.isEnabled()
    dialog.close()


def test_stopped_import_leaves_nothing(drawing: Hand, tmp_path: Path) -> None:
    dialog = open_import(drawing)
    dialog.source.set_path(annotations(tmp_path, 3000))
    dialog.import_button.click()
    dialog.close()  # stops first, and closes then
    drawing.wait(lambda: not isValid(dialog) or not dialog.isVisible())
    assert drawing.objects() == []
    assert drawing.project.classes() == []


def test_paths_that_do_not_exist(drawing: Hand, tmp_path: Path) -> None:
    dialog = open_import(drawing)
    dialog.source.set_path(tmp_path / "gone.json")
    assert "does not exist" in dialog.into.text()
    dialog.source.set_path(annotations(tmp_path))
    dialog.images.set_path(tmp_path / "gone")
    assert "is not a folder" in dialog.into.text()
    assert not dialog.import_button.isEnabled()
    dialog.close()


@pytest.fixture
def labelled(drawing: Hand, tmp_path: Path) -> Hand:
    """Two objects in the first image."""
    dialog = open_import(drawing)
    dialog.source.set_path(annotations(tmp_path))
    dialog.import_button.click()
    drawing.wait(lambda: len(drawing.objects()) == 2)
    drawing.wait(lambda: not dialog.stop_button.isVisible())
    dialog.close()
    return drawing


def test_export_counts_writes_and_tells(labelled: Hand, tmp_path: Path) -> None:
    dialog = open_export(labelled)
    assert dialog.preview.text() == "3 images, 2 objects, 1 class will be written"
    assert dialog.target.path == labelled.project.path.with_suffix(".json")
    dialog.states["drawn"].setChecked(False)
    assert dialog.preview.text().startswith("3 images, 0 objects")
    dialog.states["drawn"].setChecked(True)
    dialog.target.set_path(tmp_path / "out.json")
    dialog.choices["provenance"].setChecked(False)
    dialog.export_button.click()
    labelled.wait(lambda: labelled.messages())
    assert labelled.messages() == [f"3 images, 2 objects, 1 class written to {tmp_path / 'out.json'}"]
    written = json.loads((tmp_path / "out.json").read_text())
    assert [entry["id"] for entry in written["annotations"]] == [1, 2]
    assert all("zsi" not in entry for entry in written["annotations"])


def test_formats_offer_what_they_can_hold(labelled: Hand) -> None:
    dialog = open_export(labelled)
    dialog.format.setCurrentIndex(dialog.format.findData("yolo"))
    assert not dialog.choices["provenance"].isEnabled()
    assert dialog.val.isEnabled() and dialog.choices["copy_images"].isEnabled()
    assert dialog.target.path is not None and dialog.target.path.name == "photos-yolo"
    dialog.val.setValue(50)
    dialog.export_button.click()
    labelled.wait(lambda: labelled.messages())
    folder = labelled.project.path.parent / "photos-yolo"
    assert (folder / "data.yaml").exists()
    again = open_export(labelled)
    again.format.setCurrentIndex(again.format.findData("yolo"))
    assert again.target.path is not None and again.target.path.name == "photos-yolo-2"
    again.close()


def test_export_needs_objects_and_a_place(labelled: Hand) -> None:
    dialog = open_export(labelled)
    dialog.target.set_path(None)
    assert not dialog.export_button.isEnabled()
    dialog.target.set_path(labelled.project.path.with_suffix(".json"))
    for box in dialog.states.values():
        box.setChecked(False)
    assert not dialog.export_button.isEnabled()
    dialog.reject()


def test_failed_export_is_told(labelled: Hand, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    dialog = open_export(labelled)
    dialog.target.set_path(tmp_path / "file" / "out.json")
    dialog.export_button.click()
    labelled.wait(lambda: labelled.messages())
    assert "cannot be written" in labelled.messages()[0]
