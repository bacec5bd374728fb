"""A class that is asked for, as a button above the image: colour, mark, name, how many were found."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from app.proposals.prompt import Chip
from app.proposals.proposals import Proposals
from app.theme import current, icon
from app.theme.colours import Colours

_SIZE = QSize(34, 16)


class ChipButton(QFrame):
    """Its tip says what the name became; a click opens the rest."""

    opened = Signal()
    removed = Signal()

    def __init__(self, chip: Chip, proposals: Proposals, parent: QWidget) -> None:
        super().__init__(parent)
        self.chip = chip
        self._proposals = proposals
        self.setProperty("role", "chip")
        self.setObjectName(f"chip_{chip.class_id}")
        self.button = QToolButton(self)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setIconSize(_SIZE)
        self.button.clicked.connect(self.opened)
        self.close_button = QToolButton(self)
        self.close_button.setIcon(icon("close"))
        self.close_button.setIconSize(QSize(12, 12))
        self.close_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.close_button.setAccessibleName(f"Do not ask for {chip.name}")
        self.close_button.setToolTip(f"Do not ask for {chip.name} any more (Delete); the class stays")
        self.close_button.clicked.connect(self.removed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(3, 0, 1, 0)
        layout.setSpacing(0)
        layout.addWidget(self.button)
        layout.addWidget(self.close_button)
        self.refresh()

    def refresh(self) -> None:
        """Say what is known by now."""
        chip, names = self.chip, self._proposals.names
        report, seen = names.report(chip.phrase), names.is_seen(chip.phrase)
        unknown = report is not None and bool(report.problem)
        told = self._found_text(unknown)
        text = f"{chip.phrase}   {told}".rstrip()
        if self.button.text() != text:
            self.button.setText(text)
        self.button.setIcon(_mark(chip.color, seen, unknown, current()))
        lines = [f"<b>{chip.phrase}</b>"]
        if seen is not None:
            lines.append("◆ The model was trained on it" if seen else "◇ New to the model")
        if report is not None:
            lines.append(report.problem or f"{report.explanation}: {', '.join(report.used)}")
            lines.append(report.expectation)
        if self._proposals.is_absent(chip.class_id):
            lines.append("Probably absent from this image")
        if weaker := self._proposals.number_weaker(chip.class_id):
            lines.append(f"{weaker} weaker hidden by the threshold; the key , shows more")
        self.button.setToolTip("<br>".join(line for line in lines if line))
        trained = {True: ", seen in training", False: ", new to the model", None: ""}[seen]
        self.button.setAccessibleName(f"{chip.name}, {told}{trained}")

    def _found_text(self, unknown: bool) -> str:
        if unknown:
            return "no such word"
        proposals, class_id = self._proposals, self.chip.class_id
        absent = proposals.is_absent(class_id)
        if number := proposals.number(class_id):
            return str(number)
        if absent is None and proposals.awaited:
            return "…"
        weaker = proposals.number_weaker(class_id)
        if absent is None and not weaker:
            return ""
        if proposals.number_decided(class_id):
            return "0 left"
        return "probably absent" if absent and not weaker else "none sure"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        else:
            super().keyPressEvent(event)


@cache
def _mark(color: str, seen: bool | None, unknown: bool, colours: Colours) -> QIcon:
    """The colour of the class, and beside it a diamond: full for a seen class, hollow for one that is new."""
    ratio = 2.0
    pixmap = QPixmap(_SIZE * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    painter.drawRoundedRect(QRectF(1, 2, 12, 12), 3, 3)
    if unknown:
        icon("caution", colours.caution).paint(painter, 17, 0, 16, 16)
    elif seen is not None:
        text = QColor(colours.dim)
        painter.setPen(QPen(text, 1.4))
        painter.setBrush(text if seen else Qt.BrushStyle.NoBrush)
        middle = QPointF(25, 8)
        points = [QPointF(0, -4.5), QPointF(4.5, 0), QPointF(0, 4.5), QPointF(-4.5, 0)]
        painter.drawPolygon(QPolygonF([middle + point for point in points]))
    painter.end()
    return QIcon(pixmap)
