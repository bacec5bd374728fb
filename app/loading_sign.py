"""Says which image is being read when that takes long."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel, QWidget

from app.overlay import Overlay
from app.project import ImageRecord

SHOWN_AFTER_MS = 200
"""A sign that only flashes up disturbs more than it tells."""


class LoadingSign(QLabel):
    """Floats over the canvas, which shows the image before until the next one is there."""

    def __init__(self, below: QWidget) -> None:
        super().__init__()
        self.setObjectName("loading_sign")
        self.setProperty("role", "sign")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        Overlay(self, below, Qt.AlignmentFlag.AlignCenter)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SHOWN_AFTER_MS)
        self._soon.timeout.connect(self.show)
        self.hide()

    def follow(self, record: ImageRecord | None) -> None:
        """The image that is being read now, None for none."""
        if record is None:
            self._soon.stop()
            self.hide()
        else:
            self.setText(f"Reading {record.name} …")
            self._soon.start()
