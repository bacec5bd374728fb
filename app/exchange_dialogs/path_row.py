"""A line for a path with buttons that open the system's dialog."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


class PathRow(QWidget):
    """A path that is typed or chosen; `changed` follows every letter."""

    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setAccessibleName(name)
        self.line.setMinimumWidth(340)
        self.line.textChanged.connect(lambda _: self.changed.emit())
        self._name = name
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self.line, 1)

    @property
    def path(self) -> Path | None:
        """None while nothing is typed."""
        text = self.line.text().strip()
        return Path(text) if text else None

    def set_path(self, path: Path | None) -> None:
        """Show a path."""
        self.line.setText("" if path is None else str(path))

    def add_button(
        self, text: str, mode: QFileDialog.FileMode, filter: str = "", *, save: bool = False
    ) -> QPushButton:
        """A button that chooses a file or folder."""
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setAccessibleName(f"{self._name}: {text.removesuffix('…')}")
        button.clicked.connect(lambda: self._choose(mode, filter, save=save))
        self._layout.addWidget(button)
        return button

    def _choose(self, mode: QFileDialog.FileMode, filter: str, *, save: bool) -> None:
        dialog = QFileDialog(self, self._name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        if save:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        if filter:
            dialog.setNameFilters([filter, "All files (*)"])
        if self.path is not None:
            dialog.setDirectory(str(self.path.parent))
            dialog.selectFile(self.path.name)
        dialog.fileSelected.connect(lambda chosen: self.set_path(Path(chosen)))
        dialog.open()
