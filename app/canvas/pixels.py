"""Masks as pixels of a small window: editing one object costs what its box costs, not the image. Qt-free.

Shapes: H, W image; h, w window, whose upper left pixel is `origin` = (column, row).
"""

from __future__ import annotations

import numpy as np

from zsi_core.instances import Rle, rle

Origin = tuple[int, int]


def decode_window(mask: Rle) -> tuple[np.ndarray, Origin]:
    """The pixels of a mask inside its box.

    Returns:
        (h, w) uint8 of 0 and 1, and the origin of the box; (0, 0) pixels for an empty mask.
    """
    height = mask["size"][0]
    x1, y1, x2, y2 = (int(side) for side in rle.boxes([mask])[0])
    bounds = np.cumsum(rle.to_counts(mask)) - x1 * height
    # Only the rows of the box: where a run goes on in the next column, the box has the full height.
    rows = y2 - y1
    column, row = np.divmod(bounds[:-1:2], height)
    begin = column * rows + row - y1
    end = begin + bounds[1::2] - bounds[:-1:2]
    flips = np.zeros((x2 - x1) * rows + 1, dtype=np.int8)
    flips[begin] += 1
    flips[end] -= 1
    columns = np.cumsum(flips[:-1], dtype=np.int8).view(np.uint8).reshape(x2 - x1, rows)
    return np.ascontiguousarray(columns.T), (x1, y1)


def encode_window(window: np.ndarray, origin: Origin, size: tuple[int, int]) -> Rle:
    """The mask of an image of `size` (H, W) that is empty outside a window.

    Args:
        window: (h, w); every non-zero value counts as inside. What lies outside the image is cut off.
    """
    height, width = size
    x, y = origin
    window = window[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x)]
    x, y = max(0, x), max(0, y)
    if window.size == 0:
        return rle.from_counts([height * width], size)
    columns = np.zeros((window.shape[1], window.shape[0] + 2), dtype=np.int8)
    columns[:, 1:-1] = window.T != 0
    column, row = np.nonzero(np.diff(columns, axis=1))
    bounds = (x + column) * height + y + row
    return rle.from_counts(np.diff(bounds, prepend=0, append=height * width), size)


class PixelEdit:
    """A mask under a brush.

    Attributes:
        pixels: (H, W) uint8 of 0 and 1. Memory that was never painted on is not even allocated.
    """

    def __init__(self, size: tuple[int, int], mask: Rle | None = None) -> None:
        self.pixels = np.zeros(size, dtype=np.uint8)
        self._size = size
        self._box: tuple[int, int, int, int] | None = None  # holds all that is inside, x1, y1, x2, y2
        if mask is not None:
            window, (x, y) = decode_window(mask)
            h, w = window.shape
            self.pixels[y : y + h, x : x + w] = window
            self._box = (x, y, x + w, y + h)

    def stroke(
        self, start: tuple[float, float], end: tuple[float, float], diameter: float, inside: bool
    ) -> tuple[int, int, int, int] | None:
        """Paint with a round brush along a line: all pixels whose centre lies under it.

        Args:
            start, end: x, y in image pixels.
            inside: True paints, False erases.

        Returns:
            The pixels that may have changed, x1, y1, x2, y2; None where the brush is outside the image.
        """
        radius = diameter / 2
        (xa, ya), (xb, yb) = start, end
        height, width = self._size
        x1, x2 = max(0, int(min(xa, xb) - radius)), min(width, int(max(xa, xb) + radius) + 2)
        y1, y2 = max(0, int(min(ya, yb) - radius)), min(height, int(max(ya, yb) + radius) + 2)
        if x1 >= x2 or y1 >= y2:
            return None
        x = np.arange(x1, x2, dtype=np.float32) + 0.5 - xa
        y = np.arange(y1, y2, dtype=np.float32)[:, None] + 0.5 - ya
        dx, dy = xb - xa, yb - ya
        along = (x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9)
        np.clip(along, 0, 1, out=along)
        under = (x - along * dx) ** 2 + (y - along * dy) ** 2 <= max(radius, 0.5) ** 2
        # A brush smaller than a pixel still paints the pixel it is in.
        for px, py in (start, end):
            if x1 <= px < x2 and y1 <= py < y2:
                under[int(py) - y1, int(px) - x1] = True
        self.pixels[y1:y2, x1:x2][under] = inside
        if inside:
            box = self._box or (x1, y1, x2, y2)
            self._box = (min(box[0], x1), min(box[1], y1), max(box[2], x2), max(box[3], y2))
        return x1, y1, x2, y2

    def mask(self) -> Rle | None:
        """What is inside now; None where nothing is."""
        if self._box is None:
            return None
        x1, y1, x2, y2 = self._box
        window = self.pixels[y1:y2, x1:x2]
        return encode_window(window, (x1, y1), self._size) if window.any() else None
