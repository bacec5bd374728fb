"""All keys and gestures at a glance, made from the registry."""

from __future__ import annotations

from PySide6.QtCore import Qt
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
from app.actions.spec import Where


class ShortcutOverview(QDialog):
    """A searchable table of keys, actions and where they act; conflicts are named above it."""

    def __init__(self, registry: ActionRegistry, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcut_overview")
        self.setWindowTitle("Keys and gestures")
        self.resize(680, 560)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Search keys and actions")
        self.filter.setAccessibleName("Search keys and actions")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._filter)
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName("Keys and gestures")
        self.table.setHorizontalHeaderLabels(["Keys or gesture", "What it does", "Where"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        layout = QVBoxLayout(self)
        layout.addWidget(self.filter)
        if conflicts := registry.conflicts():
            warning = QLabel("Conflict: " + "; ".join(conflicts))
            warning.setWordWrap(True)
            layout.addWidget(warning)
        layout.addWidget(self.table)
        for spec in registry.specs.values():
            if spec.keys:
                self._add("   ".join(key_text(key) for key in spec.keys), spec.plain_text, spec.where)
        for gesture, meaning in GESTURES:
            self._add(gesture, meaning, Where.CANVAS)

    def _add(self, keys: str, meaning: str, where: Where) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        for column, text in enumerate((keys, meaning, where.value)):
            self.table.setItem(row, column, QTableWidgetItem(text))

    def _filter(self, text: str) -> None:
        wanted = text.casefold()
        for row in range(self.table.rowCount()):
            cells = [self.table.item(row, column) for column in range(3)]
            shown = any(cell is not None and wanted in cell.text().casefold() for cell in cells)
            self.table.setRowHidden(row, not shown)
