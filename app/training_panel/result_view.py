"""The result of a retraining: figures before and after, and pictures of held-out images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHeaderView,
    QLabel,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.retraining.words import counted, percent
from app.theme import current

if TYPE_CHECKING:
    from app.training_panel.outcome import Outcome, Row
    from zsi_core.retraining import Comparison

_COLUMNS = ("", "Held-out objects", "Before", "After", "Change")
_PICTURE_WIDTH = 370
_ROWS_SHOWN = 9


class ResultView(QWidget):
    """Empty until `show_outcome`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setAccessibleName("Figures before and after")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.about = _text("hint")
        self.kept = _text("")
        self.pictures = QGridLayout()
        self.pictures.setColumnStretch(2, 1)
        self.pictures.setHorizontalSpacing(10)
        inside = QWidget()
        inside.setLayout(self.pictures)
        self._room = QScrollArea()
        self._room.setWidgetResizable(True)
        self._room.setWidget(inside)
        self._room.setFrameShape(QFrame.Shape.NoFrame)
        self._room.setAccessibleName("Pictures before and after")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.about, self.table, self.kept):
            layout.addWidget(widget)
        layout.addWidget(self._room, 1)

    def show_outcome(self, outcome: Outcome) -> None:
        """Show what came of a run."""
        kind = "masks" if outcome.of_masks else "boxes"
        self.about.setText(
            f"Average precision of {kind} (AP50, in percent) on {counted(outcome.images, 'image')} that "
            "never trained. What the model finds counts where it covers the labelled object by half."
            if outcome.rows
            else "No labelled image was held out: nothing could be measured. Look at some images yourself."
        )
        self._fill(outcome.rows)
        kept = outcome.result.kept
        self.kept.setText(
            ""
            if kept is None
            else f"Everyday things that it was never trained on: {100 * kept:.0f} % of what the model before "
            "finds in the demo photographs is found again."
        )
        self.kept.setVisible(bool(self.kept.text()))
        self._show_pictures(outcome)

    def _fill(self, rows: tuple[Row, ...]) -> None:
        self.table.setVisible(bool(rows))
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            objects = "" if row.objects is None else f"{row.objects:,}"
            texts = (
                row.name if row.is_group else f"      {row.name}",
                objects,
                percent(row.before),
                percent(row.after),
                change(row),
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                font = item.font()
                font.setBold(row.is_group)
                item.setFont(font)
                if column == 4 and text[:1] in "+−":
                    item.setForeground(QColor(current().good if text.startswith("+") else current().bad))
                self.table.setItem(number, column, item)
        shown = min(len(rows), _ROWS_SHOWN)
        height = self.table.verticalHeader().defaultSectionSize()
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + shown * height + 6)

    def _show_pictures(self, outcome: Outcome) -> None:
        while (item := self.pictures.takeAt(0)) is not None:
            if (shown := item.widget()) is not None:
                shown.deleteLater()
        self._room.setVisible(bool(outcome.comparisons))
        for number, pair in enumerate(outcome.comparisons):
            caption = _text("hint")
            caption.setText(_caption(pair))
            self.pictures.addWidget(caption, 2 * number, 0, 1, 3)
            for column, file, when in ((0, pair.before, "before"), (1, pair.after, "after")):
                picture = QLabel()
                picture.setAccessibleName(f"{pair.image} {when}")
                pixels = QPixmap(str(outcome.pictures / file))
                if pixels.isNull():
                    picture.setText(f"{outcome.pictures / file} is missing")
                else:
                    smooth = Qt.TransformationMode.SmoothTransformation
                    picture.setPixmap(pixels.scaledToWidth(_PICTURE_WIDTH, smooth))
                self.pictures.addWidget(picture, 2 * number + 1, column)


def change(row: Row) -> str:
    """ "+12.3" or "−4.5" points, or empty."""
    if row.before is None or row.after is None:
        return ""
    points = round(100 * (row.after - row.before), 1)
    return f"{points:+.1f}".replace("-", "−") if points else "0.0"


def _caption(pair: Comparison) -> str:
    return (
        f"{pair.image}, asked for {', '.join(pair.names)}: {pair.labelled:,} labelled, "
        f"{pair.found_before:,} found before (left) and {pair.found_after:,} after (right)"
    )


def _text(role: str) -> QLabel:
    label = QLabel()
    label.setProperty("role", role)
    label.setWordWrap(True)
    return label
