"""The panel of classes: add, rename, recolour, delete, merge, and choose what to draw with."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QColor, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QMessageBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.docks.classes_model import ClassesModel
from app.docks.table import one_column_table
from app.project import Change, ClassRecord
from app.project.commands import AddClass, Batch, DeleteClass, EditClass, MergeClasses
from app.session import Session
from app.settings import Settings
from app.theme import icon
from app.turns import in_turn


class ClassesPanel(QWidget):
    """A line to add a class, buttons for the selected ones, and the list."""

    chosen = Signal(object)
    """id of the class that was clicked, or that Enter was pressed on."""
    looked_for = Signal(object)
    """ids of classes that the model is to be asked for."""

    def __init__(self, session: Session, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._settings = session, settings
        self._shown_class: object = None
        self.model = ClassesModel(session, self)
        self.input = QLineEdit()
        self.input.setPlaceholderText("New class, Enter")
        self.input.setAccessibleName("Name of a new class")
        self.input.setClearButtonEnabled(True)
        self.input.setMinimumWidth(120)
        self.input.returnPressed.connect(self._add)
        self.list = one_column_table(self.model)
        self.list.setAccessibleName("Classes")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.list.clicked.connect(lambda index: self.chosen.emit(self.model.records[index.row()].id))
        self._make_actions()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(self._buttons())
        layout.addWidget(self.list, 1)
        session.project_changed.connect(self._reload)
        session.changed.connect(self._on_change)
        session.class_changed.connect(lambda _: in_turn(self, self._mark_class))
        settings.changed.connect(lambda key: self._suggest() if key == "autosuggest" else None)
        self.list.selectionModel().selectionChanged.connect(self._enable)
        self._reload()

    def _make_actions(self) -> None:
        self.rename_action = self._action("Rename", "rename", "F2", self._rename)
        self.colour_action = self._action("Colour…", "colour", "", self._recolour)
        self.merge_action = self._action("Merge…", "merge", "", self._show_merge_menu)
        self.delete_action = self._action("Delete", "delete", "Del", self._delete)
        self.draw_action = QAction("Draw with this class", self.list)
        self.draw_action.setShortcuts([QKeySequence("Return"), QKeySequence("Enter")])
        self.draw_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.draw_action.triggered.connect(self._choose_current)
        self.list.addAction(self.draw_action)
        self.key_action = self._action("Key…", "", "", self._show_key_menu)
        self.look_action = self._action("Ask the model for it", "", "", self._look_for)

    def _action(self, text: str, icon_name: str, key: str, slot: object) -> QAction:
        action = QAction(text, self.list)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.setProperty("icon_name", icon_name)
        action.triggered.connect(lambda: slot())  # type: ignore[operator]
        self.list.addAction(action)
        return action

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.input, 1)
        for action, tip in (
            (self.rename_action, "Rename the class (F2)"),
            (self.colour_action, "Change the colour of the class"),
            (self.merge_action, "Give the objects of the selected classes to another class"),
            (self.delete_action, "Delete the class and its objects (Del)"),
        ):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            row.addWidget(button)
        self.refresh_icons()
        return row

    def refresh_icons(self) -> None:
        """Draw the icons in the colours of the present theme."""
        for action in (self.rename_action, self.colour_action, self.merge_action, self.delete_action):
            action.setIcon(icon(action.property("icon_name")))

    @property
    def selected(self) -> list[ClassRecord]:
        """Selected classes, from top to bottom."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        return [self.model.records[row] for row in rows]

    def _mark_class(self) -> None:
        """Mark the class to draw with, and bring it into view, when it is another one."""
        if self._session.class_id != self._shown_class:
            self._shown_class = self._session.class_id
            self.model.mark()
            self._select_class()
            self._enable()

    def _select_class(self) -> None:
        index = self.model.index(self.model.row_of(self._session.class_id))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.list.selectionModel().setCurrentIndex(index, flags)

    def _reload(self) -> None:
        self.model.reload()
        if not self.selected:
            self._select_class()
        self._mark_class()
        self._enable()
        self._suggest()

    def _on_change(self, change: Change) -> None:
        if change.classes:
            in_turn(self, self._reload)
        elif change.objects:
            in_turn(self, self.model.count_again)

    def _enable(self) -> None:
        writable, selected = self._session.writable, self.selected
        self.input.setEnabled(writable)
        for action in (self.rename_action, self.colour_action, self.key_action):
            action.setEnabled(writable and len(selected) == 1)
        self.delete_action.setEnabled(writable and bool(selected))
        self.look_action.setEnabled(writable and bool(selected))
        self.merge_action.setEnabled(writable and bool(selected) and len(self.model.records) > 1)
        self.draw_action.setEnabled(len(selected) == 1)

    def _suggest(self) -> None:
        names = [record.name for record in self.model.records] if self._settings.flag("autosuggest") else []
        completer = QCompleter(names, self.input)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.input.setCompleter(completer)

    # ---- what the buttons do

    def _add(self) -> None:
        name = self.input.text().strip()
        project = self._session.project
        if not name or project is None:
            return
        class_id = project.class_id(name)
        if class_id is None:
            if self._session.do(AddClass(name)) is None:
                return
            class_id = project.class_id(name)
        self.input.clear()
        self._session.choose_class(class_id)  # type: ignore[arg-type]

    def _choose_current(self) -> None:
        index = self.list.currentIndex()
        if index.isValid():
            self.chosen.emit(self.model.records[index.row()].id)

    def _look_for(self) -> None:
        self.looked_for.emit([record.id for record in self.selected])

    def _rename(self) -> None:
        for record in self.selected[:1]:
            self.list.edit(self.model.index(self.model.row_of(record.id)))

    def _recolour(self) -> None:
        for record in self.selected[:1]:
            dialog = QColorDialog(QColor(record.color), self)
            dialog.setWindowTitle(f"Colour of {record.name}")
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.colorSelected.connect(
                lambda colour, record=record: self._session.do(EditClass(record.id, color=colour.name()))
            )
            dialog.open()

    def _show_key_menu(self) -> None:
        for record in self.selected[:1]:
            owners = {other.hotkey: other for other in self.model.records if other.hotkey}
            menu = self._menu()
            for key in ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", ""):
                owner = owners.get(key)
                taken = f" (of {owner.name})" if owner and owner.id != record.id else ""
                entry = menu.addAction(f"Key {key}{taken}" if key else "No key")
                entry.triggered.connect(
                    lambda _=False, key=key, record=record: self._session.do(EditClass(record.id, hotkey=key))
                )
            menu.popup(self._below(record))

    def _show_merge_menu(self) -> None:
        selected = self.selected
        menu = self._menu()
        for target in self.model.records:
            others = [record for record in selected if record.id != target.id]
            if not others or (len(selected) > 1 and target not in selected):
                continue
            names = ", ".join(record.name for record in others)
            entry = menu.addAction(f"Merge {names} into {target.name}")
            entry.triggered.connect(
                lambda _=False, others=others, target=target: self._session.do(
                    MergeClasses([record.id for record in others], target.id)
                )
            )
        menu.popup(self._below(selected[0]))

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _below(self, record: ClassRecord) -> QPoint:
        rect = self.list.visualRect(self.model.index(self.model.row_of(record.id)))
        return self.list.viewport().mapToGlobal(rect.bottomLeft())

    def _delete(self) -> None:
        selected = self.selected
        objects = sum(self.model.count(record.id) for record in selected)
        if objects and self._settings.flag("ask_before_deleting_class"):
            names = ", ".join(record.name for record in selected)
            box = QMessageBox(
                QMessageBox.Icon.Question,
                "Delete class",
                f"Delete {names} and {objects:,} object{'s' if objects != 1 else ''} in all images? "
                "Undo brings them back.",
                QMessageBox.StandardButton.Cancel,
                self,
            )
            box.addButton("Delete", QMessageBox.ButtonRole.AcceptRole)
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            box.accepted.connect(lambda: self._delete_now(selected))
            box.open()
        else:
            self._delete_now(selected)

    def _delete_now(self, records: list[ClassRecord]) -> None:
        names = ", ".join(record.name for record in records)
        self._session.do(Batch([DeleteClass(record.id) for record in records], f"Delete class {names}"))
