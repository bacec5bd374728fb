"""Puts a theme in force for the whole application."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QStyleFactory

from app.theme.colours import DARK, LIGHT, Colours
from app.theme.style_sheet import style_sheet

_current = LIGHT


def current() -> Colours:
    """The colours in force."""
    return _current


def apply_theme(application: QApplication, choice: str) -> Colours:
    """Colour the application.

    Args:
        choice: `light`, `dark`, or `system` for what the desktop prefers.
    """
    global _current
    _current = _chosen(choice)
    if application.style().name().lower() != "fusion":
        application.setStyle(QStyleFactory.create("Fusion"))
    sheet = style_sheet(_current)
    if sheet != application.styleSheet():  # styling everything anew takes a tenth of a second
        application.setPalette(_current.palette())
        application.setStyleSheet(sheet)
    return _current


def _chosen(choice: str) -> Colours:
    if choice == "system":
        return DARK if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT
    return DARK if choice == "dark" else LIGHT
