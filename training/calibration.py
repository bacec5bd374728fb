"""Choose the calibration of a checkpoint on development images.

At the default threshold, what is shown for names in the picture should be right often and miss little (F1),
and a name that is not in the picture should rarely show anything. Boxes decide, so that sets without masks
serve too.

Shapes
    R  regions of an image    K  names of a vocabulary    N  objects of an image
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import box_iou

from training.mask_calibration import best_mask_threshold
from zsi_core.coco.reader import image_path, read_coco
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.inference.scoring import Calibration, detect, fused_scores
from zsi_core.inference.vocabulary import Vocabulary
from zsi_core.semantics.names import class_key

POWERS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
PENALTIES = (0.0, 1.0, 2.0, 3.0, 4.0)
ABSENT_NAMES = 2
"""Names that are not in the picture, asked for beside those that are."""

FALSE_ALARMS = 0.2
"""Most detections shown, on average, for a name that is not in the picture."""

PRECISION = 0.5
"""Share of what is shown for names in the picture that should be right, where a threshold gets there."""

CONFIDENCE = 0.9
"""How sure of that: a share that a few dozen detections just reach is as often missed on other images."""

ENOUGH = 20
"""Detections from which on a precision is worth believing."""


@dataclass(frozen=True)
class _Asked:
    """One image as it was asked: logits (R, 1 + K), and truth boxes and rows of the typed names."""

    boxes: Tensor
    objectness: Tensor
    logits: Tensor
    vocabulary: Vocabulary
    truth: Tensor
    truth_names: Tensor
    present: frozenset[int]


@dataclass(frozen=True)
class Outcome:
    """All detections of all images: score, right or not, and whether the name was in the picture."""

    scores: np.ndarray
    right: np.ndarray
    present: np.ndarray
    objects: int
    absent_names: int

    def average_precision(self) -> float:
        """Area under the precision-recall curve of the names in the picture, all pooled."""
        order = np.argsort(-self.scores[self.present], kind="stable")
        right = self.right[self.present][order]
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        return float((precision * right).sum() / max(self.objects, 1))

    def threshold(self) -> float:
        """Score with the best F1 of names in the picture, among those with few false alarms; 1 if none.

        Where some of these have a `PRECISION` for sure, it is one of them.
        """
        order = np.argsort(-self.scores, kind="stable")
        present, right = self.present[order], self.right[order]
        hits = np.cumsum(right & present)
        shown = np.cumsum(present)
        f1 = 2 * hits / (shown + self.objects)
        alarms = np.cumsum(~present) / max(self.absent_names, 1)
        f1[alarms > FALSE_ALARMS] = 0.0
        precise = (_surely_right(hits, shown) >= PRECISION) & (shown >= ENOUGH)
        if f1[precise].any():
            f1[~precise] = 0.0
        return float(self.scores[order][f1.argmax()]) if f1.any() else 1.0


def _surely_right(hits: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Lower end of the one-sided confidence interval of a share (Wilson, JASA 1927)."""
    z = NormalDist().inv_cdf(CONFIDENCE)
    n = np.maximum(shown, 1)
    share = hits / n
    spread = z * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    lower: np.ndarray = (share + z**2 / (2 * n) - spread) / (1 + z**2 / n)
    return lower


