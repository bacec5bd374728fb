"""Recall and average precision of every class, by faster-coco-eval.

Its numbers are pycocotools' (tested): greedy matching by score, objects of crowds neither found nor missed,
101-point interpolation. Only the thresholds are the paper's (section 5.1).

Shapes
    T  IoU thresholds    K  classes    I  images
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from zsi_core.evaluation.ground_truth import GroundTruth
from zsi_core.evaluation.resampling import Resampler

IOU_THRESHOLDS = (0.4, 0.5, 0.6)
MAP_THRESHOLD = 1
"""Row of `IOU_THRESHOLDS` at which average precision is told: IoU 0.5."""

MAX_DETECTIONS = 100
"""Results of an image in a list, and of a class in an image that count."""


@dataclass(frozen=True)
class ClassScores:
    """Figures of each class; NaN for a class of which the images hold no object.

    Attributes:
        recall: (T, K) float64, share of the objects that the best 100 results of each image find.
        precision: (K,) float64, average precision at IoU 0.5.
    """

    recall: np.ndarray
    precision: np.ndarray


class Matching:
    """Results matched with objects, once; figures for any selection of the images."""

    def __init__(self, truth: GroundTruth, results: Iterable[Mapping[str, Any]]) -> None:
        """
        Args:
            truth: the objects.
            results: COCO results (image_id, category_id, score, bbox, segmentation as RLE) in the ids of the
                annotation file; those outside the scope are left out, and there may be none.
        """
        scope = truth.scope
        frame = {
            "images": [
                {"id": scope.image_numbers[image.id], "height": image.height, "width": image.width}
                for image in scope.images
            ],
            "categories": [{"id": number, "name": str(number)} for number in range(1, scope.classes + 1)],
        }
        # Not loadRes: it demands at least one result (pycocotools) and writes into those it is given.
        found = scope.numbered(results)
        for result in found:
            result |= {"iscrowd": 0, "area": result["bbox"][2] * result["bbox"][3]}
        evaluator = COCOeval_faster(
            COCO({**frame, "annotations": truth.objects}),
            COCO({**frame, "annotations": found}),
            iouType=truth.task,
            separate_eval=True,
        )
        evaluator.params.iouThrs = np.array(IOU_THRESHOLDS)
        evaluator.params.maxDets = [MAX_DETECTIONS]
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        self.images, self.classes = len(scope.images), scope.classes
        self._evaluator = evaluator
        if self.images:
            evaluator.evaluate()

    def scores(self) -> ClassScores:
        """Figures of the classes."""
        if not self.images:
            nothing = np.full((len(IOU_THRESHOLDS), self.classes), np.nan)
            return ClassScores(nothing, nothing[MAP_THRESHOLD])
        self._evaluator.accumulate()
        recall = np.asarray(self._evaluator.eval["recall"], dtype=np.float64)[:, :, 0, 0]
        precision = np.asarray(self._evaluator.eval["precision"], dtype=np.float64)
        precision = precision[MAP_THRESHOLD, :, :, 0, 0].mean(axis=0)
        # The evaluator says -1 where there is nothing to be found.
        return ClassScores(np.where(recall < 0, np.nan, recall), np.where(precision < 0, np.nan, precision))

    def resampled(self, images: np.ndarray) -> ClassScores:
        """Figures of the classes on drawn images, of which there must be some.

        Args:
            images: (any number,) numbers of the scope's images less 1, any of them any number of times.
        """
        return ClassScores(*self._resampler.scores(images))

    @cached_property
    def _resampler(self) -> Resampler:
        resampler = Resampler(
            self._evaluator._evalImgs_cpp, self.images, self.classes, len(IOU_THRESHOLDS), MAP_THRESHOLD
        )
        # Another version of the evaluator may keep its matches differently.
        own, evaluators = ClassScores(*resampler.scores(np.arange(self.images))), self.scores()
        for mine, its in ((own.recall, evaluators.recall), (own.precision, evaluators.precision)):
            np.testing.assert_allclose(mine, its, rtol=0, atol=1e-9)
        return resampler
