"""The status bar: message, image size, cursor, zoom, objects, save state, progress of jobs."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from app.jobs.job_list import JobList

_SHOWN_MS = 8000


class StatusBar(QStatusBar):
    """Each figure has a place of its own; messages come and go on the left."""

    def __init__(self, jobs: JobList, parent: QWidget) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.setSizeGripEnabled(False)
        self.job_bar = QProgressBar()
        self.job_bar.setTextVisible(False)
        self.job_bar.setFixedWidth(110)
        self.job_bar.setAccessibleName("Progress of the jobs")
        self.job_button = QToolButton()
        self.job_button.setToolTip("Show the jobs")
        self.image_size = self._label("Image size")
        self.cursor_place = self._label("Cursor position", "x 8,888  y 8,888")
        self.zoom = self._label("Zoom", "888 %")
        self.objects = self._label("Objects")
        self.save_state = self._label("Save state")
        for widget in (
            self.job_bar,
            self.job_button,
            self.image_size,
            self.cursor_place,
            self.zoom,
            self.objects,
            self.save_state,
        ):
            self.addPermanentWidget(widget)
        jobs.changed.connect(self._show_jobs)
        self._show_jobs()

    def _label(self, name: str, widest: str = "") -> QLabel:
        """A figure; `widest` reserves room where a change of width would make all others jump."""
        label = QLabel()
        label.setAccessibleName(name)
        label.setToolTip(name)
        if widest:
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance(widest) + 14)
        return label

    def say(self, text: str) -> None:
        """A message that goes away by itself."""
        self.showMessage(text, _SHOWN_MS)

    def show_image(self, size: tuple[int, int] | None) -> None:
        """(width, height) of the image in view."""
        self.image_size.setText(f"{size[0]:,} x {size[1]:,} px" if size else "")

    def show_cursor(self, place: tuple[float, float] | None) -> None:
        """Where the cursor is in the image."""
        self.cursor_place.setText(f"x {int(place[0]):,}  y {int(place[1]):,}" if place else "")

    def show_zoom(self, zoom: float | None) -> None:
        """Screen pixels per image pixel."""
        self.zoom.setText(f"{zoom * 100:,.0f} %" if zoom else "")

    def show_objects(self, objects: int, selected: int) -> None:
        """How many objects the image has."""
        text = f"{objects:,} object{'s' if objects != 1 else ''}"
        self.objects.setText(f"{text}, {selected:,} selected" if selected else text)

    def _show_jobs(self) -> None:
        running = self._jobs.running
        self.job_bar.setVisible(bool(running))
        self.job_button.setVisible(bool(running))
        if not running:
            return
        job = running[-1]
        self.job_bar.setRange(0, job.total)
        self.job_bar.setValue(job.done)
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        left = f", {job.left} left" if job.left else ""
        self.job_button.setText(f"{job.title}{left}{more}")