def calibrate(
    segmenter: Segmenter, annotations: Path, images: Path, names: Sequence[str], seed: int = 0
) -> tuple[Calibration, dict[str, float]]:
    """Best calibration of a model for typed names, and the figures that chose it.

    The exponent of objectness and the penalty of seen names maximise average precision at IoU 0.5 pooled
    over names; then the threshold follows from F1 and false alarms. The mask threshold is the one of the best
    mean IoU of masks given the true box, of all objects that have one, whatever their names.

    Args:
        segmenter: the model.
        annotations, images: COCO file with complete boxes of `names` and some masks, and its image folder.
        names: unseen classes, or seen ones that the training held out.
        seed: of the absent names asked for.
    """
    asked = _ask(segmenter, annotations, images, names, seed)
    outcomes = {
        (power, penalty): _outcome(asked, Calibration(power, penalty, 0.0))
        for power, penalty in product(POWERS, PENALTIES)
    }
    (power, penalty), best = max(outcomes.items(), key=lambda item: item[1].average_precision())
    threshold = best.threshold()
    shown = best.scores >= threshold
    figures = {
        "average_precision": best.average_precision(),
        "precision": float((best.right & best.present & shown).sum() / max((best.present & shown).sum(), 1)),
        "recall": float((best.right & shown).sum() / max(best.objects, 1)),
        "false_alarms_per_absent_name": float((~best.present & shown).sum() / max(best.absent_names, 1)),
    }
    mask_threshold, figures["mask_iou_given_box"] = best_mask_threshold(segmenter, annotations, images)
    return Calibration(power, penalty, threshold, mask_threshold), figures


def _ask(
    segmenter: Segmenter, annotations: Path, images: Path, names: Sequence[str], seed: int
) -> list[_Asked]:
    rng = np.random.default_rng(seed)
    content = read_coco(annotations)
    keys = {class_key(name): name for name in names}
    asked = []
    for image in content.images:
        objects = [
            (a, keys[content.category_keys[a.category_id]])
            for a in content.annotations_of[image.id]
            if content.category_keys[a.category_id] in keys and not a.iscrowd
        ]
        present = sorted({name for _, name in objects})
        if not present:
            continue
        others = [name for name in names if name not in present]
        absent = rng.choice(others, min(ABSENT_NAMES, len(others)), replace=False)
        typed = [*present, *(str(name) for name in absent)]
        vocabulary = segmenter.vocabularies.build(typed)
        encoded = segmenter.encode(read_image(image_path(images, image)))
        background = encoded.regions.background[0].expand(len(encoded), -1)
        with torch.inference_mode():
            logits = segmenter.model.detector.scores(encoded.regions.features, vocabulary.vectors, background)
        asked.append(
            _Asked(
                encoded.boxes,
                encoded.regions.objectness,
                logits,
                vocabulary,
                torch.tensor([a.xyxy for a, _ in objects]),
                torch.tensor([typed.index(name) for _, name in objects]),
                frozenset(range(len(present))),
            )
        )
    return asked


def _outcome(asked: Sequence[_Asked], calibration: Calibration) -> Outcome:
    scores: list[float] = []
    right: list[bool] = []
    present: list[bool] = []
    for image in asked:
        fused = fused_scores(image.logits, image.objectness, image.vocabulary.seen, calibration)
        found = detect(image.boxes, fused, image.vocabulary.shown, 0.01, 100)
        overlap = box_iou(image.boxes[found.regions], image.truth)
        free = torch.ones(len(image.truth), dtype=torch.bool)
        for row, name, score in zip(overlap, found.names.tolist(), found.scores.tolist(), strict=True):
            candidates = torch.where(free & (image.truth_names == name), row, torch.zeros_like(row))
            best = int(candidates.argmax())
            hit = bool(candidates[best] >= 0.5)
            free[best] &= not hit
            scores.append(score)
            right.append(hit)
            present.append(name in image.present)
    return Outcome(
        np.array(scores),
        np.array(right, dtype=bool),
        np.array(present, dtype=bool),
        sum(len(image.truth) for image in asked),
        sum(image.vocabulary.shown - len(image.present) for image in asked),
    )


def best_threshold(
    segmenter: Segmenter, annotations: Path, images: Path, names: Sequence[str], calibration: Calibration
) -> float | None:
    """The default threshold for names that were trained, all else given; None where too few objects tell.

    Args:
        segmenter: the model.
        annotations, images: COCO file with boxes of `names`, and its image folder.
        names: asked for where they are in the picture, and beside them some that are not.
        calibration: everything but the threshold.
    """
    asked = _ask(segmenter, annotations, images, names, seed=0)
    outcome = _outcome(asked, calibration)
    return outcome.threshold() if outcome.objects >= ENOUGH else None
