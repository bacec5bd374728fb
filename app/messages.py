"""The messages: what a person should know, over the canvas, without stopping the work."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.errors import Report
from app.overlay import Overlay
from app.theme import current, icon

_SHOWN = 3
"""Older messages make room for new ones."""
_WIDTH = 760


class MessageBar(QWidget):
    """Messages below each other, the newest at the bottom; each is dismissed by its button."""

    def __init__(self, below: QWidget) -> None:
        """Args:
        below: what the messages float over.
        """
        super().__init__()
        self.setObjectName("messages")
        self.setAccessibleName("Messages")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        Overlay(self, below, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter, _WIDTH)
        self.messages: list[Message] = []
        self.hide()

    def show_report(self, report: Report) -> None:
        """Show an error; the same one twice is shown once."""
        kind = "fault" if report.details else "caution"
        self.show_message(report.message, kind, report.details)

    def show_message(self, text: str, kind: str = "info", details: str = "") -> Message:
        """Show a message.

        Args:
            kind: `info`, `caution` or `fault`.
            details: text behind a button, for a bug report.
        """
        for message in self.messages:
            if message.text == text:
                return message
        message = Message(text, kind, details, self)
        message.closed.clicked.connect(lambda: self.dismiss(message))
        self.messages.append(message)
        self._layout.addWidget(message)
        while len(self.messages) > _SHOWN:
            self.dismiss(self.messages[0])
        self.show()
        return message

    def dismiss(self, message: Message) -> None:
        """Take a message away."""
        if message in self.messages:
            self.messages.remove(message)
            self._layout.removeWidget(message)
            message.hide()
            message.deleteLater()
        self.setVisible(bool(self.messages))

    def clear(self) -> None:
        """Take all messages away."""
        for message in list(self.messages):
            self.dismiss(message)


class Message(QFrame):
    """One message with its buttons."""

    def __init__(self, text: str, kind: str, details: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.text, self.details = text, details
        self.setProperty("role", "message")
        self.setProperty("kind", kind)
        colours = current()
        colour = {"info": colours.accent, "caution": colours.caution, "fault": colours.bad}[kind]
        sign = QLabel()
        sign.setPixmap(icon(kind, colour).pixmap(20, 20))
        sign.setAccessibleName({"info": "Note", "caution": "Warning", "fault": "Error"}[kind])
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(12, 7, 8, 7)
        self.row.setSpacing(10)
        self.row.addWidget(sign)
        self.row.addWidget(label, 1)
        if details:
            self.add_button("Details…", self.show_details)
        self.closed = QToolButton()
        self.closed.setIcon(icon("close"))
        self.closed.setAccessibleName("Dismiss message")
        self.closed.setToolTip("Dismiss")
        self.row.addWidget(self.closed)

    def add_button(self, text: str, slot: object) -> QPushButton:
        """A button before the one that dismisses."""
        button = QPushButton(text)
        button.clicked.connect(lambda: slot())  # type: ignore[operator]
        self.row.insertWidget(2, button)
        return button

    def show_details(self) -> None:
        """Open the report, to read and to copy."""
        dialog = ReportDialog(self.text, self.details, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()


class ReportDialog(QDialog):
    """The details of a fault with a button that copies them."""

    def __init__(self, text: str, details: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("report_dialog")
        self.setWindowTitle("Error report")
        self.resize(720, 440)
        message = QLabel(text)
        message.setWordWrap(True)
        self.report = QPlainTextEdit(details)
        self.report.setReadOnly(True)
        self.report.setAccessibleName("Report")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy_button = buttons.addButton("Copy report", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(details))
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        for widget in (message, self.report, buttons):
            layout.addWidget(widget)
