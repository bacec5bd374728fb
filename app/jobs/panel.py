"""The panel of jobs: one row each with progress, outcome and a button to stop it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.jobs.job_list import Job, JobList, JobState
from app.messages import ReportDialog

_STATE_TEXT = {
    JobState.RUNNING: "Running",
    JobState.DONE: "Done",
    JobState.STOPPED: "Stopped",
    JobState.FAILED: "Failed",
}


class JobsPanel(QWidget):
    """Rows in the order the jobs began, the newest on top."""

    def __init__(self, jobs: JobList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.rows: dict[Job, JobRow] = {}
        self._list = QVBoxLayout()
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch()
        inside = QWidget()
        inside.setLayout(self._list)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inside)
        scroll.setAccessibleName("Jobs")
        self._empty = QLabel("No jobs. Reading folders, exports and other long work appear here.")
        self._empty.setProperty("role", "hint")
        self._empty.setWordWrap(True)
        self.clear_button = QPushButton("Clear those that ended")
        self.clear_button.clicked.connect(jobs.clear_ended)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 4, 10, 10)
        layout.addWidget(self._empty)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.clear_button, 0, Qt.AlignmentFlag.AlignRight)
        jobs.added.connect(self._add)
        jobs.removed.connect(self._remove)
        jobs.changed.connect(self._update)
        self._update()

    def _add(self, job: Job) -> None:
        row = self.rows[job] = JobRow(job)
        self._list.insertWidget(0, row)

    def _remove(self, job: Job) -> None:
        row = self.rows.pop(job)
        self._list.removeWidget(row)
        row.deleteLater()

    def _update(self) -> None:
        self._empty.setVisible(not self._jobs.jobs)
        self.clear_button.setEnabled(len(self._jobs.running) < len(self._jobs.jobs))


class JobRow(QWidget):
    """Title, progress and outcome of one job."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self.title = QLabel(job.title)
        self.title.setWordWrap(True)
        self.state = QLabel()
        self.state.setProperty("role", "hint")
        self.state.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(f"Progress of {job.title}")
        self.stop_button = QPushButton("Stop")
        self.stop_button.setAccessibleName(f"Stop {job.title}")
        self.stop_button.clicked.connect(job.stop)
        self.problems_button = QPushButton()
        self.problems_button.clicked.connect(self._show_problems)
        texts = QVBoxLayout()
        texts.setSpacing(3)
        for widget in (self.title, self.bar, self.state):
            texts.addWidget(widget)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 8)
        layout.addLayout(texts, 1)
        buttons = QVBoxLayout()
        buttons.setSpacing(3)
        for button in (self.stop_button, self.problems_button):
            buttons.addWidget(button)
        buttons.addStretch()
        layout.addLayout(buttons)
        self.buttons: dict[str, QPushButton] = {}
        self._own = QHBoxLayout()
        self._own.addStretch()
        texts.addLayout(self._own)
        job.changed.connect(self._update)
        self._update()

    def _update(self) -> None:
        job = self._job
        self.bar.setVisible(job.running)
        self.bar.setRange(0, job.total)
        self.bar.setValue(job.done)
        parts = ["Paused" if job.running and job.paused else _STATE_TEXT[job.state]]
        if job.running and job.total:
            parts.append(f"{job.done:,} of {job.total:,}")
        if job.message and job.message != parts[0]:
            parts.append(job.message)
        if job.running and job.left:
            parts.append(f"{job.left} left")
        self.state.setText(" - ".join(parts))
        self.stop_button.setVisible(job.can_stop)
        number = len(job.problems)
        self.problems_button.setText(f"{number:,} problem{'s' if number != 1 else ''}…")
        self.problems_button.setVisible(bool(number))
        wanted = job.buttons if job.running else {}
        if list(self.buttons) != list(wanted):
            self._show_buttons(list(wanted))

    def _show_buttons(self, texts: list[str]) -> None:
        for button in self.buttons.values():
            self._own.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = {text: QPushButton(text) for text in texts}
        for place, (text, button) in enumerate(self.buttons.items()):
            button.setAccessibleName(f"{text} {self._job.title}")
            button.clicked.connect(lambda _=False, text=text: self._job.buttons[text]())
            self._own.insertWidget(place, button)

    def _show_problems(self) -> None:
        dialog = ReportDialog(self._job.title, "\n".join(self._job.problems), self.window())
        dialog.setWindowTitle("Problems of a job")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
