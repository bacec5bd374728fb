"""Which regions train the heads, and what each should become.

Shapes
    R  regions sampled of one image    N  labelled objects of one image
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou

from zsi_core.model import mmdetection
from zsi_core.model.image_sampler import ImageSampler
from zsi_core.model.rpn import unknown
from zsi_core.model.targets import Target

FOREGROUND_IOU = 0.5


@dataclass(frozen=True)
class SampledRegions:
    """Regions of one image.

    Attributes:
        boxes: (R, 4).
        labels: (R,) int64, 0 background, k + 1 for row k of the vocabulary.
        matched: (R,) int64, the object with the largest overlap (0 for background regions).
    """

    boxes: Tensor
    labels: Tensor
    matched: Tensor


def sample_regions(
    proposals: Sequence[Tensor],
    targets: Sequence[Target],
    count: int,
    positive_fraction: float,
    conventions: str = "torchvision",
) -> list[SampledRegions]:
    """Sample `count` regions per image out of the proposals and the labelled boxes themselves.

    A region is foreground from IoU 0.5 on, else background, unless it may hold an unlabelled object.

    Args:
        proposals: per image (P, 4).
        targets: one per image.
        count: regions per image; fewer when not enough qualify.
        positive_fraction: largest share of foreground regions.
        conventions: as in `ModelConfig`; mmdetection matches the proposals before it adds the labelled boxes.
    """
    sampler = ImageSampler(count, positive_fraction)
    sampled = []
    for boxes, target in zip(proposals, targets, strict=True):
        candidates = torch.cat([boxes, target.boxes])
        matched = torch.zeros(len(candidates), dtype=torch.int64, device=candidates.device)
        labels = torch.zeros_like(matched)
        if conventions == "mmdetection":
            matched = mmdetection.match(
                boxes,
                target.boxes,
                foreground=FOREGROUND_IOU,
                background=FOREGROUND_IOU,
                least=FOREGROUND_IOU,
            )
            own = torch.arange(len(target.boxes), device=matched.device)
            matched = torch.cat([matched, own])
            labels = torch.where(matched >= 0, torch.cat([target.labels, own.new_zeros(1)])[matched] + 1, 0)
            matched = matched.clamp(min=0)
        elif len(target.boxes) and len(candidates):
            overlap, matched = box_iou(candidates, target.boxes).max(dim=1)
            labels = torch.where(overlap >= FOREGROUND_IOU, target.labels[matched] + 1, labels)
        labels[(labels == 0) & unknown(candidates, target)] = -1
        positive, negative = sampler.sample([labels], [target])
        chosen = (positive[0] | negative[0]).nonzero()[:, 0]
        sampled.append(SampledRegions(candidates[chosen], labels[chosen], matched[chosen]))
    return sampled
