"""The window of a run: progress with the loss curve while it runs, its result when it is finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.retraining.status import State, Status
from app.retraining.words import counted, duration, left
from app.training_panel.loss_curve import LossCurve
from app.training_panel.result_view import ResultView

if TYPE_CHECKING:
    from app.training_panel.control import TrainingControl
    from app.training_panel.outcome import Outcome

_HEADINGS = {
    State.PREPARED: "Getting ready",
    State.RUNNING: "Running",
    State.PAUSED: "Paused",
    State.STOPPED: "Stopped: what was learned so far is saved",
    State.FAILED: "Failed: your labels and models are as they were",
    State.FINISHED: "Finished",
}


class RunWindow(QDialog):
    """Stays open beside the main window; closing it stops nothing."""

    def __init__(self, control: TrainingControl, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("retraining_run")
        self.setWindowTitle("Retraining")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._control = control
        self._shown: Outcome | None = None
        self.heading = QLabel()
        self.heading.setProperty("role", "title")
        self.heading.setWordWrap(True)
        self.about = _text("hint")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the retraining")
        self.doing = _text("")
        self.curve = LossCurve()
        self.outcome_view = ResultView()
        self._pages = QStackedWidget()
        progress = QWidget()
        column = QVBoxLayout(progress)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        for widget in (self.bar, self.doing):
            column.addWidget(widget)
        column.addWidget(self.curve, 1)
        self._pages.addWidget(progress)
        self._pages.addWidget(self.outcome_view)
        self.buttons: dict[str, QPushButton] = {}
        self._row = QHBoxLayout()
        self._row.addStretch()
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(self.heading)
        layout.addWidget(self.about)
        layout.addWidget(self._pages, 1)
        layout.addLayout(self._row)
        self.resize(560, 420)
        control.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how the run stands now."""
        control, status = self._control, self._control.status
        if control.run is None or status is None:
            return
        plan, finished = control.run.plan, control.outcome is not None
        installed = control.outcome.result.installed if control.outcome is not None else ""
        kept = f"Kept as {installed}" if installed else ""
        self.heading.setText(control.doing or kept or _HEADINGS[status.state])
        trained = plan.trained[:5]
        more = f" and {len(plan.trained) - 5:,} more" if len(plan.trained) > 5 else ""
        learns, time = "learns", ""
        if control.outcome is not None:
            learns, time = "learned", f" in {duration(control.outcome.result.seconds)}"
        self.about.setText(
            f"{Path(plan.model).name} {learns} {', '.join(trained)}{more} from "
            f"{counted(plan.training_images, 'image')}{time} ({plan.recipe} recipe)."
        )
        if control.outcome is not None and control.outcome is not self._shown:
            self._shown = control.outcome
            if self._pages.currentWidget() is not self.outcome_view:
                self.resize(max(self.width(), 840), max(self.height(), 680))
            self.outcome_view.show_outcome(control.outcome)
        self._pages.setCurrentIndex(1 if finished else 0)
        self._show_progress(status)
        self._show_buttons(control.choices())

    def _show_progress(self, status: Status) -> None:
        self.bar.setRange(0, max(status.steps_total, 1 if status.state is not State.RUNNING else 0))
        self.bar.setValue(status.step)
        parts = [status.doing[:1].upper() + status.doing[1:]] if status.doing else []
        if status.step:
            parts.append(f"step {status.step:,} of {status.steps_total:,}")
        if remaining := left(status):
            parts.append(f"{remaining} left")
        self.doing.setText(", ".join(parts))
        self.curve.show_losses(status.losses, status.steps_total)

    def _show_buttons(self, texts: dict[str, str]) -> None:
        """
        Args:
            texts: what can be done -> text of its button; the last one is the default.
        """
        if {key: button.text() for key, button in self.buttons.items()} == texts:
            return
        for button in self.buttons.values():
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = {key: QPushButton(text) for key, text in texts.items()}
        for key, button in self.buttons.items():
            button.clicked.connect(lambda _=False, key=key: self._control.choose(key))
            button.setAutoDefault(False)
            self._row.addWidget(button)
        if self.buttons:
            list(self.buttons.values())[-1].setDefault(True)


def _text(role: str) -> QLabel:
    label = QLabel()
    label.setProperty("role", role)
    label.setWordWrap(True)
    return label
