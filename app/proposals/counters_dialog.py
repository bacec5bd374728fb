"""The dialog with the counters of the review."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.jobs import Task, run_task
from app.project import Project, Queries
from app.project.reviewing import worked_on
from app.proposals.counters import PAUSE_SECONDS, Counter, count, write_csv
from app.session import Session

_COLUMNS = (
    "Class",
    "Accepted",
    "Corrected",
    "Rejected",
    "IoU of\ncorrected",
    "Seconds per\naccepted mask",
    "Drawn",
    "Seconds per\ndrawn mask",
)
_ABOUT = (
    "Corrected masks count as accepted in the seconds, and rejected proposals cost time, too. "
    f"Breaks of more than {PAUSE_SECONDS:.0f} seconds are left out."
)


class CountersDialog(QDialog):
    """Counts once, when it is opened."""

    def __init__(self, session: Session, project: Project, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("counters_dialog")
        self.setWindowTitle("Counters of the review")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(780, 420)
        self._session = session
        self._stem, self._folder = project.path.stem, project.path.parent
        self.counters: list[Counter] = []
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setAccessibleName("Counters by class")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        first = QTableWidgetItem(_COLUMNS[0])
        self.table.setHorizontalHeaderItem(0, first)
        first.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.status = QLabel("Counting ...")
        self.status.setProperty("role", "hint")
        self.status.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.save_button = buttons.addButton("Save as CSV…", QDialogButtonBox.ButtonRole.ActionRole)
        self.save_button.setEnabled(False)
        self.save_button.clicked.connect(self._choose_file)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)
        layout.addWidget(self.status)
        layout.addWidget(buttons)
        path, names = project.path, {record.id: record.name for record in session.classes().values()}

        def work(_: Task) -> list[Counter]:
            with Queries.open_for_reading(path) as reader:
                return count(worked_on(reader), names)

        self._task = run_task(work, self._show)
        self.finished.connect(lambda _: self._task.cancel())

    def _show(self, counters: list[Counter]) -> None:
        self.counters = counters
        self.table.setRowCount(len(counters))
        for row, counter in enumerate(counters):
            for column, text in enumerate(_texts(counter)):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if row == len(counters) - 1:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                self.table.setItem(row, column, item)
        self.status.setText(_ABOUT)
        self.save_button.setEnabled(True)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, "Save the counters", str(self._folder / f"{self._stem}-counters.csv"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Comma-separated values (*.csv)")
        dialog.setDefaultSuffix("csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.save(Path(name)))
        dialog.open()

    def save(self, path: Path) -> None:
        """Write what is shown as CSV."""
        try:
            write_csv(self.counters, path)
        except OSError as error:
            self.status.setText(f"{path} cannot be written ({error.strerror}): choose another folder")
            return
        self.status.setText(f"Saved: {path}")


def _texts(counter: Counter) -> list[str]:
    """The cells of a row."""
    decisions = [_of(counter, number) for number in (counter.accepted, counter.corrected, counter.rejected)]
    return [
        counter.name,
        *decisions,
        _number(counter.iou_of_corrected, 2),
        _number(counter.seconds_per_accepted, 1),
        f"{counter.drawn:,}",
        _number(counter.seconds_per_drawn, 1),
    ]


def _of(counter: Counter, number: int) -> str:
    share = counter.share(number)
    return f"{number:,}" if share is None else f"{number:,}  ({share:.0%})"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
