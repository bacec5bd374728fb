"""Distillation: semantic features follow what a teacher makes of the same region.

Symbols
    e  semantic feature of a region    t  the teacher's unit vector for it

Shapes
    R  foreground regions of a batch    M  taught regions without a label    D  length of a word vector
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from zsi_core.model.loss_sums import LossSum
from zsi_core.model.sampling import SampledRegions
from zsi_core.model.targets import Target


def has_teacher(targets: Sequence[Target]) -> bool:
    """Whether any image of a batch brings teacher vectors, of objects or of further regions."""
    return any(t.teacher is not None or t.taught_boxes is not None for t in targets)


def taught_boxes(targets: Sequence[Target]) -> list[Tensor]:
    """Per image the taught regions without a label, (M, 4)."""
    return [t.boxes.new_zeros(0, 4) if t.taught_boxes is None else t.taught_boxes for t in targets]


def distillation_loss(
    e: Tensor, sampled: Sequence[SampledRegions], e_taught: Tensor, targets: Sequence[Target]
) -> LossSum:
    """1 - cos(e, t) over the regions that have a teacher vector t.

    Args:
        e: (R, D) of all foreground regions of the batch, image by image.
        sampled: the sampled regions of each image.
        e_taught: (M, D) of the regions of `taught_boxes`, image by image.
        targets: one per image.
    """
    of_objects = [
        e.new_zeros(int((s.labels > 0).sum()), e.shape[1])
        if t.teacher is None
        else t.teacher[s.matched[s.labels > 0]].to(e.dtype)
        for s, t in zip(sampled, targets, strict=True)
    ]
    of_regions = [t.taught_vectors.to(e.dtype) for t in targets if t.taught_vectors is not None]
    teachers = torch.cat([*of_objects, *of_regions]).float()
    taught = teachers.abs().sum(dim=1) > 0
    distance = 1.0 - F.cosine_similarity(torch.cat([e, e_taught]).float(), teachers, dim=1)
    return LossSum((distance * taught).sum(), int(taught.sum()))
