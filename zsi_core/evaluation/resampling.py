"""Figures of images drawn with replacement, from matches that are made once.

An image that is drawn twice counts twice: a resample is a weight for each image. The figures are those that
the evaluator would give for a file with the repeated images, because copies of a result stand next to each
other in the order of scores, and precision is interpolated from the right.

Shapes
    T  IoU thresholds    K  classes    I  images    D  results of a class in all images    P  found ones
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RECALL_POINTS = np.linspace(0, 1, 101)
"""Where precision is read off; pycocotools' `recThrs`."""


@dataclass(frozen=True)
class _Ranked:
    """The results of a class, best first, without those that neither find nor miss anything.

    Attributes:
        images: (D,) the image of each.
        hits: (P,) which of them find an object.
    """

    images: np.ndarray
    hits: np.ndarray


class Resampler:
    """Scores of drawn images."""

    def __init__(self, matches: Sequence[Any], images: int, classes: int, thresholds: int, row: int) -> None:
        """
        Args:
            matches: the evaluator's matches, class by class and within a class image by image.
            images, classes, thresholds: I, K, T.
            row: of the threshold at which average precision is told.
        """
        self.objects = np.zeros((classes, images))
        self.found = np.zeros((thresholds, classes, images))
        self._ranked: list[_Ranked] = []
        for class_row in range(classes):
            parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
            for image, match in enumerate(matches[class_row * images : (class_row + 1) * images]):
                # The evaluator's own state is the only form in which it gives its matches away.
                matched, _, scores, no_object, ignored, *_ = match.__getstate__()
                self.objects[class_row, image] = len(no_object) - sum(no_object)
                if not scores:
                    continue
                counted = ~np.array(ignored, dtype=bool).reshape(thresholds, -1)
                hit = counted & (np.array(matched).reshape(thresholds, -1) > 0)
                self.found[:, class_row, image] = hit.sum(axis=1)
                parts.append((np.array(scores)[counted[row]], hit[row][counted[row]], np.array(image)))
            self._ranked.append(_ranked(parts))

    def scores(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Recall (T, K) and average precision (K,) of images (any number,) drawn by their rows.

        NaN for a class without objects.
        """
        weights = np.bincount(drawn, minlength=self.objects.shape[1])
        objects = self.objects @ weights
        objects[objects == 0] = np.nan
        precision = [
            _average_precision(ranked, weights, total)
            for ranked, total in zip(self._ranked, objects.tolist(), strict=True)
        ]
        return self.found @ weights / objects, np.array(precision)


def _ranked(parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> _Ranked:
    """Scores, hits and image of every image of a class in one order."""
    if not parts:
        return _Ranked(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    scores = np.concatenate([scores for scores, _, _ in parts])
    order = np.argsort(-scores, kind="stable")
    images = np.repeat([image for _, _, image in parts], [len(scores) for scores, _, _ in parts])
    hits = np.concatenate([hits for _, hits, _ in parts])
    return _Ranked(images[order], np.flatnonzero(hits[order]))


def _average_precision(ranked: _Ranked, weights: np.ndarray, objects: float) -> float:
    """101-point interpolated average precision; `objects` is NaN where there are none."""
    if np.isnan(objects):
        return np.nan
    drawn = weights[ranked.images]
    found = drawn[ranked.hits].cumsum()
    precision = found / np.maximum(drawn.cumsum()[ranked.hits], 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(found / objects, RECALL_POINTS, side="left")
    return float(np.append(best_from_here, 0.0)[at].mean())
