"""What opens at the right of the prompt: seen classes, too, and when the model is asked."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from app.proposals.engine_link import EngineLink
from app.proposals.prompt import Prompt
from app.settings import Settings

_STEPS_PER_LOGIT = 4
_MOST_LOGITS = 10
_WIDTH = 360


class PromptOptions(QFrame):
    """Closes by itself when something else is clicked; every change is in force at once."""

    def __init__(self, prompt: Prompt, link: EngineLink, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("prompt_options")
        self.setProperty("role", "strip")
        self.setFixedWidth(_WIDTH)
        self._prompt = prompt
        mode, model = prompt.generalised, link.model
        self.automatic = QCheckBox("Propose when an image is opened")
        self.automatic.setChecked(settings.flag("propose_on_open"))
        self.automatic.toggled.connect(lambda on: settings.set_value("propose_on_open", on))
        self.seen = QCheckBox("Propose the model's own classes, too")
        self.seen.setChecked(mode.on)
        self.seen.setToolTip(
            "Generalised mode: the classes that it was trained on compete with the typed names."
        )
        self.seen.toggled.connect(self._set)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("How much new names are favoured over seen classes")
        self.slider.setRange(0, _MOST_LOGITS * _STEPS_PER_LOGIT)
        penalty = mode.seen_penalty
        if penalty is None:
            penalty = model.seen_penalty if model else 0.0
        self.slider.setValue(round(penalty * _STEPS_PER_LOGIT))
        self.slider.setEnabled(mode.on)
        self.slider.sliderReleased.connect(self._set)
        self.slider.valueChanged.connect(lambda _: None if self.slider.isSliderDown() else self._set())
        ends = QHBoxLayout()
        for text in ("favour seen classes", "favour new names"):
            label = QLabel(text)
            label.setProperty("role", "hint")
            ends.addWidget(label)
            if not ends.count() > 1:
                ends.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(7)
        layout.addWidget(self.automatic)
        layout.addWidget(self.seen)
        layout.addWidget(self.slider)
        layout.addLayout(ends)

    def open_below(self, corner: QPoint) -> None:
        """Show it with its upper right corner at a place of the screen."""
        self.adjustSize()
        room = self.screen().availableGeometry()
        self.move(max(room.left(), corner.x() - self.width()), corner.y())
        self.show()
        self.seen.setFocus()

    def _set(self) -> None:
        self.slider.setEnabled(self.seen.isChecked())
        self._prompt.set_generalised(self.seen.isChecked(), self.slider.value() / _STEPS_PER_LOGIT)
