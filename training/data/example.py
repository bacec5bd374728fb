"""One training image on its canvas, with everything known about it.

Shapes
    h, w  size of the canvas    N  objects    I  ignored regions    M  taught regions    D  of a word vector
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from zsi_core.model.targets import Target


@dataclass(frozen=True)
class Example:
    """An image and its labels, in pixels of the canvas.

    Attributes:
        image: (h, w, 3) uint8 RGB.
        size: (height, width) of the part of the canvas that the photograph covers.
        boxes: (N, 4) float32, x1, y1, x2, y2.
        labels: (N,) int64, rows of the vocabulary.
        masks: (N, h, w) uint8 0 / 1; zero where there is none.
        has_mask: (N,) bool.
        ignored: (I, 4) float32.
        complete: whether every object of the seen classes is labelled.
        rehearsed: see `Target`.
        teacher: (N, D) float32, zero rows for none; None without a teacher.
        taught_boxes: (M, 4) float32, regions without a label that the teacher speaks about; None without a
            teacher.
        taught_vectors: (M, D) float32.
    """

    image: np.ndarray
    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    masks: np.ndarray
    has_mask: np.ndarray
    ignored: np.ndarray
    complete: bool
    rehearsed: bool
    teacher: np.ndarray | None
    taught_boxes: np.ndarray | None
    taught_vectors: np.ndarray | None

    def target(self) -> Target:
        """The labels as the losses take them."""
        return Target(
            boxes=torch.from_numpy(self.boxes),
            labels=torch.from_numpy(self.labels),
            masks=torch.from_numpy(self.masks),
            has_mask=torch.from_numpy(self.has_mask),
            ignore=torch.from_numpy(self.ignored),
            complete=self.complete,
            rehearsed=self.rehearsed,
            teacher=None if self.teacher is None else torch.from_numpy(self.teacher),
            taught_boxes=None if self.taught_boxes is None else torch.from_numpy(self.taught_boxes),
            taught_vectors=None if self.taught_vectors is None else torch.from_numpy(self.taught_vectors),
        )
