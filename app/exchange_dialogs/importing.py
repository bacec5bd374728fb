"""The dialog of an import: which file, whose images; then its progress, and what came of it."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from app.errors import make_report, report_exception
from app.exchange.import_command import ImportAnnotations
from app.exchange.importing import IMPORT_FORMATS, images_dir_of, import_new, open_annotations
from app.exchange_dialogs.path_row import PathRow
from app.jobs import Task, run_task
from app.no_collection import no_collection
from app.opening import Opener
from app.project import Change, Project, project_path
from app.session import Session
from zsi_core.coco.tally import Tally
from zsi_core.errors import ZsiError


class _StoppedError(ZsiError):
    """The person stopped the import."""


class ImportDialog(QDialog):
    """Imports into the open project, or makes one. The window waits for it, so that nothing is edited."""

    def __init__(self, session: Session, opener: Opener, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("import_dialog")
        self.setWindowTitle("Import annotations")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session, self._opener = session, opener
        self._stop = threading.Event()
        self._running = self._closing = False

        self.source = PathRow("Annotations")
        self.source.add_button(
            "File…", QFileDialog.FileMode.ExistingFile, "Annotations (*.json *.yaml *.yml)"
        )
        self.source.add_button("Folder…", QFileDialog.FileMode.Directory)
        self.format = QComboBox()
        self.format.setAccessibleName("Format")
        self.format.addItem("Found out from the file", None)
        for key, title in IMPORT_FORMATS.items():
            self.format.addItem(title, key)
        self.images = PathRow("Folder of the images")
        self.images.add_button("Browse…", QFileDialog.FileMode.Directory)
        self.into = QLabel()
        self.into.setProperty("role", "hint")
        self.into.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the import")
        self.outcome = QLabel()
        self.outcome.setProperty("role", "heading")
        self.outcome.setWordWrap(True)
        self.outcome.setTextFormat(Qt.TextFormat.PlainText)
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setAccessibleName("What was left out and changed")
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.import_button = self._buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self.import_button.setDefault(True)
        self.stop_button = self._buttons.addButton("Stop", QDialogButtonBox.ButtonRole.ActionRole)
        self.import_button.clicked.connect(self.start)
        self.stop_button.clicked.connect(self._stop.set)
        self._buttons.rejected.connect(self.reject)
        self._lay_out()
        project = session.project
        self.images.set_path(None if project is None else project.root)
        self.source.changed.connect(self._on_source)
        self.images.changed.connect(self._update)
        for widget in (self.bar, self.outcome, self.report, self.stop_button):
            widget.hide()
        self._update()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(12)
        rows: tuple[tuple[str, QWidget, QWidget], ...] = (
            ("Annotations", self.source, self.source.line),
            ("Format", self.format, self.format),
            ("Images", self.images, self.images.line),
        )
        for row, (text, widget, buddy) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(buddy)
            grid.addWidget(label, row, 0)
            alignment = Qt.AlignmentFlag.AlignLeft if widget is self.format else Qt.AlignmentFlag(0)
            grid.addWidget(widget, row, 1, alignment)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(grid)
        for part in (self.into, self.bar, self.outcome, self.report):
            layout.addWidget(part)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(640)

    # ---- following the choices

    def _on_source(self) -> None:
        source = self.source.path
        if source is not None and self._session.project is None and source.exists():
            self.images.set_path(images_dir_of(source))
        self._update()

    def _update(self) -> None:
        source, images, project = self.source.path, self.images.path, self._session.project
        if project is not None:
            text = f"Comes into the open project {project.path.stem}, as one step that can be undone."
        elif images is not None:
            text = f"Comes into the project of {images.name}, which is made if there is none."
        else:
            text = "COCO files, labelme files, YOLO data sets and folders of masks can be read."
        if source is not None and not source.exists():
            text = f"{source} does not exist."
        elif images is not None and not images.is_dir():
            text = f"{images} is not a folder."
        self.into.setText(text)
        self.import_button.setEnabled(
            not self._running
            and source is not None
            and source.exists()
            and images is not None
            and images.is_dir()
        )

    # ---- the work

    def start(self) -> None:
        """Import in the background; the dialog stays and tells."""
        source, images, format = self.source.path, self.images.path, self.format.currentData()
        assert source is not None and images is not None
        project = self._session.project
        self._stop.clear()

        @no_collection()
        def work(task: Task) -> tuple[Tally, Change | None, Path]:
            def progress(done: int, total: int, doing: str) -> None:
                if self._stop.is_set():
                    raise _StoppedError("stopped: nothing was imported")
                task.report((done, total, doing))

            if project is None:
                target = project_path(images)
                return import_new(source, target, images, format, progress), None, target
            tally = Tally()
            annotations = open_annotations(source, format, images, tally)
            with project.writer() as writer:
                change = writer.do(ImportAnnotations(annotations, images, tally, progress))
            return tally, change, project.path

        self._set_running(True)
        self.bar.setRange(0, 0)
        self._say("Reading the file …")
        run_task(
            work, lambda result: self._finished(project, *result), self._failed, on_report=self._on_progress
        )

    def _on_progress(self, told: tuple[int, int, str]) -> None:
        done, total, doing = told
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self._say(doing)

    def _finished(self, project: Project | None, tally: Tally, change: Change | None, path: Path) -> None:
        self._set_running(False)
        if project is None:
            self._opener.open_project(path)
        elif change is not None:
            project.announce(change)
        self._say(f"{tally.totals} read.")
        self._show_lines(tally.lines())

    def _failed(self, error: Exception) -> None:
        self._set_running(False)
        self._say(make_report(error).message)
        if not isinstance(error, ZsiError):
            report_exception(error)

    def _show_lines(self, lines: list[str]) -> None:
        self.report.setPlainText("\n".join(line[0].upper() + line[1:] for line in lines))
        self.report.setVisible(bool(lines))

    def _say(self, text: str) -> None:
        self.outcome.setText(text)
        self.outcome.show()

    def _set_running(self, running: bool) -> None:
        self._running = running
        for widget in (self.bar, self.stop_button):
            widget.setVisible(running)
        for choice in (self.source, self.format, self.images):
            choice.setEnabled(not running)
        self.report.hide()
        self._update()
        if self._closing and not running:
            self.reject()

    def reject(self) -> None:
        """Close; while it works, stop first. (Qt calls this for the close button of the frame, too.)"""
        if self._running:
            self._closing = True
            self._stop.set()
        else:
            super().reject()
