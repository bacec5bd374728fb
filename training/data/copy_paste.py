"""Copy-paste augmentation: objects of one training image, cut out along their masks, on another.

Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation", CVPR 2021.
Unlike there, objects that would bury much of the image are not pasted.

Shapes
    h, w  size of the canvas    N  objects of the image    K  objects pasted onto it
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.data.example import Example
from training.transforms import LEAST_VISIBLE, SMALLEST_SIDE

LARGEST_PASTED = 0.3
"""Share of the image that a pasted object may cover."""

MOST_HIDDEN = 0.5
"""Boxes without a mask of which a larger share is pasted over are ignored: what is left is not known."""


def random_paste(example: Example, source: Example, rng: np.random.Generator) -> Example:
    """Paste a random, non-empty part of the objects of `source` that have masks; each has an even chance.

    Objects above `LARGEST_PASTED` are left out.
    """
    room = example.size[0] * example.size[1]
    pixels = source.masks.sum(axis=(1, 2), dtype=np.int64)
    candidates = np.flatnonzero((pixels > 0) & (pixels <= LARGEST_PASTED * room))
    if len(candidates) == 0:
        return example
    chosen = candidates[rng.random(len(candidates)) < 0.5]
    if len(chosen) == 0:
        chosen = candidates[[rng.integers(len(candidates))]]
    return paste(example, source, chosen)


def paste(example: Example, source: Example, chosen: np.ndarray) -> Example:
    """Objects of `source` on `example`.

    What was there before loses the covered part of its mask and, at that side, of its box. Objects of which
    too little stays visible are ignored from then on, and so are mostly covered boxes without a mask.
    Unlabelled regions stay as unknown as they were, since only labelled pixels are pasted.

    Args:
        example, source: on canvases of one size.
        chosen: (K,) indices of objects of `source` that have masks.
    """
    masks = source.masks[chosen].copy()
    masks[:, example.size[0] :] = 0
    masks[:, :, example.size[1] :] = 0
    boxes, worth = _after_loss(source.boxes[chosen], source.masks[chosen], masks)
    masks, boxes, chosen = masks[worth], boxes[worth], chosen[worth]
    if len(chosen) == 0:
        return example
    covered = masks.any(axis=0)
    kept = _uncovered(example, covered)
    return replace(
        kept,
        image=np.where(covered[..., None], source.image, example.image),
        boxes=np.concatenate([kept.boxes, boxes]),
        labels=np.concatenate([kept.labels, source.labels[chosen]]),
        masks=np.concatenate([kept.masks, masks]),
        has_mask=np.concatenate([kept.has_mask, source.has_mask[chosen]]),
        teacher=None
        if kept.teacher is None or source.teacher is None
        else np.concatenate([kept.teacher, source.teacher[chosen]]),
    )


def _uncovered(example: Example, covered: np.ndarray) -> Example:
    """What is left of an image's labels when the pixels `covered` (h, w) bool are pasted over."""
    masks = example.masks * ~covered
    boxes, worth = _after_loss(example.boxes, example.masks, masks)
    without = ~example.has_mask
    boxes[without] = example.boxes[without]
    worth[without] = _hidden(example.boxes[without], covered) <= MOST_HIDDEN
    left_over = boxes[~worth & (without | masks.any(axis=(1, 2)))]
    taught_boxes, taught_vectors = example.taught_boxes, example.taught_vectors
    if taught_boxes is not None and taught_vectors is not None:
        visible = _hidden(taught_boxes, covered) <= MOST_HIDDEN
        taught_boxes, taught_vectors = taught_boxes[visible], taught_vectors[visible]
    return replace(
        example,
        boxes=boxes[worth],
        labels=example.labels[worth],
        masks=masks[worth],
        has_mask=example.has_mask[worth],
        ignored=np.concatenate([example.ignored, left_over]),
        teacher=None if example.teacher is None else example.teacher[worth],
        taught_boxes=taught_boxes,
        taught_vectors=taught_vectors,
    )


def _after_loss(boxes: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) of objects whose masks shrank, and which of them (N,) are still worth teaching.

    A side moves only where the mask shrank there: boxes are more exact than the pixels of a mask.
    """
    boxes = boxes.copy()
    worth = np.ones(len(boxes), dtype=bool)
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        pixels, left = int(old.sum(dtype=np.int64)), int(new.sum(dtype=np.int64))
        if left == pixels:
            continue
        if left:
            moved = _bounds(old) != _bounds(new)
            boxes[i, moved] = _bounds(new)[moved]
        sides = boxes[i, 2:] - boxes[i, :2]
        worth[i] = left >= LEAST_VISIBLE * pixels and sides.min() >= SMALLEST_SIDE
    return boxes, worth


def _bounds(mask: np.ndarray) -> np.ndarray:
    """x1, y1, x2, y2 around the pixels of a mask (h, w) that is not empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float32)


def _hidden(boxes: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Share of the pixels of each box (N, 4) that is covered, (N,)."""
    shares = np.zeros(len(boxes))
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        inside = covered[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))]
        shares[i] = inside.mean() if inside.size else 0.0
    return shares
