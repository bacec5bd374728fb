"""GrabCut around one object (Rother, Kolmogorov and Blake 2004): the edge moves to where colours change.

Shapes: h, w of the crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from app.canvas.image_layer import ImagePainter
from app.canvas.pixels import decode_window, encode_window
from app.project.geometry import Box
from zsi_core.instances import Rle

MAX_SIDE = 360
"""GrabCut's time grows with the pixels: larger crops are scaled down to this side."""
AROUND = 0.15
"""Share of the object's size that is looked at around it."""
BAND = 0.04
"""Share of the object's size by which the edge may move."""
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Crop:
    """The picture around an object.

    Attributes:
        pixels: (h, w, 3) uint8 RGB; of lower resolution than the image where that is shown as a preview.
        box: x1, y1, x2, y2 whole pixels of the original image.
        size: (width, height) of the original image.
    """

    pixels: np.ndarray
    box: tuple[int, int, int, int]
    size: tuple[int, int]


def crop_around(pictures: ImagePainter, box: Box, size: tuple[int, int]) -> Crop:
    """Cut the neighbourhood of a box out of the picture of an image of `size`, no larger than is of use."""
    width, height = size
    side = max(box[2] - box[0], box[3] - box[1])
    margin = side * AROUND + 4
    image = pictures.at_scale(MAX_SIDE / (side + 2 * margin))
    x1, y1 = max(0, int(box[0] - margin)), max(0, int(box[1] - margin))
    x2, y2 = min(width, int(box[2] + margin) + 1), min(height, int(box[3] + margin) + 1)
    fx, fy = image.width() / width, image.height() / height
    left, top = int(x1 * fx), int(y1 * fy)
    part = image.copy(QRect(left, top, max(1, round(x2 * fx) - left), max(1, round(y2 * fy) - top)))
    part = part.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(part.constBits(), np.uint8).reshape(part.height(), part.bytesPerLine())
    pixels = rows[:, : part.width() * 3].reshape(part.height(), part.width(), 3).copy()
    return Crop(pixels, (x1, y1, x2, y2), size)


def refine(crop: Crop, mask: Rle) -> Rle | None:
    """A mask whose edge follows the picture; it moves within a band around the old one only.

    Returns:
        None where the picture has no edge to offer.
    """
    import cv2  # here: the window starts without it

    x1, y1, x2, y2 = crop.box
    inside = _in_crop(mask, crop.box)
    scale = min(1.0, MAX_SIDE / max(inside.shape))
    small = (max(8, round(inside.shape[1] * scale)), max(8, round(inside.shape[0] * scale)))
    picture = cv2.resize(crop.pixels, small, interpolation=cv2.INTER_AREA)
    old = cv2.resize(inside, small, interpolation=cv2.INTER_NEAREST)

    band = max(3, round(max(small) * BAND))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1))
    surely, perhaps = cv2.erode(old, disc), cv2.dilate(old, disc)
    labels = np.full(old.shape, cv2.GC_BGD, np.uint8)
    labels[perhaps > 0] = cv2.GC_PR_BGD
    labels[old > 0] = cv2.GC_PR_FGD
    labels[surely > 0] = cv2.GC_FGD
    if not (labels == cv2.GC_BGD).any() or not old.any():
        return None
    cv2.setRNGSeed(0)  # the same object gives the same edge every time
    cv2.grabCut(
        np.ascontiguousarray(picture[:, :, ::-1]),
        labels,
        (0, 0, 0, 0),
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        ROUNDS,
        cv2.GC_INIT_WITH_MASK,
    )
    found = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
    full = cv2.resize(found, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR) >= 0.5
    return encode_window(full, (x1, y1), crop.size[::-1]) if full.any() else None


def _in_crop(mask: Rle, box: tuple[int, int, int, int]) -> np.ndarray:
    """(h, w) uint8 pixels of a mask inside a box that holds all of it."""
    x1, y1, x2, y2 = box
    window, (x, y) = decode_window(mask)
    inside = np.zeros((y2 - y1, x2 - x1), np.uint8)
    inside[y - y1 : y - y1 + window.shape[0], x - x1 : x - x1 + window.shape[1]] = window
    return inside
