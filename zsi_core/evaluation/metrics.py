"""The figures of one task in one mode, and of one task whatever the mode.

Shapes
    I  images    K  classes
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from zsi_core.coco import CocoFile, CocoImage
from zsi_core.evaluation.bootstrap import LEVEL, SEED, intervals
from zsi_core.evaluation.figures import figures_dict, group_figures, groups_dict
from zsi_core.evaluation.ground_truth import (
    GroundTruth,
    Scope,
    Task,
    ground_truth,
    rows_of,
    without_box_only,
)
from zsi_core.evaluation.matching import MAP_THRESHOLD, ClassScores, Matching
from zsi_core.semantics import ClassSplit

Mode = Literal["zsi", "gzsi"]
Results = Sequence[Mapping[str, Any]]

FREQUENT = 6
"""Objects from which on a class counts as frequent: average precision over fewer says little."""


def mode_metrics(
    coco: CocoFile,
    images: Iterable[CocoImage],
    split: ClassSplit,
    results: Results,
    strict: Results | None = None,
    *,
    mode: Mode,
    task: Task,
    resamples: int,
) -> dict[str, Any]:
    """Figures of a task in a mode.

    In "zsi" the classes are the unseen ones, and the images those with at least one unseen object; in "gzsi"
    the classes are all of the split, and so are the images. Masks are evaluated on images without box-only
    objects.

    Args:
        coco: the annotation file.
        images: those of its images that were predicted on.
        split: seen and unseen classes.
        results: COCO results of the mode.
        strict: those that hold 100 an image over all classes; by default `results` does.
        resamples: of the bootstrap; 0 for none.

    Returns:
        As described in `zsi_core.evaluation.report`.
    """
    classes = split.unseen if mode == "zsi" else (*split.seen, *split.unseen)
    seen = np.array([name in split.seen for name in classes])
    rows = rows_of(coco, classes)
    if mode == "zsi":
        images = [i for i in images if any(a.category_id in rows for a in coco.annotations_of[i.id])]
    images = tuple(images)
    evaluated = without_box_only(coco, images) if task == "segm" else images
    truth = ground_truth(coco, Scope(evaluated, rows, len(classes)), task)
    matching = Matching(truth, results)
    scores = matching.scores()
    figures = group_figures(scores, seen)
    frequent = truth.instances >= FREQUENT
    strictly = figures if strict is None else group_figures(Matching(truth, strict).scores(), seen)
    return {
        "images": len(evaluated),
        "box_only_images": len(images) - len(evaluated),
        **groups_dict(figures),
        "per_class": per_class(classes, seen, truth, scores),
        "frequent": {
            "min_instances": FREQUENT,
            "classes": int(frequent.sum()),
            **groups_dict(group_figures(scores, seen, frequent)),
        },
        "strict": groups_dict(strictly),
        "bootstrap": _bootstrap(matching, seen, resamples),
    }


def agnostic_recall(
    coco: CocoFile, images: Iterable[CocoImage], results: Results, *, task: Task, resamples: int
) -> tuple[float | None, list[float] | None]:
    """AR@100 at IoU 0.5 of all objects of the file, whatever their classes, and its interval.

    Args:
        results: the "regions" of the predictions.
    """
    images = without_box_only(coco, images) if task == "segm" else tuple(images)
    # Results may be of classes that the file lacks.
    categories = {*coco.category_names, *(result["category_id"] for result in results)}
    scope = Scope(images, dict.fromkeys(categories, 0), classes=1)
    matching = Matching(ground_truth(coco, scope, task), results)

    value = float(matching.scores().recall[MAP_THRESHOLD, 0])
    if np.isnan(value):
        return None, None
    if not resamples:
        return value, None
    ends = intervals(lambda rows: matching.resampled(rows).recall[MAP_THRESHOLD], len(images), resamples)
    return value, ends[:, 0].tolist()


def per_class(
    classes: Sequence[str], seen: np.ndarray, truth: GroundTruth, scores: ClassScores
) -> dict[str, dict[str, Any]]:
    """Class name -> its group, how many objects it has, and its figures where it has any."""
    figures = np.vstack([scores.recall, scores.precision]).T
    return {
        name: {
            "group": "seen" if is_seen else "unseen",
            "instances": int(instances),
            **(figures_dict(own) or {"recall@100": None, "map50": None}),
        }
        for name, is_seen, instances, own in zip(classes, seen, truth.instances, figures, strict=True)
    }


def _bootstrap(matching: Matching, seen: np.ndarray, resamples: int) -> dict[str, Any] | None:
    if not (resamples and matching.images):
        return None
    ends = intervals(lambda rows: group_figures(matching.resampled(rows), seen), matching.images, resamples)
    return {"level": LEVEL, "resamples": resamples, "seed": SEED, **groups_dict(ends)}
