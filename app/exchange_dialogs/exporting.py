"""The dialog of an export: what, how, where, and how much that is. The work is a job in the background."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.exchange.formats import EXPORT_FORMATS, export_project
from app.exchange.options import DEFAULT_STATES, ExportOptions
from app.exchange_dialogs.path_row import PathRow
from app.jobs.job_list import JobList
from app.jobs.worker import Task
from app.messages import MessageBar
from app.project import Queries
from app.session import Session
from zsi_core.coco.provenance import STATES
from zsi_core.coco.tally import Tally

_CHOICES = {
    "scores": "Scores of the model",
    "provenance": "Who made an object, colours and keys of classes (key “zsi”)",
    "force_rle": "Every mask as RLE",
    "copy_images": "Copy the images beside the annotations",
}
_STATE_LABELS = {
    "accepted": "Accepted",
    "corrected": "Corrected",
    "drawn": "Drawn by hand",
    "proposed": "Proposed, hidden ones too",
    "rejected": "Rejected",
}


class ExportDialog(QDialog):
    """Chooses format, objects and target; the preview counts what will be written."""

    def __init__(self, session: Session, jobs: JobList, messages: MessageBar, parent: QWidget) -> None:
        """A project must be open."""
        super().__init__(parent)
        self.setObjectName("export_dialog")
        self.setWindowTitle("Export annotations")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        assert session.project is not None
        self._project, self._jobs, self._messages = session.project, jobs, messages
        counts = self._project.class_counts().values()
        self._counts = {state: sum(by_state[state] for by_state in counts) for state in STATES}
        self._images, self._classes = self._project.image_count(), len(counts)

        self.format = QComboBox()
        self.format.setAccessibleName("Format")
        for key, kind in EXPORT_FORMATS.items():
            self.format.addItem(kind.title, key)
        self.about = _hint()
        self.states = {state: self._state_box(state) for state in _STATE_LABELS}
        self.choices = {key: QCheckBox(text) for key, text in _CHOICES.items()}
        for key in ("scores", "provenance"):
            self.choices[key].setChecked(True)
        self.val = QSpinBox()
        self.val.setRange(0, 50)
        self.val.setSuffix(" %")
        self.val.setSpecialValueText("None")
        self.val.setAccessibleName("Images for validation")
        self.preview = QLabel()
        self.preview.setProperty("role", "heading")
        self.problem = _hint()
        self.target = PathRow("Export to")
        self._browse = self.target.add_button("Browse…", QFileDialog.FileMode.AnyFile, save=True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.export_button = buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self.export_button.setDefault(True)
        buttons.accepted.connect(self.start)
        buttons.rejected.connect(self.reject)
        self._lay_out(buttons)
        self.format.currentIndexChanged.connect(lambda _: self._on_format())
        self.target.changed.connect(self._update)
        self.val.valueChanged.connect(lambda _: self._update())
        self._on_format()

    def _state_box(self, state: str) -> QCheckBox:
        box = QCheckBox(f"{_STATE_LABELS[state]} ({self._counts[state]:,})")
        box.setChecked(state in DEFAULT_STATES)
        box.toggled.connect(lambda _: self._update())
        return box

    def _lay_out(self, buttons: QDialogButtonBox) -> None:
        objects, contents = QGroupBox("Objects"), QGroupBox("What is written")
        for group, boxes in ((objects, self.states), (contents, self.choices)):
            column = QVBoxLayout(group)
            for box in boxes.values():
                column.addWidget(box)
            column.addStretch()
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(12)
        for row, (text, widget) in enumerate(
            (("Format", self.format), ("Images for validation", self.val), ("Export to", self.target))
        ):
            label = QLabel(text)
            label.setBuddy(self.target.line if widget is self.target else widget)
            grid.addWidget(label, 2 * row, 0)
            alignment = Qt.AlignmentFlag.AlignLeft if widget is not self.target else Qt.AlignmentFlag(0)
            grid.addWidget(widget, 2 * row, 1, alignment)
        grid.addWidget(self.about, 1, 1)
        groups = QGridLayout()
        groups.addWidget(objects, 0, 0)
        groups.addWidget(contents, 0, 1)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(grid)
        layout.addLayout(groups)
        layout.addWidget(self.preview)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.setMinimumWidth(620)

    # ---- following the choices

    @property
    def options(self) -> ExportOptions:
        """What is chosen; what the format cannot hold is left at its default."""
        possible = EXPORT_FORMATS[self.format.currentData()].choices
        chosen: dict[str, Any] = {
            key: box.isChecked() for key, box in self.choices.items() if key in possible
        }
        if "val_percent" in possible:
            chosen["val_percent"] = self.val.value()
        states = tuple(state for state, box in self.states.items() if box.isChecked())
        return ExportOptions(states=states, **chosen)

    def _on_format(self) -> None:
        key = self.format.currentData()
        kind = EXPORT_FORMATS[key]
        self.about.setText(kind.about)
        for choice, box in self.choices.items():
            box.setEnabled(choice in kind.choices)
        self.val.setEnabled("val_percent" in kind.choices)
        if key == "results":
            self.states["proposed"].setChecked(True)
        stem, folder = self._project.path.stem, self._project.path.parent
        if kind.suffix:
            name = f"{stem}{'-results' if key == 'results' else ''}{kind.suffix}"
        else:
            names = [f"{stem}-{key}", *(f"{stem}-{key}-{number}" for number in range(2, 1000))]
            name = next(name for name in names if not (folder / name).exists())
        self.target.set_path(folder / name)
        self._update()

    def _update(self) -> None:
        states = [state for state, box in self.states.items() if box.isChecked()]
        tally = Tally(self._images, sum(self._counts[state] for state in states), self._classes)
        self.preview.setText(f"{tally.totals} will be written")
        path = self.target.path
        problem = ""
        if not states:
            problem = "Choose at least one kind of objects."
        elif path is None or not path.is_absolute():
            problem = "Choose where to write."
        elif path.exists() and EXPORT_FORMATS[self.format.currentData()].suffix:
            problem = "The file exists and will be replaced."
        self.problem.setText(problem)
        self.export_button.setEnabled(bool(states) and path is not None and path.is_absolute())

    # ---- the work

    def start(self) -> None:
        """Export in the background and close."""
        path, format, options = self.target.path, self.format.currentData(), self.options
        assert path is not None
        project_path, messages = self._project.path, self._messages

        def work(task: Task) -> tuple[Tally, list[Path]]:
            def progress(done: int, total: int) -> None:
                task.check()
                task.report((done, total))

            with Queries.open_for_reading(project_path) as reader:
                return export_project(reader, path, format, options, progress)

        def finished(result: tuple[Tally, list[Path]]) -> str:
            tally, files = result
            told = f"{tally.totals} written to {', '.join(map(str, files))}"
            lines = tally.lines()
            kind = "caution" if tally.skipped else "info"
            more = "; some things were left out or changed" if tally.skipped or tally.changed else ""
            messages.show_message(f"{told}{more}", kind, "\n".join(lines))
            return told

        job = self._jobs.run(
            f"Exporting {EXPORT_FORMATS[format].title}", work, finished, lambda done: job.progress(*done)
        )
        self.accept()


def _hint() -> QLabel:
    label = QLabel()
    label.setProperty("role", "hint")
    label.setWordWrap(True)
    return label
