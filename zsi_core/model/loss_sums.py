"""Losses as sums and counts, so that several processes can divide by what all of them counted.

A mean over the regions of one process gives a region in a crowded image less weight than one in an empty
image on another process. With common counts, two processes compute what one does with the batch of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

LOSSES = (
    "loss_rpn_cls",
    "loss_rpn_bbox",
    "loss_semantic",
    "loss_bbox",
    "loss_reconstruction_detector",
    "loss_contrastive",
    "loss_iou",
    "loss_distillation",
    "loss_mask",
    "loss_reconstruction_mask",
    "loss_former_rpn",
    "loss_former_detector",
    "loss_former_semantic",
    "loss_former_mask",
)
"""Every loss there is. All processes share the counts of all of them, in this order, present or not."""

ShareCounts = Callable[[Tensor], Tensor]
"""From the counts of this process, (len(LOSSES),) float32, to their mean over all processes."""


@dataclass(frozen=True)
class LossSum:
    """A loss before its division.

    Attributes:
        total: scalar, the sum over what is counted.
        count: how much that is.
    """

    total: Tensor
    count: int


def normalised(sums: Mapping[str, LossSum], share: ShareCounts | None = None) -> dict[str, Tensor]:
    """Divide every sum by its count, or by the mean of the counts of all processes.

    The mean, because gradients are averaged over processes: the average of sum / mean count is the sum over
    all processes / count over all processes.

    Raises:
        ValueError: a loss that is not listed in `LOSSES`.
    """
    if unlisted := sorted(set(sums) - set(LOSSES)):
        raise ValueError(f"{unlisted[0]} must be listed in LOSSES, which processes agree on")
    device = next(iter(sums.values())).total.device
    counts = torch.tensor(
        [float(sums[name].count) if name in sums else 0.0 for name in LOSSES], device=device
    )
    if share is not None:
        counts = share(counts)
    counts = counts.where(counts > 0, 1.0)
    return {name: sums[name].total / counts[i] for i, name in enumerate(LOSSES) if name in sums}
