"""Masks <-> compressed run-length encoding (RLE), and what can be computed without decoding it.

An RLE is the dictionary of COCO files and pycocotools, `{"size": [height, width], "counts": str}`. Its counts
are the lengths of alternating runs of 0 and 1 (0 first) through the pixels in column-major order.

Shapes: H, W height and width of the image, N and M numbers of masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from pycocotools import mask as coco_mask

MAX_PIXELS = 2**31 - 1
"""Largest H * W: pycocotools counts pixels and areas in 32 bits."""

_MAX_DIGITS = 7  # base-32 digits of one count: enough for 32 bits and a sign


class Rle(TypedDict):
    """Compressed RLE of one mask: `size` is [height, width]."""

    size: list[int]
    counts: str


def encode(mask: np.ndarray) -> Rle:
    """Compress a mask.

    Args:
        mask: (H, W) bool, or integers of which every non-zero counts as inside.
    """
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"mask must be an array with shape (H, W), both at least 1, but got {mask.shape}")
    return _as_str(coco_mask.encode(np.asfortranarray(mask != 0, dtype=np.uint8)))


def decode(rle: Rle) -> np.ndarray:
    """(H, W) bool mask of an RLE.

    Raises:
        ValueError: the RLE is malformed.
    """
    height, width = rle["size"]
    runs = to_counts(rle)
    columns = np.repeat(np.arange(runs.size) % 2 == 1, runs).reshape(width, height)
    return np.ascontiguousarray(columns.T)


def from_counts(counts: Sequence[int] | np.ndarray, size: tuple[int, int]) -> Rle:
    """Compress uncompressed run lengths.

    Args:
        counts: lengths of alternating runs of 0 and 1, 0 first, in column-major order.
        size: (height, width).

    Raises:
        ValueError: a run is negative or the runs do not add up to height x width.
    """
    height, width = size
    check_size(height, width)
    runs = _merged(_checked_runs(np.asarray(counts, dtype=np.int64), height, width))
    uncompressed = {"size": [height, width], "counts": runs.tolist()}
    return _as_str(coco_mask.frPyObjects(uncompressed, height, width))


def to_counts(rle: Rle) -> np.ndarray:
    """Run lengths of an RLE.

    Unlike pycocotools, which reads and writes beyond its buffers when the string is malformed, this checks
    everything: pass an RLE of unknown origin through here first.

    Returns:
        (R,) int64: lengths of alternating runs of 0 and 1, 0 first, in column-major order.

    Raises:
        ValueError: the string is malformed or its runs do not add up to height x width.
    """
    height, width = rle["size"]
    check_size(height, width)
    digits = np.frombuffer(rle["counts"].encode("utf-8", "replace"), dtype=np.uint8).astype(np.int64) - 48
    if digits.size == 0 or digits.min() < 0 or digits.max() > 63:
        raise ValueError("RLE counts must be a non-empty string of the characters 0 to o")
    # Base-32 numbers, lowest digit first; bit 5 says that the number goes on, bit 4 of the last is its sign.
    last = np.flatnonzero((digits & 0x20) == 0)
    if last.size == 0 or last[-1] != digits.size - 1:
        raise ValueError("RLE counts must not end within a number: the string is cut off")
    lengths = np.diff(last, prepend=-1)
    if lengths.max() > _MAX_DIGITS:
        raise ValueError("RLE counts must not hold numbers of more than 32 bits")
    first = last - lengths + 1
    places = np.arange(digits.size) - np.repeat(first, lengths)
    runs = np.add.reduceat((digits & 0x1F) << (5 * places), first)
    runs -= ((digits[last] >> 4) & 1) << (5 * lengths)
    # From the fourth on, a count is stored as the difference to the one two places before it.
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    runs = _checked_runs(runs, height, width)
    return _merged(runs) if (runs[1:] == 0).any() else runs


def areas(rles: Sequence[Rle]) -> np.ndarray:
    """(N,) int64 numbers of pixels inside (pycocotools' are uint32, whose differences wrap around)."""
    return np.asarray(coco_mask.area(list(rles)), dtype=np.int64).reshape(len(rles))


def boxes(rles: Sequence[Rle]) -> np.ndarray:
    """(N, 4) float32 tight boxes x1, y1, x2, y2 around the pixels inside; zeros for an empty mask."""
    xywh = np.asarray(coco_mask.toBbox(list(rles)), dtype=np.float64).reshape(len(rles), 4)
    xywh[:, 2:] += xywh[:, :2]
    return xywh.astype(np.float32)


def extent(rle: Rle) -> tuple[int, tuple[int, int, int, int]]:
    """Number of pixels inside, and x, y, width, height of the tight box around them, of one mask."""
    x, y, width, height = map(int, coco_mask.toBbox(rle).tolist())
    return int(coco_mask.area(rle)), (x, y, width, height)


def iou(first: Sequence[Rle], second: Sequence[Rle]) -> np.ndarray:
    """(N, M) float64 intersection over union of every pair; 0 where both masks are empty.

    Raises:
        ValueError: the masks are not all of one size.
    """
    sizes = {tuple(rle["size"]) for rle in (*first, *second)}
    if len(sizes) > 1:
        raise ValueError(f"masks must have the same size, but got {sorted(sizes)}")
    if not first or not second:
        return np.zeros((len(first), len(second)))
    values = np.asarray(coco_mask.iou(list(first), list(second), [0] * len(second)), dtype=np.float64)
    return values.reshape(len(first), len(second))


def union(rles: Sequence[Rle]) -> Rle:
    """Pixels inside any of at least one mask of the same size."""
    merged: Any = rles[0] if len(rles) == 1 else coco_mask.merge(list(rles))
    return _as_str(merged)


def subtract(rle: Rle, removed: Rle) -> Rle:
    """Pixels inside `rle` and not inside `removed`."""
    return _as_str(coco_mask.merge([rle, complement(removed)], intersect=True))


def complement(rle: Rle) -> Rle:
    """Pixels not inside `rle`."""
    height, width = rle["size"]
    return from_counts(np.concatenate([[0], to_counts(rle)]), (height, width))


def _as_str(rle: dict[str, Any]) -> Rle:
    counts = rle["counts"]
    return Rle(
        size=[int(side) for side in rle["size"]],
        counts=counts.decode("ascii") if isinstance(counts, bytes) else counts,
    )


def check_size(height: int, width: int) -> None:
    """Raise ValueError for a size that pycocotools cannot count."""
    if not (height >= 1 and width >= 1 and height * width <= MAX_PIXELS):
        raise ValueError(
            f"RLE size must be [height, width], both at least 1 and {MAX_PIXELS} pixels at most, "
            f"but got [{height}, {width}]"
        )


def _checked_runs(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    if runs.ndim != 1 or runs.size == 0 or runs.min() < 0 or runs.max() > MAX_PIXELS:
        raise ValueError("RLE counts must be run lengths, none of them negative")
    if runs.sum() != height * width:
        raise ValueError(
            f"RLE counts must add up to {height} x {width} = {height * width} pixels, but got {runs.sum()}"
        )
    return runs


def _merged(runs: np.ndarray) -> np.ndarray:
    """The same mask without runs of length 0 after the first: they mislead pycocotools' boxes."""
    inside = np.arange(runs.size) % 2 == 1
    kept = runs > 0
    runs, inside = runs[kept], inside[kept]
    starts = np.flatnonzero(np.diff(inside, prepend=not inside[0]))
    merged = np.add.reduceat(runs, starts)
    return np.concatenate([[0], merged]) if inside[0] else merged
