"""A slider for the score from which on the proposals of a class are shown."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from app.proposals.proposals import Proposals

_STEPS = 100


class ThresholdSlider(QWidget):
    """Acts while it is dragged; what is hidden is kept."""

    def __init__(self, class_id: int, proposals: Proposals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._class_id, self._proposals = class_id, proposals
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Show proposals from this score on")
        self.slider.setToolTip("Show proposals from this score on (, lowers it, . raises it)")
        self.slider.setRange(round(proposals.thresholds.lowest * _STEPS), _STEPS)
        self.slider.setValue(round(proposals.thresholds.of(class_id) * _STEPS))
        self.slider.setEnabled(proposals.thresholds.default > 0)
        self.label = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.label)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self._set)
        self.slider.sliderReleased.connect(lambda: self._set(self.slider.value()))
        self._tell()

    def _set(self, value: int) -> None:
        self._proposals.thresholds.set(self._class_id, value / _STEPS, keep=not self.slider.isSliderDown())
        self._tell()

    def _tell(self) -> None:
        threshold = self._proposals.thresholds.of(self._class_id)
        self.label.setText(f"from {threshold:.2f}: {self._proposals.number(self._class_id)}")
