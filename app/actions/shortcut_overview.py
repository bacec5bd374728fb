"""All keys and gestures at a glance, made from the registry."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.actions.gestures import GESTURES
from app.actions.registry import ActionRegistry, key_text
from app.actions.spec import MENUS

_MOUSE = "Mouse"
_HINT = "Keys without Ctrl act while the canvas or a list has the keyboard; F6 goes from one to the next."


class ShortcutOverview(QDialog):
    """A searchable table: keys, name and effect of every action, by menu; conflicts are named above it."""

    def __init__(self, registry: ActionRegistry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcut_overview")
        self.setWindowTitle("Keys and gestures")
        self.resize(860, 640)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Search keys and actions")
        self.filter.setAccessibleName("Search keys and actions")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._filter)
        self.headings: list[int] = []
        """Rows that name a group of the rows below them."""
        self.table = self._make_table()
        hint = QLabel(_HINT)
        hint.setProperty("role", "hint")
        layout = QVBoxLayout(self)
        layout.addWidget(self.filter)
        if conflicts := registry.conflicts():
            warning = QLabel("Conflict: " + "; ".join(conflicts))
            warning.setWordWrap(True)
            layout.addWidget(warning)
        layout.addWidget(self.table)
        layout.addWidget(hint)
        for menu in MENUS:
            self._add_heading(menu)
            for spec in registry.specs.values():
                if spec.menu == menu and spec.keys:
                    self._add("   ".join(key_text(key) for key in spec.keys), spec.plain_text, spec.tip)
        self.table.resizeColumnToContents(0)
        self._add_heading(_MOUSE)
        for gesture, meaning in GESTURES:
            self._add(gesture, "", meaning)
            self.table.setSpan(self.table.rowCount() - 1, 0, 1, 2)
        self._filter("")

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 3)
        table.setAccessibleName("Keys and gestures")
        table.setHorizontalHeaderLabels(["Keys or gesture", "Action", "What it does"])
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 11)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        return table

    def _add_heading(self, text: str) -> None:
        self._add(text)
        row = self.table.rowCount() - 1
        self.table.setSpan(row, 0, 1, 3)
        self.headings.append(row)
        item = self.table.item(row, 0)
        assert item is not None
        font = QFont(self.table.font())
        font.setBold(True)
        item.setFont(font)
        item.setBackground(self.palette().color(QPalette.ColorRole.Window))
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)

    def _add(self, keys: str, name: str = "", effect: str = "") -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        for column, text in enumerate((keys, name, effect)):
            item = QTableWidgetItem(text)
            if column == 2:
                item.setForeground(self.palette().color(QPalette.ColorRole.PlaceholderText))
                item.setToolTip(text)
            self.table.setItem(row, column, item)

    def _filter(self, text: str) -> None:
        """Show the rows that hold the text, and the headings of those."""
        wanted = text.casefold()
        shown = False
        for row in reversed(range(self.table.rowCount())):
            if row in self.headings:
                self.table.setRowHidden(row, not shown)
                shown = False
                continue
            cells = [self.table.item(row, column) for column in range(3)]
            found = any(cell is not None and wanted in cell.text().casefold() for cell in cells)
            self.table.setRowHidden(row, not found)
            shown |= found
