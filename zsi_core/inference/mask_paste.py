"""Masks of regions, from the network's grid to run lengths at the size of the photograph.

Only the pixels of a box are ever touched: pasting into a full image and encoding that costs as much as the
network on a photograph of 48 megapixels.

Shapes
    M  side of a predicted mask    H, W  size of the photograph    h, w  size of a box in pixels
"""

from __future__ import annotations

import numpy as np

from zsi_core.instances import rle
from zsi_core.instances.rle import Rle
from zsi_core.model import mmdetection

BLOCK = 1 << 16
"""Pixels that are interpolated at once: what fits into a processor's cache, and little memory."""


def paste_mask(probabilities: np.ndarray, box: np.ndarray, image_size: tuple[int, int]) -> Rle:
    """Mask of a region at the size of the photograph.

    A pixel belongs to the mask where the bilinearly sampled probability at its centre is above one half.

    Args:
        probabilities: (M, M) float32 over the box.
        box: (4,) x1, y1, x2, y2 in pixels of the photograph.
        image_size: (H, W).
    """
    height, width = image_size
    side = probabilities.shape[0]
    x1, y1, x2, y2 = (float(v) for v in box)
    left, top = max(0, int(np.floor(x1))), max(0, int(np.floor(y1)))
    right, bottom = min(width, int(np.ceil(x2))), min(height, int(np.ceil(y2)))
    if right <= left or bottom <= top or x2 <= x1 or y2 <= y1:
        return rle.from_counts([height * width], image_size)
    # A border of zeros lets the mask fade out at the edge of its box instead of being repeated beyond it.
    padded = np.pad(probabilities, 1)
    x = ((np.arange(left, right) + 0.5 - x1) / (x2 - x1) * side + 0.5).astype(np.float32)
    y = ((np.arange(top, bottom) + 0.5 - y1) / (y2 - y1) * side + 0.5).astype(np.float32)
    grid = np.ascontiguousarray(_interpolated(padded, y).T)  # (M + 2, h)
    step = max(1, BLOCK // len(y))
    blocks = [
        _edges(_interpolated(grid, x[start : start + step]) > 0.5, left + start, top, height)
        for start in range(0, len(x), step)
    ]
    return _from_edges(np.concatenate(blocks), image_size)


def paste_published(probabilities: np.ndarray, box: np.ndarray, image_size: tuple[int, int]) -> Rle:
    """As `paste_mask`, with the whole pixels and the repeated border of mmdetection."""
    inside, left, top = mmdetection.pasted(probabilities, box)
    return crop_rle(inside[: image_size[0] - top, : image_size[1] - left], left, top, image_size)


def crop_rle(inside: np.ndarray, left: int, top: int, image_size: tuple[int, int]) -> Rle:
    """Run lengths of a mask that is zero outside a rectangle.

    Args:
        inside: (h, w) bool, the rectangle.
        left, top: where it lies in the image.
        image_size: (H, W).
    """
    return _from_edges(_edges(inside.T, left, top, image_size[0]), image_size)


def _interpolated(grid: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rows of a grid (M, n) at fractional row positions (m,), linearly interpolated: (m, n)."""
    below = np.minimum(np.maximum(positions.astype(np.int64), 0), len(grid) - 2)
    weight = np.minimum(np.maximum(positions - below, 0.0), 1.0).astype(grid.dtype)[:, None]
    rows = grid[below]
    return rows + (grid[below + 1] - rows) * weight


def _edges(columns: np.ndarray, left: int, top: int, height: int) -> np.ndarray:
    """Starts and ends of the runs in turn, as positions in the image in column-major order.

    Args:
        columns: (w, h) bool, columns of the image from `left` on, each from row `top` on.
    """
    bordered = np.zeros((columns.shape[0], columns.shape[1] + 2), dtype=bool)
    bordered[:, 1:-1] = columns
    column, row = np.nonzero(bordered[:, 1:] != bordered[:, :-1])
    return (column + left) * height + row + top


def _from_edges(edges: np.ndarray, image_size: tuple[int, int]) -> Rle:
    # A run that reaches the bottom and one that begins at the top of the next column are one run.
    same = np.flatnonzero(edges[1:] == edges[:-1])
    edges = np.delete(edges, np.concatenate([same, same + 1]))
    bounds = np.concatenate([[0], edges, [image_size[0] * image_size[1]]])
    return rle.from_counts(np.diff(bounds), image_size)
