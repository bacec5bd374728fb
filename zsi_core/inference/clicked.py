"""Which of the instances around a clicked point it may mean, best first."""

from __future__ import annotations

import torch
from torchvision.ops import box_iou

from zsi_core.instances import Instances

MOST = 0.5
"""Share of the image from which an instance is the scene rather than an object in it."""
_SAME_BOX = 0.8
"""Intersection over union from which two boxes are of one object."""


def for_a_click(found: Instances, x: float, y: float, *, sure: float | None) -> Instances:
    """Distinct instances whose mask holds the point.

    Those that cover most of the image come last: without a name, or with a wrong one, scores say little,
    and a click seldom means the scene.

    Args:
        found: best first.
        x: of the point, in pixels of the photograph.
        y: of the point.
        sure: score from which a name is believed, for large instances, too; None for none.
    """
    height, width = found.image_size
    held = _distinct(found.select([i for i in range(len(found)) if found.mask(i)[int(y), int(x)]]))
    large = held.mask_areas > MOST * height * width
    if sure is not None:
        large &= held.scores < sure
    return held.select(large.argsort(kind="stable"))


def _distinct(found: Instances) -> Instances:
    """Without the instances whose box nearly coincides with a better one's."""
    kept: list[int] = []
    iou = box_iou(torch.from_numpy(found.boxes), torch.from_numpy(found.boxes)).numpy()
    for i in range(len(found)):
        if all(iou[i, k] < _SAME_BOX for k in kept):
            kept.append(i)
    return found.select(kept)
