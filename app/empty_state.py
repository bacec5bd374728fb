"""What is shown while no image is open: the ways to begin."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.actions.registry import ActionRegistry
from app.theme import icon

_RECENT_SHOWN = 5


class EmptyState(QWidget):
    """Two large buttons, the demo, recent projects."""

    recent_wanted = Signal(object)
    """path of a project."""

    def __init__(self, registry: ActionRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty_state")
        self._registry = registry
        title = QLabel("Annotate photographs")
        title.setProperty("role", "title")
        hint = QLabel("Open a folder of images, or drop it here. Your files are never changed.")
        hint.setProperty("role", "hint")
        self.folder_button = self._large("Open a folder", "folder_open", "open_folder")
        self.project_button = self._large("Open a project", "project", "open_file")
        self.demo_button = QPushButton("Try the demo")
        self.demo_button.setProperty("role", "link")
        self.demo_button.clicked.connect(registry["open_demo"].trigger)
        self._recent_title = QLabel("Recent projects")
        self._recent_title.setProperty("role", "heading")
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(8)
        left = Qt.AlignmentFlag.AlignLeft
        grid.addWidget(title, 0, 0, 1, 2)
        grid.addWidget(hint, 1, 0, 1, 2)
        grid.setRowMinimumHeight(2, 10)
        grid.addWidget(self.folder_button, 3, 0)
        grid.addWidget(self.project_button, 3, 1)
        grid.addWidget(self.demo_button, 4, 0, 1, 2, left)
        grid.setRowMinimumHeight(5, 14)
        grid.addWidget(self._recent_title, 6, 0, 1, 2)
        grid.addLayout(self._recent, 7, 0, 1, 2)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addLayout(grid)
        outer.addStretch(3)
        outer.setAlignment(grid, Qt.AlignmentFlag.AlignHCenter)

    def _large(self, text: str, icon_name: str, action_id: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "large")
        button.setProperty("icon_name", icon_name)
        button.setIconSize(QSize(32, 32))
        button.setMinimumWidth(230)
        button.setToolTip(self._registry[action_id].toolTip())
        button.clicked.connect(self._registry[action_id].trigger)
        return button

    def refresh_icons(self) -> None:
        """Draw the icons in the colours of the present theme."""
        for button in (self.folder_button, self.project_button):
            button.setIcon(icon(button.property("icon_name")))

    def show_recent(self, paths: list[Path]) -> None:
        """List projects to go on with."""
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for path in paths[:_RECENT_SHOWN]:
            button = QPushButton(f"{path.stem}   {_short(path.parent)}")
            button.setProperty("role", "link")
            button.setToolTip(str(path))
            button.clicked.connect(lambda _=False, path=path: self.recent_wanted.emit(path))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self._recent_title.setVisible(bool(paths))


def _short(folder: Path) -> str:
    home = Path.home()
    text = f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)
    return text if len(text) <= 60 else f"…{text[-59:]}"
