"""From figures of classes to the rows of the paper's tables.

Shapes
    T  IoU thresholds    K  classes    G  groups of classes
    F  figures of a group: recall at each of the T thresholds, then mAP
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zsi_core.evaluation.matching import IOU_THRESHOLDS, ClassScores

GROUPS = ("all", "seen", "unseen", "harmonic_mean")


def group_figures(scores: ClassScores, seen: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
    """Figures of every group: means over its classes that have objects.

    Args:
        scores: of K classes.
        seen: (K,) bool; the other classes are unseen.
        counted: (K,) bool, classes that take part; by default all.

    Returns:
        (G, F) float64 in the order of `GROUPS`; NaN where there is no class to take the mean of.
    """
    figures = np.vstack([scores.recall, scores.precision])
    counted = np.ones_like(seen) if counted is None else counted
    means = [_mean(figures[:, counted & group]) for group in (np.ones_like(seen), seen, ~seen)]
    return np.stack([*means, harmonic_mean(means[1], means[2])])


def harmonic_mean(seen: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """2 s u / (s + u) of each pair; 0 where both are 0, NaN where one is NaN (sections 5.5 and 5.6)."""
    total = seen + unseen
    return np.divide(2 * seen * unseen, total, out=total.copy(), where=total != 0)


def figures_dict(figures: np.ndarray) -> dict[str, Any] | None:
    """Figures as they stand in `metrics.json`.

    Args:
        figures: (F,), or (2, F) for the ends of intervals.

    Returns:
        `recall@100` by IoU threshold, and `map50`: numbers, or [low, high]. None where all is NaN.
    """
    if np.isnan(figures).all():
        return None
    values = [_plain(value) for value in figures.T]
    recall = {str(threshold): value for threshold, value in zip(IOU_THRESHOLDS, values, strict=False)}
    return {"recall@100": recall, "map50": values[-1]}


def groups_dict(figures: np.ndarray) -> dict[str, Any]:
    """Figures of the groups as they stand in `metrics.json`: those of all classes, and one entry a group.

    Args:
        figures: (G, F), or (2, G, F) for the ends of intervals.
    """
    of_all, *of_groups = (figures_dict(figures[..., group, :]) for group in range(len(GROUPS)))
    nothing = {"recall@100": dict.fromkeys(map(str, IOU_THRESHOLDS)), "map50": None}
    return {**(of_all or nothing), **dict(zip(GROUPS[1:], of_groups, strict=True))}


def _mean(figures: np.ndarray) -> np.ndarray:
    """(F,) means of (F, K) over the classes that are not NaN."""
    defined = ~np.isnan(figures)
    count = defined.sum(axis=1)
    total = np.where(defined, figures, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(figures), np.nan), where=count > 0)


def _plain(value: np.ndarray) -> float | list[float] | None:
    """A number or a pair for JSON, which has no NaN."""
    if np.isnan(value).any():
        return None
    return value.tolist()
