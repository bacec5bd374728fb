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
ACROSS_NAMES_NMS = 0.8


@dataclass(frozen=True)
class Calibration:
    """Values of a checkpoint that turn its outputs into scores; chosen on development images.

    Attributes:
        objectness_power: exponent a in score = p^(1 - a) * objectness^a.
        seen_penalty: subtracted from the logits of seen names, so that they leave room for unseen ones.
        threshold: score from which on a detection is shown by default.
    """

    objectness_power: float = 0.3
    seen_penalty: float = 0.0
    threshold: float = 0.1

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
    across_names: float | None = ACROSS_NAMES_NMS,
) -> Detections:
    """Non-maximum suppression per name, then across names, which keeps the best name of a region.

    Args:
        boxes: (R, 4), or (R, S, 4) where every shown name has boxes of its own.
        scores: (R, K), the shown names first.
        shown: S.
        threshold: smallest score.
        max_detections: largest N.
        across_names: overlap from which a better name suppresses another one; None: never.
    """
    region, name = (scores[:, :shown] >= threshold).nonzero(as_tuple=True)
    score = scores[region, name]
    box = boxes[region] if boxes.ndim == 2 else boxes[region, name]
    keep = batched_nms(box, score, name, PER_NAME_NMS)
    if across_names is not None:
        keep = keep[nms(box[keep], score[keep], across_names)]
    keep = keep[:max_detections]
    region, name, score = region[keep], name[keep], score[keep]
    others = scores[region].scatter(1, name[:, None], -1.0)
    runner_up_score, runner_up = (
        others.max(dim=1) if others.shape[1] > 1 else (score.new_zeros(len(name)), name)
    )
    return Detections(region, name, score, runner_up, runner_up_score.clamp(min=0.0))
