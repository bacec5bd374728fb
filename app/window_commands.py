"""What the actions of the registry do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox

from app import errors
from app.actions.palette import CommandPalette
from app.actions.shortcut_overview import ShortcutOverview
from app.canvas.editor import Copy
from app.class_search import ClassSearch
from app.models.dialog import ModelsDialog
from app.project.commands import AddClass, SetClass, SetFlags, SetImageState
from app.project.location import SUFFIX
from app.settings.dialog import SettingsDialog
from app.simplify import SimplifyDialog
from zsi_core import __version__

if TYPE_CHECKING:
    from app.main_window import MainWindow

ZOOM_STEP = 1.25
CONTEXT_MENU = (
    ("choose_class", "fit_selection"),
    ("copy", "paste", "duplicate", "delete"),
    ("merge", "split", "fill_holes", "simplify"),
    ("hide", "lock"),
)
TOOL_NAMES = (
    "select",
    "polygon",
    "rectangle",
    "brush",
    "eraser",
    "box_to_mask",
    "click_to_mask",
    "edge_refine",
)


class WindowCommands:
    """Binds every action of a window; a test makes sure that none is left out."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        registry = window.registry
        for action_id, slot in self._slots().items():
            registry.bind(action_id, slot)
        for action_id, setter in self._switches().items():
            registry.bind_checked(action_id, setter)
        for name in TOOL_NAMES:
            registry.bind(f"tool_{name}", partial(self._take_tool, name))
        for digit in "1234567890":
            registry.bind(f"class_{digit}", partial(self._class_of_key, digit))
        window.canvas.tool_changed.connect(lambda _: self.show_state())
        window.docks["Jobs"].visibilityChanged.connect(lambda _: self.show_state())
        window.classes.chosen.connect(self.choose_class)
        window.canvas.menu_requested.connect(self.open_context_menu)
        window.objects.list.customContextMenuRequested.connect(
            lambda place: self.open_context_menu(window.objects.list.viewport().mapToGlobal(place))
        )

    def _slots(self) -> dict[str, Callable[[], object]]:
        window = self._window
        canvas, commands, session, navigator = (
            window.canvas,
            window.commands,
            window.session,
            window.navigator,
        )
        return {
            "open_file": self._open_file,
            "open_folder": self._open_folder,
            "open_demo": window.open_demo,
            "rescan": window.opener.rescan,
            "close_project": session.close,
            "import": self._import,
            "export": self._export,
            "settings": lambda: SettingsDialog(window.settings, window).open(),
            "quit": window.close,
            "undo": lambda: self._unless_drawing(session.undo),
            "redo": lambda: self._unless_drawing(session.redo),
            "copy": self._copy,
            "paste": commands.paste,
            "duplicate": commands.duplicate,
            "paste_previous": self._paste_previous,
            "delete": commands.delete,
            "select_all": canvas.select_all,
            "cycle": canvas.cycle,
            "merge": commands.merge,
            "split": commands.split,
            "fill_holes": commands.fill_holes,
            "simplify": lambda: SimplifyDialog(commands, window).show(),
            "nudge_left": lambda: commands.nudge(-1, 0),
            "nudge_right": lambda: commands.nudge(1, 0),
            "nudge_up": lambda: commands.nudge(0, -1),
            "nudge_down": lambda: commands.nudge(0, 1),
            "fit": canvas.fit,
            "fit_selection": canvas.fit_selection,
            "actual_size": lambda: canvas.zoom_to(1.0),
            "zoom_in": lambda: canvas.zoom_by(ZOOM_STEP),
            "zoom_out": lambda: canvas.zoom_by(1 / ZOOM_STEP),
            "hide": self._toggle_hidden,
            "show_hidden": self._show_hidden,
            "lock": self._toggle_locked,
            "filter": self._search_images,
            "next_pane": self._next_pane,
            "reset_layout": window.reset_layout,
            "brush_smaller": lambda: canvas.change_brush_size(-1),
            "brush_larger": lambda: canvas.change_brush_size(1),
            "choose_class": self._search_class,
            "next_image": lambda: navigator.step(1),
            "previous_image": lambda: navigator.step(-1),
            "next_unfinished": lambda: navigator.step(1, unfinished=True),
            "previous_unfinished": lambda: navigator.step(-1, unfinished=True),
            "finish_and_next": self._finish_and_next,
            "finished": self._toggle_finished,
            "propose_batch": lambda: window.batching.open_dialog(),
            "propose_again": lambda: window.batching.open_dialog(again=True),
            "models": self._models,
            "retrain": lambda: window.training.open_setup(),
            "show_retraining": lambda: window.training.show_run(),
            "restart_engine": window.link.restart,
            "palette": lambda: CommandPalette(window.registry, window).open_over(window),
            "shortcuts": lambda: ShortcutOverview(window.registry, window).show(),
            "about": self._about,
        }

    def _switches(self) -> dict[str, Callable[[bool], object]]:
        window = self._window
        return {
            "outline_only": lambda on: self._look(outline_only=on),
            "labels": lambda on: self._look(labels=on),
            "full_screen": lambda on: window.showFullScreen() if on else window.showNormal(),
            "jobs": window.docks["Jobs"].setVisible,
        }

    def show_state(self) -> None:
        """Check the actions that are on."""
        window = self._window
        window.registry[f"tool_{window.canvas.tool}"].setChecked(True)
        record = window.session.image
        window.registry["finished"].setChecked(record is not None and record.finished)
        window.registry["jobs"].setChecked(not window.docks["Jobs"].isHidden())
        by_key = {owner.hotkey: owner.name for owner in window.session.classes().values() if owner.hotkey}
        for digit in "1234567890":
            name = by_key.get(digit)
            window.registry[f"class_{digit}"].setText(
                f"Class &{digit}: {name}" if name else f"Class &{digit}"
            )

    # ---- files

    def _open_file(self) -> None:
        dialog = QFileDialog(self._window, "Open photographs or a project")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters([f"Photographs and projects (*{SUFFIX} {_image_patterns()})", "All files (*)"])
        self._open_with(dialog)

    def _open_folder(self) -> None:
        dialog = QFileDialog(self._window, "Open a folder of photographs")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        self._open_with(dialog)

    def _open_with(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self._window.open_paths([Path(name) for name in names]))
        dialog.open()

    def _import(self) -> None:
        from app.exchange_dialogs.importing import ImportDialog  # formats and Pillow wait for it

        ImportDialog(self._window.session, self._window.opener, self._window).open()

    def _export(self) -> None:
        from app.exchange_dialogs.exporting import ExportDialog  # as above

        window = self._window
        if window.session.project is not None:
            ExportDialog(window.session, window.jobs, window.messages, window).open()

    # ---- objects and classes

    def choose_class(self, class_id: int) -> None:
        """Give the selected objects this class; without a selection, the next one that is drawn.

        With a drawing tool in hand, the next one gets it in any case: what was drawn last is still selected.
        """
        window, session = self._window, self._window.session
        selected, name = window.canvas.selection, session.classes()[class_id].name
        if not selected or not session.writable:
            session.choose_class(class_id)
            window.status.say(f"New objects: {name}")
        elif session.do(SetClass(list(selected), class_id)):
            changed = f"{len(selected):,} objects are" if len(selected) > 1 else "The selected object is"
            drawing = window.canvas.tool != "select"
            if drawing:
                session.choose_class(class_id)
            window.status.say(f"{changed} {name} now{', new ones will be, too' if drawing else ''}")

    def _class_of_key(self, digit: str) -> None:
        for record in self._window.session.classes().values():
            if record.hotkey == digit:
                self.choose_class(record.id)
                return
        self._window.status.say(f"No class has the key {digit}")

    def _search_class(self) -> None:
        window = self._window
        search = ClassSearch(window.session, len(window.canvas.selection), window)
        search.chosen.connect(self._found_class)
        search.open_over(window)

    def _found_class(self, choice: int | str) -> None:
        session = self._window.session
        if isinstance(choice, str):
            project = session.project
            if project is None or session.do(AddClass(choice)) is None:
                return
            made = project.class_id(choice)
            assert made is not None
            choice = made
        self.choose_class(choice)

    def _take_tool(self, name: str) -> None:
        canvas = self._window.canvas
        if name != canvas.tool:
            self._unless_drawing(lambda: canvas.set_tool(name))
        self.show_state()
        canvas.setFocus()

    def _copy(self) -> None:
        self._window.commands.copy()
        number = len(self._window.canvas.selection)
        self._window.status.say(f"{number} object{'s' if number != 1 else ''} copied")
        self._window.registry.update(self._window.state())

    def _paste_previous(self) -> None:
        window = self._window
        project, image_id = window.session.project, window.session.image_id
        if project is None or image_id is None:
            return
        before = project.next_image(image_id, window.images.model.filter, step=-1)
        if before is None:
            window.status.say("There is no image before this one")
            return
        names = {record.id: record.name for record in project.classes()}
        copies = [
            Copy(names[record.class_id], record.geometry)
            for record in project.objects(before)
            if record.state not in ("rejected", "proposed")
        ]
        if project.image(before).size != project.image(image_id).size and any(
            copy.geometry.mask is not None for copy in copies
        ):
            window.status.say("The image before has another size: its masks do not fit this one")
            return
        uuids = window.canvas.editor.paste(copies)
        window.canvas.select(uuids)
        window.status.say(f"{len(uuids)} objects pasted")

    def _toggle_hidden(self) -> None:
        records = self._window.objects.selected
        hide = any(not record.hidden for record in records)
        self._window.session.do(SetFlags([record.uuid for record in records], hidden=hide))

    def _show_hidden(self) -> None:
        hidden = [record.uuid for record in self._window.objects.records if record.hidden]
        if hidden:
            self._window.session.do(SetFlags(hidden, hidden=False))

    def _toggle_locked(self) -> None:
        records = self._window.objects.selected
        lock = any(not record.locked for record in records)
        self._window.session.do(SetFlags([record.uuid for record in records], locked=lock))

    def _unless_drawing(self, slot: Callable[[], object]) -> None:
        if self._window.canvas.drawing:
            self._window.status.say("Finish the shape with Enter, or drop it with Esc, first")
        else:
            slot()

    def open_context_menu(self, place: QPoint) -> None:
        """What can be done with the selected objects, at a place of the screen."""
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for group in CONTEXT_MENU:
            menu.addSeparator()
            for action_id in group:
                menu.addAction(self._window.registry[action_id])
        menu.popup(place)

    # ---- images

    def _finish_and_next(self) -> None:
        session = self._window.session
        if session.image_id is not None and session.do(SetImageState([session.image_id], finished=True)):
            self._window.navigator.step(1, unfinished=True)

    def _toggle_finished(self) -> None:
        record = self._window.session.image
        if record is not None:
            self._window.session.do(SetImageState([record.id], finished=not record.finished))

    def _search_images(self) -> None:
        self._window.docks["Images"].show()
        self._window.docks["Images"].raise_()
        self._window.images.search.setFocus()
        self._window.images.search.selectAll()

    # ---- window

    def _models(self) -> None:
        window = self._window
        ModelsDialog(window.models, window.link, window.settings, window).open()

    def _next_pane(self) -> None:
        window = self._window
        panes = [
            pane
            for pane in (window.canvas, window.classes.list, window.objects.list, window.images.list)
            if pane.isVisible() and pane.isEnabled()
        ]
        if not panes:
            return
        now = next((i for i, pane in enumerate(panes) if pane is window.focusWidget()), -1)
        panes[(now + 1) % len(panes)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _look(self, **values: bool) -> None:
        canvas = self._window.canvas
        canvas.set_settings(replace(canvas.settings, **values))

    def _about(self) -> None:
        box = QMessageBox(
            QMessageBox.Icon.NoIcon,
            "About ZSI Annotator",
            f"<h3>ZSI Annotator {__version__}</h3>"
            "<p>Instance masks for the names of things that no model was trained on: "
            "Zero-Shot Instance Segmentation, CVPR 2021.</p>"
            "<p>Apache License 2.0. Everything stays on this machine.</p>"
            f"<p>{errors.system_text().replace(chr(10), '<br>')}</p>",
            QMessageBox.StandardButton.Close,
            self._window,
        )
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def _image_patterns() -> str:
    from zsi_core.images import image_suffixes  # Pillow waits for the first image

    return " ".join(f"*{suffix}" for suffix in sorted(image_suffixes()))
