"""From class probabilities to the regions that a query shows.

Shapes
    R  regions of an image    K  names of the vocabulary    S  names shown, S <= K    N  detections
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms, nms

PER_NAME_NMS = 0.5


@dataclass(frozen=True)
class Suppression:
    """Which detections give way to a better one.

    Attributes:
        per_name: overlap from which a better one of the same name suppresses.
        across_names: overlap from which one of a better name does, which keeps the best name of a region;
            None: never.
        contained: share of a box inside a better one of the same name from which it is taken for a part of
            that object; None: never.
    """

    per_name: float = PER_NAME_NMS
    across_names: float | None = None
    contained: float | None = None


PROTOCOL = Suppression()
"""Of the paper's protocol, which counts how much of an image is found among 100 guesses."""

QUERY = Suppression(across_names=0.8, contained=0.6)
"""Of what a person is shown. Without it, an aeroplane comes with its wings and its tail; on
`coco_boxes_dev_unseen` it lets twice as many objects be shown at the threshold where half of what is shown is
right."""


@dataclass(frozen=True)
class Calibration:
    """Values of a checkpoint that turn its outputs into scores; chosen on development images.

    Attributes:
        objectness_power: exponent a in score = p^(1 - a) * objectness^a.
        seen_penalty: subtracted from the logits of seen names, so that they leave room for unseen ones.
        threshold: score from which on a detection is shown by default.
        mask_threshold: probability from which on a pixel belongs to a mask.
    """

    objectness_power: float = 0.3
    seen_penalty: float = 0.0
    threshold: float = 0.1
    mask_threshold: float = 0.5

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Calibration:
        """Values of `config.json`; what it does not name keeps its default."""
        return cls(**{key: float(values[key]) for key in cls.__dataclass_fields__ if key in values})


@dataclass(frozen=True)
class Detections:
    """Regions that a query shows, best first.

    Attributes:
        regions: (N,) int64 indices of regions.
        names: (N,) int64 rows of the vocabulary.
        scores: (N,) float32.
        runner_up_names: (N,) int64 rows of the best other name of the vocabulary.
        runner_up_scores: (N,) float32.
    """

    regions: Tensor
    names: Tensor
    scores: Tensor
    runner_up_names: Tensor
    runner_up_scores: Tensor


def fused_scores(logits: Tensor, objectness: Tensor, seen: Tensor, calibration: Calibration) -> Tensor:
    """Scores of every name on every region.

    Args:
        logits: (R, 1 + K) of the detector, background first.
        objectness: (R,) foreground probability of the RPN.
        seen: (K,) bool.

    Returns:
        (R, K) float32 in [0, 1].
    """
    penalty = torch.cat([seen.new_zeros(1), seen]).to(logits) * calibration.seen_penalty
    probability = (logits - penalty).softmax(dim=1)[:, 1:]
    power = calibration.objectness_power
    return probability ** (1 - power) * objectness[:, None] ** power


def foreground_scores(logits: Tensor, objectness: Tensor, calibration: Calibration) -> Tensor:
    """Scores of every region for being anything but background, fused as those of a name.

    Args:
        logits: (R, 1 + K) of the detector, background first.
        objectness: (R,) foreground probability of the RPN.

    Returns:
        (R,) float32 in [0, 1].
    """
    power = calibration.objectness_power
    return (1 - logits.softmax(dim=1)[:, 0]) ** (1 - power) * objectness**power


def detect(
    boxes: Tensor,
    scores: Tensor,
    shown: int,
    threshold: float,
    max_detections: int,
    suppression: Suppression = QUERY,
) -> Detections:
    """The best detections, after non-maximum suppression.

    Args:
        boxes: (R, 4), or (R, S, 4) where every shown name has boxes of its own.
        scores: (R, K), the shown names first.
        shown: S.
        threshold: smallest score.
        max_detections: largest N.
        suppression: which detections give way.
    """
    region, name = (scores[:, :shown] >= threshold).nonzero(as_tuple=True)
    score = scores[region, name]
    box = boxes[region] if boxes.ndim == 2 else boxes[region, name]
    keep = batched_nms(box, score, name, suppression.per_name)
    if suppression.across_names is not None:
        keep = keep[nms(box[keep], score[keep], suppression.across_names)]
    if suppression.contained is not None:
        keep = keep[_not_contained(box[keep], name[keep], suppression.contained)]
    keep = keep[:max_detections]
    region, name, score = region[keep], name[keep], score[keep]
    others = scores[region].scatter(1, name[:, None], -1.0)
    runner_up_score, runner_up = (
        others.max(dim=1) if others.shape[1] > 1 else (score.new_zeros(len(name)), name)
    )
    return Detections(region, name, score, runner_up, runner_up_score.clamp(min=0.0))


def _not_contained(boxes: Tensor, names: Tensor, share: float) -> Tensor:
    """Rows of boxes (N, 4), best first, that lie with less than `share` in a better one of their name."""
    top_left = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    bottom_right = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = (bottom_right - top_left).clamp(min=0).prod(dim=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    inside = (common >= share * area[:, None]) & (names[:, None] == names[None, :])
    gives_way = inside.cpu().numpy()
    kept: list[int] = []
    for row in range(len(boxes)):
        if not gives_way[row, kept].any():
            kept.append(row)
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)
