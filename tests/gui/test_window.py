"""The window itself: actions and keys, docks, palette, settings, messages, jobs, layout, accessibility."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import SIGNAL, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QListView, QSpinBox, QWidget

from app import errors
from app.actions import ACTIONS, Where
from app.actions.palette import CommandPalette
from app.actions.registry import ActionRegistry
from app.actions.shortcut_overview import ShortcutOverview
from app.actions.spec import ActionSpec
from app.class_search import ClassSearch
from app.messages import ReportDialog
from app.project.commands import AddClass
from app.settings import OPTIONS, Settings
from app.settings.dialog import SettingsDialog
from app.theme import DARK, LIGHT, current
from tests.gui.conftest import Hand, settle
from zsi_core.errors import ImageError
from zsi_core.files import resources_dir

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier

# The key map that users of other annotation tools and the handbook rely on.
KEY_MAP = {
    "open_file": "Ctrl+O", "open_folder": "Ctrl+U", "settings": "Ctrl+,",
    "next_image": "D", "previous_image": "A", "next_unfinished": "Shift+D", "previous_unfinished": "Shift+A",
    "filter": "Ctrl+L", "tool_select": "V", "tool_polygon": "P", "tool_rectangle": "Shift+R",
    "tool_brush": "B", "tool_eraser": "E",
    "tool_box_to_mask": "R", "tool_click_to_mask": "K",
    "tool_edge_refine": "W", "choose_class": "C", "undo": "Ctrl+Z", "copy": "Ctrl+C",
    "paste": "Ctrl+V", "duplicate": "Ctrl+D", "paste_previous": "Ctrl+Shift+V", "delete": "Del",
    "cycle": "Tab",
    "merge": "M", "split": "S", "fit": "F", "fit_selection": "Shift+F", "actual_size": "Ctrl+0", "hide": "H",
    "prompt": "/", "propose_here": "I", "threshold_lower": ",", "threshold_raise": ".",
    "lock": "L", "outline_only": "O", "palette": "Ctrl+Shift+P", "shortcuts": "F1", "full_screen": "F11",
    "jobs": "Ctrl+J", "brush_smaller": "[", "brush_larger": "]", "class_1": "1", "class_0": "0",
}  # fmt: skip


# ---------------------------------------------------------------- actions


def test_the_key_map() -> None:
    specs = {spec.id: spec for spec in ACTIONS}
    assert {action_id: specs[action_id].keys[0] for action_id in KEY_MAP} == KEY_MAP
    assert specs["redo"].keys == ("Ctrl+Shift+Z", "Ctrl+Y")


def test_actions_are_complete_and_without_conflict(hand: Hand) -> None:
    registry = hand.window.registry
    assert registry.conflicts() == []
    assert len(registry.actions) == len(ACTIONS), "an id is declared twice"
    for spec in ACTIONS:
        assert spec.tip.endswith("."), spec.id
        assert not spec.icon or (resources_dir() / "icons" / f"{spec.icon}.svg").is_file(), spec.id
        action = registry[spec.id]
        bound = action.receivers(SIGNAL("triggered(bool)")) + action.receivers(SIGNAL("toggled(bool)"))
        # The window's own actions have a receiver; menus and tool bars do not count.
        assert bound, f"{spec.id} does nothing"


def test_a_conflict_is_found(hand: Hand) -> None:
    twice = [
        ActionSpec("one", "One", "First.", "File", keys=("F",)),
        ActionSpec("two", "Two", "Next.", "File", keys=("F",)),
    ]
    assert ActionRegistry(hand.window, twice).conflicts() == ["F is claimed by One and by Two"]


def test_keys_without_ctrl_act_only_on_canvas_and_lists() -> None:
    for spec in ACTIONS:
        for key in spec.keys:
            harmless = re.search(r"Ctrl|Alt", key) or re.fullmatch(r"F\d+", key)
            assert harmless or spec.where is not Where.WINDOW, spec.id


def test_tools_by_key_and_by_button(drawing: Hand) -> None:
    for key, name in (
        ("p", "polygon"),
        ("b", "brush"),
        ("e", "eraser"),
        ("w", "edge_refine"),
        ("v", "select"),
    ):
        drawing.key(key)
        assert drawing.window.canvas.tool == name
        assert drawing.window.registry[f"tool_{name}"].isChecked()
    button = drawing.window.tool_bar.widgetForAction(drawing.window.registry["tool_brush"])
    assert isinstance(button, QAbstractButton)
    button.click()
    assert drawing.window.canvas.tool == "brush"
    size = drawing.window.canvas.brush_size
    drawing.key("]")
    assert drawing.window.canvas.brush_size > size


def test_view_keys(drawing: Hand) -> None:
    canvas = drawing.window.canvas
    drawing.key("0", CTRL)
    assert canvas.zoom == 1.0
    assert drawing.window.status.zoom.text() == "100 %"
    drawing.key("f")
    assert canvas.zoom > 1
    drawing.key("o")
    assert canvas.settings.outline_only


# ---------------------------------------------------------------- palette, overview, class search


def test_the_command_palette_finds_and_runs(drawing: Hand) -> None:
    drawing.key("p", CTRL | SHIFT)
    palette = drawing.window.findChild(CommandPalette)
    assert palette is not None
    first = [choice.key for choice in palette.model.choices]
    assert set(first) == {spec.id for spec in ACTIONS}
    drawing.type("brush", palette.input)
    found = [choice.key for choice in palette.model.choices]
    assert found[0] == "tool_brush"
    assert "brush_larger" in found
    drawing.key(Qt.Key.Key_Return, on=palette.input)
    assert drawing.window.canvas.tool == "brush"


def test_the_palette_says_what_is_not_possible(drawing: Hand) -> None:
    drawing.key("p", CTRL | SHIFT)
    palette = drawing.window.findChild(CommandPalette)
    assert palette is not None
    drawing.type("merge", palette.input)
    drawing.key(Qt.Key.Key_Return, on=palette.input)
    assert palette.isVisible()
    assert "not possible now" in palette.tip.text()
    palette.input.clear()
    drawing.type("no such thing at all", palette.input)
    assert palette.tip.text() == "Nothing matches."


def test_all_keys_are_in_the_overview(hand: Hand) -> None:
    hand.key(Qt.Key.Key_F1)
    overview = hand.window.findChild(ShortcutOverview)
    assert overview is not None
    rows = range(overview.table.rowCount())
    texts = {overview.table.item(row, 1).text() for row in rows}  # type: ignore[union-attr]
    assert {spec.plain_text for spec in ACTIONS if spec.keys} <= texts
    overview.filter.setText("ctrl+y")
    shown = [row for row in rows if not overview.table.isRowHidden(row)]
    assert [overview.table.item(row, 0).text() for row in shown] == ["Edit", "Ctrl+Shift+Z   Ctrl+Y"]  # type: ignore[union-attr]
    overview.filter.setText("no such key")
    assert all(overview.table.isRowHidden(row) for row in rows), "headings of nothing are hidden, too"


def test_class_search_chooses_and_makes(drawing: Hand) -> None:
    drawing.window.session.do(AddClass("cat"))
    drawing.window.session.do(AddClass("category"))
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    drawing.key("c")
    search = drawing.window.findChild(ClassSearch)
    assert search is not None
    drawing.type("cat", search.input)
    assert [choice.text for choice in search.model.choices] == ["cat", "category"]
    drawing.key(Qt.Key.Key_Down, on=search.input)
    drawing.key(Qt.Key.Key_Return, on=search.input)
    assert drawing.objects()[0].class_id == drawing.project.class_id("category")
    drawing.window.canvas.setFocus()
    drawing.key("v")
    drawing.click(300, 200)
    drawing.key("c")
    search = drawing.window.findChildren(ClassSearch)[-1]
    drawing.type("tree", search.input)
    drawing.key(Qt.Key.Key_Return, on=search.input)
    assert drawing.window.session.class_id == drawing.project.class_id("tree")


# ---------------------------------------------------------------- classes


def class_names(hand: Hand) -> list[str]:
    return [record.name for record in hand.project.classes()]


def test_classes_are_added_renamed_recoloured_and_get_keys(drawing: Hand) -> None:
    panel = drawing.window.classes
    for name in ("cat", "dog", "CAT "):
        drawing.type(name, panel.input)
        drawing.key(Qt.Key.Key_Return)
    assert class_names(drawing) == ["cat", "dog"], "the same class is not added twice"
    assert drawing.window.session.class_id == drawing.project.class_id("cat")
    settle()
    panel.list.setCurrentIndex(panel.model.index(1))
    panel.list.setFocus()
    drawing.key(Qt.Key.Key_F2)
    editor = panel.list.findChild(QLineEdit)
    assert editor is not None
    editor.setText("wolf")
    drawing.key(Qt.Key.Key_Return, on=editor)
    drawing.wait(lambda: class_names(drawing) == ["cat", "wolf"])
    panel.list.setFocus()
    drawing.key(Qt.Key.Key_Return)
    assert drawing.window.session.class_id == drawing.project.class_id("wolf")
    settle()
    assert panel.model.index(1).data() == "wolf"


def test_a_class_with_objects_is_deleted_after_a_question(drawing: Hand) -> None:
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    before = drawing.snapshot()
    panel = drawing.window.classes
    settle()
    panel.list.setCurrentIndex(panel.model.index(0))
    panel.delete_action.trigger()
    box = panel.findChildren(QWidget, "")  # the question is open
    question = next(widget for widget in box if widget.metaObject().className() == "QMessageBox")
    assert "and 1 object in all images" in question.text()  # type: ignore[attr-defined]
    assert drawing.snapshot() == before
    delete = next(b for b in question.findChildren(QAbstractButton) if "Delete" in b.text())
    delete.click()
    assert drawing.snapshot() == [[], []]
    drawing.window.registry["undo"].trigger()
    assert drawing.snapshot() == before


def test_merging_classes(drawing: Hand) -> None:
    for name in ("cat", "kitten"):
        drawing.window.session.do(AddClass(name))
    drawing.window.session.choose_class(drawing.project.class_id("kitten") or 0)
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    panel = drawing.window.classes
    settle()
    panel.list.selectAll()
    panel.merge_action.trigger()
    entries = [
        action
        for menu in panel.findChildren(QWidget)
        for action in menu.actions()
        if "into cat" in action.text()
    ]
    assert [entry.text() for entry in entries] == ["Merge kitten into cat"]
    entries[0].trigger()
    assert class_names(drawing) == ["cat"]
    assert drawing.objects()[0].class_id == drawing.project.class_id("cat")
    settle()
    assert panel.model.count(drawing.objects()[0].class_id) == 1


def test_objects_are_selected_in_list_and_canvas_alike(drawing: Hand) -> None:
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    drawing.drag((120, 20), (190, 90))
    top, bottom = drawing.window.objects.records
    drawing.key("v")
    drawing.click(50, 50)
    assert [record.uuid for record in drawing.window.objects.selected] == [bottom.uuid]
    drawing.window.objects.list.setCurrentIndex(drawing.window.objects.model.index(0))
    assert drawing.window.canvas.selection == (top.uuid,)
    assert "1 selected" in drawing.window.status.objects.text()
    drawing.window.objects.list.setFocus()
    drawing.key(Qt.Key.Key_Delete)
    assert [record.uuid for record in drawing.objects()] == [bottom.uuid]


# ---------------------------------------------------------------- messages and errors


def test_an_unexpected_error_becomes_a_report_to_copy(hand: Hand) -> None:
    try:
        raise ValueError("a strange value")
    except ValueError as error:
        errors.report_exception(error)
    message = hand.window.messages.messages[0]
    assert "ValueError: a strange value" in message.text
    message.show_details()
    dialog = hand.window.findChild(ReportDialog)
    assert dialog is not None
    dialog.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert "Traceback" in copied
    assert "ZSI Annotator" in copied
    message.closed.click()
    assert not hand.window.messages.isVisible()


def test_messages_float_over_the_canvas_and_move_nothing(drawing: Hand) -> None:
    window = drawing.window
    before = (window.canvas.geometry(), window.canvas.viewport)
    for text in ("a short one", "a long one " * 40):
        window.messages.show_message(text, "caution")
        settle()
        settle()
        place, room = window.messages.geometry(), window.pages.geometry()
        assert window.messages.isVisible() and room.contains(place)
        assert (window.canvas.geometry(), window.canvas.viewport) == before
    for message in window.messages.messages:
        assert message.height() >= message.heightForWidth(message.width()), "no line is cut"
    window.resize(900, 800)
    settle()
    assert window.pages.geometry().contains(window.messages.geometry())
    drawing.click(160, 200)
    assert drawing.objects() == [], "beside the messages the mouse works as ever"


def test_an_expected_error_is_one_sentence_and_shown_once(hand: Hand) -> None:
    for _ in range(2):
        errors.report_exception(ImageError("a.jpg is empty (0 bytes): copy it again from its source"))
    assert hand.messages() == ["a.jpg is empty (0 bytes): copy it again from its source"]


def test_an_exception_in_a_task_is_reported(hand: Hand) -> None:
    from app.jobs import run_task

    def fail(_: object) -> None:
        raise RuntimeError("lost in a thread")

    run_task(fail)
    hand.wait(hand.messages)
    assert "lost in a thread" in hand.messages()[0]


def test_the_stack_of_a_crash_is_read_at_the_next_start(tmp_path: Path) -> None:
    crashed = errors.CrashFile(tmp_path)
    crashed.path = tmp_path / "crash-1.txt"
    crashed.path.write_text("Fatal Python error: Segmentation fault")
    now = errors.CrashFile(tmp_path)
    assert "Segmentation fault" in now.last_crash()
    assert now.last_crash() == "", "told once"
    now.watch()
    assert now.path.exists()
    now.close()
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- jobs


def test_a_job_is_seen_and_can_be_stopped(hand: Hand) -> None:
    window = hand.window
    window.registry["jobs"].trigger()
    assert window.docks["Jobs"].isVisible()
    stopped: list[bool] = []
    job = window.jobs.add("Counting pixels", lambda: stopped.append(True))
    job.progress(3, 10, "third row")
    row = window.jobs_panel.rows[job]
    assert "3 of 10" in row.state.text()
    assert "Counting pixels" in window.status.job_button.text()
    row.stop_button.click()
    assert stopped == [True]
    assert row.state.text() == "Stopped"
    assert not window.status.job_bar.isVisible()
    window.jobs_panel.clear_button.click()
    assert window.jobs.jobs == []


def test_a_failed_job_says_why(hand: Hand) -> None:
    def fail(_: object) -> None:
        raise ImageError("a.jpg is empty (0 bytes): copy it again from its source")

    job = hand.window.jobs.run("Reading", fail, str)
    hand.wait(lambda: not job.running)
    assert "a.jpg is empty" in job.message
    assert "a.jpg is empty" in hand.messages()[0]


# ---------------------------------------------------------------- settings, theme, layout


def test_the_dialog_shows_and_sets_every_option(hand: Hand) -> None:
    hand.key(",", CTRL)
    dialog = hand.window.findChild(SettingsDialog)
    assert dialog is not None
    assert set(dialog.editors) == {option.key for option in OPTIONS}
    settings = hand.window.settings
    theme, wheel, cache = (dialog.editors[key] for key in ("theme", "wheel_zooms", "image_cache_mb"))
    assert isinstance(theme, QComboBox)
    theme.setCurrentIndex(theme.findData("dark"))
    assert current() is DARK
    theme.setCurrentIndex(theme.findData("light"))
    assert current() is LIGHT
    assert isinstance(wheel, QAbstractButton)
    wheel.click()
    assert hand.window.canvas.settings.wheel_zooms
    assert isinstance(cache, QSpinBox)
    cache.setValue(512)
    fill = dialog.editors["fill_percent"]
    assert isinstance(fill, QSpinBox)
    fill.setValue(60)
    assert hand.window.canvas.settings.opacity == 0.6
    settings.save()
    again = Settings(settings.path)
    assert (again.flag("wheel_zooms"), again.number("image_cache_mb"), again.text("theme")) == (
        True,
        512,
        "light",
    )
    restore = next(b for b in dialog.findChildren(QAbstractButton) if "Restore" in b.text())
    restore.click()
    assert all(settings.value(option.key) == option.default for option in OPTIONS)


@pytest.mark.parametrize(("line", "value"), [("image_cache_mb=many", 256), ("image_cache_mb=1", 64)])
def test_a_file_of_settings_that_makes_no_sense(tmp_path: Path, line: str, value: int) -> None:
    path = tmp_path / "settings.ini"
    path.write_text(f"[options]\n{line}\ntheme=purple\nwheel_zooms=perhaps\n")
    settings = Settings(path)
    assert settings.number("image_cache_mb") == value
    assert settings.text("theme") == "system"
    assert not settings.flag("wheel_zooms")


def test_the_layout_is_kept_and_can_be_reset(make_window: Callable[[], Hand]) -> None:
    first = make_window().window
    first.docks["Objects"].hide()
    first.close()
    second = make_window().window
    assert second.docks["Objects"].isHidden()
    second.registry["reset_layout"].trigger()
    assert not second.docks["Objects"].isHidden()
    assert second.docks["Jobs"].isHidden()


# ---------------------------------------------------------------- accessibility


def test_everything_that_can_be_focused_has_a_name(drawing: Hand) -> None:
    nameless = [
        (widget.metaObject().className(), widget.objectName())
        for widget in drawing.window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not (widget.accessibleName() or widget.property("text"))
        and isinstance(widget, QAbstractButton | QLineEdit | QListView | type(drawing.window.canvas))
    ]
    assert nameless == []


def test_the_keyboard_goes_round_the_panes(drawing: Hand) -> None:
    window = drawing.window
    round_trip = []
    for _ in range(4):
        drawing.key(Qt.Key.Key_F6, on=window.focusWidget())
        focused = window.focusWidget()
        assert focused is not None
        round_trip.append(focused)
    assert round_trip == [window.classes.list, window.objects.list, window.images.list, window.canvas]


def test_states_are_told_in_words(drawing: Hand) -> None:
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    drawing.key("l")
    settle()
    assert "locked" in str(drawing.window.objects.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole))
    settle()
    told = drawing.window.images.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert told == "a1.png: started, 1 object"


def test_the_right_button_opens_a_menu_of_the_object(drawing: Hand) -> None:
    drawing.key("r", SHIFT)
    drawing.drag((20, 20), (90, 90))
    drawing.window.window_commands.open_context_menu(QPoint(100, 100))
    menus = [
        child for child in drawing.window.children() if isinstance(child, QObject) and child.inherits("QMenu")
    ]
    texts = [action.text() for menu in menus for action in menu.actions() if isinstance(action, QAction)]  # type: ignore[attr-defined]
    assert "De&lete" in texts


def test_the_surround_of_the_image_follows_the_theme(hand) -> None:
    window = hand.window
    for theme, dark in (("dark", True), ("light", False)):
        window.settings.set_value("theme", theme)
        corner = window.canvas.grab().toImage().pixelColor(1, 1)
        assert (corner.lightness() < 100) == dark
