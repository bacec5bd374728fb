"""`ImagePainter`: draws the image at any zoom, brightness and contrast."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from app.canvas.layer import Slice
from app.canvas.viewport import Viewport

SHARP_FROM = 3.0
"""From this many device pixels per image pixel on, pixels are shown as squares."""


class ImagePainter:
    """Keeps the image in halved sizes, so that a large one shown small is drawn well and fast."""

    def __init__(self) -> None:
        self._levels: list[QImage] = []
        self._table: np.ndarray | None = None  # (256,) uint8, None for the image as it is

    @property
    def pixels(self) -> QImage | None:
        """The image, in the resolution it was given."""
        return self._levels[0] if self._levels else None

    def set_image(self, image: QImage | None) -> None:
        """Show another one; None for nothing."""
        self._levels = [] if image is None else [image.convertToFormat(QImage.Format.Format_RGB32)]

    def set_tone(self, brightness: float, contrast: float) -> None:
        """See `ViewSettings`."""
        if brightness == 0 and contrast == 0:
            self._table = None
            return
        slope = np.tan((np.clip(contrast, -1, 0.98) + 1) * np.pi / 4)
        grey = (np.arange(256) - 127.5) * slope + 127.5 + 255 * brightness
        self._table = np.clip(np.round(grey), 0, 255).astype(np.uint8)

    def slices(self, viewport: Viewport, rect: QRectF) -> list[Slice]:
        """What lies in a rectangle of the widget, in one go."""
        return [lambda painter: self.draw(painter, viewport, rect)]

    def draw(self, painter: QPainter, viewport: Viewport, rect: QRectF) -> None:
        """Draw what lies in a rectangle of the widget."""
        if not self._levels:
            return
        if self._table is None:
            self._draw(painter, viewport, rect)
            return
        ratio = viewport.ratio
        picture = QImage(
            round(rect.width() * ratio),
            round(rect.height() * ratio),
            QImage.Format.Format_ARGB32_Premultiplied,
        )
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        toned = QPainter(picture)
        toned.translate(-rect.topLeft())
        self._draw(toned, viewport, rect)
        toned.end()
        values = np.frombuffer(picture.bits(), np.uint8).reshape(picture.height(), picture.width(), 4)
        opaque = values[..., 3] == 255
        values[opaque, :3] = self._table[values[opaque, :3]]
        painter.drawImage(rect.topLeft(), picture)

    def _draw(self, painter: QPainter, viewport: Viewport, rect: QRectF) -> None:
        width, height = viewport.image
        scale = viewport.zoom * viewport.ratio
        level = self.at_scale(scale * width / self._levels[0].width())
        painter.save()
        smooth = scale < SHARP_FROM
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        # Only the pixels in view, and one around them to blend with.
        fx, fy = level.width() / width, level.height() / height
        x1, y1, x2, y2 = viewport.rect_to_image(rect)
        left, top = max(0, int(x1 * fx) - 1), max(0, int(y1 * fy) - 1)
        right, bottom = min(level.width(), int(x2 * fx) + 2), min(level.height(), int(y2 * fy) + 2)
        if left < right and top < bottom:
            box = (left / fx, top / fy, right / fx, bottom / fy)
            source = QRectF(left, top, right - left, bottom - top)
            painter.drawImage(viewport.rect_to_widget(box), level, source)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QColor(128, 128, 128))
        frame = viewport.rect_to_widget((0, 0, width, height)).adjusted(-1, -1, 0, 0)
        painter.drawRect(frame)
        painter.restore()

    def at_scale(self, scale: float) -> QImage:
        """The image in the smallest of its sizes that need not be enlarged at this scale of the full one."""
        i = 0
        while scale * 2 ** (i + 1) <= 1 and min(self._levels[i].width(), self._levels[i].height()) > 1:
            i += 1
            if i == len(self._levels):
                self._levels.append(_halved(self._levels[-1]))
        return self._levels[i]


def _halved(image: QImage) -> QImage:
    """Half the size: between four pixels, smooth scaling takes their mean, in half the time of `scaled`."""
    half = QImage(max(1, image.width() // 2), max(1, image.height() // 2), image.format())
    painter = QPainter(half)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF(half.rect()), image)
    painter.end()
    return half
