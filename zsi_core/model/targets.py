"""What a training image brings to the losses.

Shapes
    N  labelled objects of one image
    M  regions without a label that a teacher speaks about
    D  length of a word vector
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Target:
    """Labels of one training image, in pixels of the network's input.

    Attributes:
        boxes: (N, 4) float32, x1, y1, x2, y2.
        labels: (N,) int64, row of the vocabulary, from 0 (background has no row).
        masks: (N, H, W) uint8 0 / 1; rows without a mask are zero.
        has_mask: (N,) bool; the others train boxes only.
        ignore: (I, 4) float32, regions that are neither object nor background (crowds).
        complete: False when objects may be unlabelled, so that nothing counts as background.
        teacher: (N, D) float32 unit vectors to distil into the semantic feature, zero rows for none.
        taught_boxes: (M, 4) float32, further regions whose semantic feature is distilled. They have no label:
            no other loss sees them.
        taught_vectors: (M, D) float32 unit vectors of these regions.
        rehearsed: an image of what the network knows: a former network, where there is one, says what is to
            be said of it, and the labels nothing (`zsi_core.model.former`).
        seed: of the random choice of anchors and regions in this image; None leaves it to torch.

    Raises:
        ValueError: one of the last two without the other, or of another length.
    """

    boxes: Tensor
    labels: Tensor
    masks: Tensor
    has_mask: Tensor
    ignore: Tensor
    complete: bool = True
    teacher: Tensor | None = None
    taught_boxes: Tensor | None = None
    taught_vectors: Tensor | None = None
    rehearsed: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        boxes, vectors = (None if t is None else len(t) for t in (self.taught_boxes, self.taught_vectors))
        if boxes != vectors:
            raise ValueError(
                f"taught_boxes and taught_vectors must be of one length, but got {boxes} and {vectors}"
            )

    def to(self, device: str) -> Target:
        """The same target on another device."""
        moved: dict[str, Any] = {
            field.name: value.to(device)
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return dataclasses.replace(self, **moved)
