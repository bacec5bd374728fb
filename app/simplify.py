"""Fewer points for the selected objects: a slider with the result shown on the canvas at once."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from app.canvas.commands import SelectionCommands

_STEPS_PER_PIXEL = 4
_MOST_PIXELS = 10


class SimplifyDialog(QDialog):
    """Does not block the window; closing it without Apply leaves the objects as they are."""

    def __init__(self, commands: SelectionCommands, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("simplify_dialog")
        self.setWindowTitle("Simplify")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._commands = commands
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Largest distance to the present outline")
        self.slider.setRange(0, _MOST_PIXELS * _STEPS_PER_PIXEL)
        self.slider.setMinimumWidth(260)
        self.distance = QLabel()
        self.points = QLabel()
        self.points.setProperty("role", "hint")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.apply_button = buttons.addButton("Apply", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.slider, 1)
        row.addWidget(self.distance)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("How far the outline may move:"))
        layout.addLayout(row)
        layout.addWidget(self.points)
        layout.addWidget(buttons)
        self.slider.valueChanged.connect(lambda _: self._preview())
        self.accepted.connect(lambda: commands.apply_simplify(self.tolerance))
        self.rejected.connect(commands.cancel_simplify)
        self.slider.setValue(_STEPS_PER_PIXEL)

    @property
    def tolerance(self) -> float:
        """In image pixels."""
        return self.slider.value() / _STEPS_PER_PIXEL

    def _preview(self) -> None:
        self.distance.setText(f"{self.tolerance:.2f} px")
        self.points.setText(f"{self._commands.preview_simplify(self.tolerance):,} points")
