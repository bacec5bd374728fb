"""Icons: line drawings in resources/icons, painted in the text colour of the theme."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from zsi_core.files import resources_dir

_SIZES = (16, 20, 24, 32, 40, 48)
_PEN = b"currentColor"


def icon(name: str, colour: str | None = None) -> QIcon:
    """An icon in a colour, by default that of text in the theme in force.

    Args:
        name: file in resources/icons without its suffix.
    """
    from app.theme.theme import current

    colours = current()
    return _drawn(name, colour or colours.text, colours.dim)


@cache
def _drawn(name: str, colour: str, faded: str) -> QIcon:
    drawing = (resources_dir() / "icons" / f"{name}.svg").read_bytes()
    made = QIcon()
    for mode, pen, opacity in ((QIcon.Mode.Normal, colour, 1.0), (QIcon.Mode.Disabled, faded, 0.45)):
        renderer = QSvgRenderer(QByteArray(drawing.replace(_PEN, QColor(pen).name().encode())))
        for size in _SIZES:
            made.addPixmap(_pixmap(renderer, size, opacity), mode)
    return made


def _pixmap(renderer: QSvgRenderer, size: int, opacity: float) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setOpacity(opacity)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
