"""Why the selected object is named as it is: five names with their scores, each of which can be taken."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from zsi_core.instances import Explanation

_FULL = 1000


class ExplanationView(QWidget):
    """Empty as long as nothing is explained."""

    chosen = Signal(str)
    """A name that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: list[QPushButton] = []
        self.margins = QLabel()
        self.margins.setProperty("role", "hint")
        self.margins.setWordWrap(True)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(self._grid)
        layout.addWidget(self.margins)

    def show_explanation(self, explanation: Explanation | None) -> None:
        """Show the names, best first; None shows nothing."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.names.clear()
        self.margins.setVisible(explanation is not None)
        if explanation is None:
            return
        for row, (name, score) in enumerate(zip(explanation.names, explanation.scores, strict=True)):
            button = QPushButton(name)
            button.setProperty("role", "link")
            button.setToolTip(f"Make it {name}")
            button.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            bar = QProgressBar()
            bar.setRange(0, _FULL)
            bar.setValue(round(score * _FULL))
            bar.setTextVisible(False)
            bar.setAccessibleName(f"Score of {name}")
            self._grid.addWidget(button, row, 0, Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(bar, row, 1)
            self._grid.addWidget(QLabel(f"{score:.2f}"), row, 2)
            self.names.append(button)
        best = explanation.scores[0] if explanation.scores else 0.0
        self.margins.setText(
            f"{explanation.margin:.2f} ahead of the runner-up; background has a probability of "
            f"{explanation.background:.2f}{', more than any name' if explanation.background > best else ''}."
        )
