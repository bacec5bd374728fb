"""What a training image brings to the losses.

Shapes
    N  labelled objects of one image
    D  length of a word vector
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Target:
    """Labels of one training image, in pixels of the network's input.

    Attributes:
        boxes: (N, 4) float32, x1, y1, x2, y2.
        labels: (N,) int64, row of the vocabulary, from 0 (background has no row).
        masks: (N, H, W) uint8 0 / 1; rows without a mask are zero.
        has_mask: (N,) bool; the others train boxes only.
        ignore: (M, 4) float32, regions that are neither object nor background (crowds).
        complete: False when objects may be unlabelled, so that nothing counts as background.
        teacher: (N, D) float32 unit vectors to distil into the semantic feature, zero rows for none.
    """

    boxes: Tensor
    labels: Tensor
    masks: Tensor
    has_mask: Tensor
    ignore: Tensor
    complete: bool = True
    teacher: Tensor | None = None

    def to(self, device: str) -> Target:
        """The same target on another device."""
        return Target(
            self.boxes.to(device),
            self.labels.to(device),
            self.masks.to(device),
            self.has_mask.to(device),
            self.ignore.to(device),
            self.complete,
            None if self.teacher is None else self.teacher.to(device),
        )
