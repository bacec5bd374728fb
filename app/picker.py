"""A pop-up to choose from a list by typing: the base of the command palette and the class search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPalette
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from app.theme.two_columns import SIDE_ROLE, TwoColumns

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Choice:
    """A row of a picker.

    Attributes:
        key: what `Picker.chosen` carries.
        text: the row.
        side: fainter text at its right edge.
        tip: a sentence below the list while the row is current.
        possible: it can be chosen now; others are faded and say why not in `tip`.
    """

    key: object
    text: str
    side: str = ""
    tip: str = ""
    possible: bool = True
    icon: QIcon | None = None


class Picker(QDialog):
    """A line to type in and the choices that match; Enter takes the current one."""

    chosen = Signal(object)

    def __init__(
        self, title: str, placeholder: str, matching: Callable[[str], Sequence[Choice]], parent: QWidget
    ) -> None:
        """Args:
        matching: the choices for a typed text, best first.
        """
        super().__init__(parent, Qt.WindowType.Popup)
        self._matching = matching
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setProperty("role", "popup")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.input = QLineEdit()
        self.input.setPlaceholderText(placeholder)
        self.input.setAccessibleName(title)
        self.input.setClearButtonEnabled(True)
        self.model = _Choices(self)
        self.list = QListView()
        self.list.setAccessibleName("Matches")
        self.list.setModel(self.model)
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(TwoColumns(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.tip = QLabel()
        self.tip.setProperty("role", "hint")
        self.tip.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        for widget in (self.input, self.list, self.tip):
            layout.addWidget(widget)
        self.input.textChanged.connect(self.search)
        self.input.returnPressed.connect(self._take)
        self.list.clicked.connect(self._take)
        self.list.selectionModel().currentChanged.connect(self._show_tip)
        self.input.installEventFilter(self)

    def open_over(self, window: QWidget) -> None:
        """Show it in the upper middle of a window."""
        self.search("")
        width = min(600, window.width() - 40)
        self.resize(width, min(420, window.height() - 80))
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - width) // 2, corner.y() + 60)
        self.show()
        self.input.setFocus()

    def search(self, text: str) -> None:
        """List what matches."""
        self.model.show(self._matching(text))
        self.list.setCurrentIndex(self.model.index(0))
        if not self.model.choices:
            self.tip.setText("Nothing matches.")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down move in the list while the keyboard stays in the line."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and self.model.choices:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None:
                row = (self.list.currentIndex().row() + step) % len(self.model.choices)
                self.list.setCurrentIndex(self.model.index(row))
                return True
        return super().eventFilter(watched, event)

    def _show_tip(self, index: _Index) -> None:
        if index.isValid():
            self.tip.setText(self.model.choices[index.row()].tip)

    def _take(self) -> None:
        index = self.list.currentIndex()
        if not index.isValid():
            return
        choice = self.model.choices[index.row()]
        if not choice.possible:
            self.tip.setText(f"“{choice.text}” is not possible now.")
            return
        self.close()
        self.chosen.emit(choice.key)


class _Choices(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.choices: list[Choice] = []

    def show(self, choices: Sequence[Choice]) -> None:
        self.beginResetModel()
        self.choices = list(choices)
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.choices)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        choice = self.choices[index.row()]
        if role == Qt.ItemDataRole.ForegroundRole:
            group = QPalette.ColorGroup.Active if choice.possible else QPalette.ColorGroup.Disabled
            return QColor(QApplication.palette().color(group, QPalette.ColorRole.Text))
        return {
            Qt.ItemDataRole.DisplayRole: choice.text,
            Qt.ItemDataRole.DecorationRole: choice.icon,
            Qt.ItemDataRole.AccessibleDescriptionRole: choice.tip,
            SIDE_ROLE: choice.side,
        }.get(role)
