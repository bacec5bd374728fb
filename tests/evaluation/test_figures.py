"""Means of groups, harmonic means, and their form in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from zsi_core.evaluation.bootstrap import intervals
from zsi_core.evaluation.figures import GROUPS, figures_dict, group_figures, groups_dict, harmonic_mean
from zsi_core.evaluation.matching import ClassScores

CASE = Path(__file__).parents[1] / "fixtures" / "cocoeval_case.json"


def scores(precision: list[float]) -> ClassScores:
    """Recall at the three thresholds is 0.1, 0.2 and 0.3 above the precision."""
    values = np.array(precision)
    return ClassScores(np.stack([values + 0.1, values + 0.2, values + 0.3]), values)


def test_groups_are_the_means_of_their_classes_that_have_objects() -> None:
    figures = group_figures(scores([0.2, 0.4, np.nan, 0.6]), np.array([True, True, True, False]))
    np.testing.assert_allclose(figures[GROUPS.index("all")], [0.5, 0.6, 0.7, 0.4])
    np.testing.assert_allclose(figures[GROUPS.index("seen")], [0.4, 0.5, 0.6, 0.3])
    np.testing.assert_allclose(figures[GROUPS.index("unseen")], [0.7, 0.8, 0.9, 0.6])
    assert figures[GROUPS.index("harmonic_mean"), 3] == pytest.approx(2 * 0.3 * 0.6 / 0.9)


def test_only_counted_classes_take_part() -> None:
    seen = np.array([True, True, False])
    figures = group_figures(scores([0.2, 0.4, 0.6]), seen, counted=np.array([False, True, False]))
    assert figures[GROUPS.index("seen"), 3] == pytest.approx(0.4)
    assert np.isnan(figures[GROUPS.index("unseen")]).all()


def test_the_groups_of_the_authors_evaluator_are_reproduced() -> None:
    case = json.loads(CASE.read_text())
    recall = np.array([case["recall50"]] * 3)
    seen = np.arange(5) < case["num_seen"]
    figures = group_figures(ClassScores(recall, np.array(case["ap50"])), seen)
    expected = {
        "seen": (case["seen_recall"], case["seen_ap"]),
        "unseen": (case["unseen_recall"], case["unseen_ap"]),
        "harmonic_mean": (case["hm_recall"], case["hm_ap"]),
    }
    for group, (recall50, ap50) in expected.items():
        own = figures[GROUPS.index(group)]
        assert own[1] == pytest.approx(recall50, rel=1e-12)
        assert own[3] == pytest.approx(ap50, rel=1e-12)


@pytest.mark.parametrize(
    ("seen", "unseen", "mean"),
    [(0.5, 0.5, 0.5), (0.4304, 0.0365, 0.0673), (0.3, 0.0, 0.0), (0.0, 0.0, 0.0), (np.nan, 0.3, np.nan)],
)
def test_harmonic_mean(seen: float, unseen: float, mean: float) -> None:
    both = harmonic_mean(np.array([seen]), np.array([unseen]))
    np.testing.assert_allclose(both, [mean], atol=5e-5)


def test_json_has_null_where_there_is_nothing_to_measure() -> None:
    figures = np.array([[0.1, 0.2, 0.3, 0.4], [np.nan] * 4, [0.1, 0.2, 0.3, 0.4], [np.nan] * 4])
    told = groups_dict(figures)
    expected = {"recall@100": {"0.4": 0.1, "0.5": 0.2, "0.6": 0.3}, "map50": 0.4}
    assert told == {**expected, "seen": None, "unseen": expected, "harmonic_mean": None}
    nothing = groups_dict(np.full((4, 4), np.nan))
    assert nothing["map50"] is None
    assert nothing["recall@100"] == {"0.4": None, "0.5": None, "0.6": None}
    assert json.loads(json.dumps(nothing, allow_nan=False)) == nothing


def test_intervals_are_pairs_in_json() -> None:
    ends = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])
    assert figures_dict(ends) == {
        "recall@100": {"0.4": [0.1, 0.5], "0.5": [0.2, 0.6], "0.6": [0.3, 0.7]},
        "map50": [0.4, 0.8],
    }


def test_the_bootstrap_covers_the_mean_of_a_known_distribution() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    low, high = intervals(lambda rows: values[rows].mean(keepdims=True), 400, 300)[:, 0]
    # 1.96 standard errors on each side, of which 300 resamples know the ends to a tenth or so.
    assert (high - low) == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.2)
    assert low < values.mean() < high


def test_the_bootstrap_is_repeatable_and_leaves_out_undefined_resamples() -> None:
    values = np.array([np.nan, 1.0])

    def figure(rows: np.ndarray) -> np.ndarray:
        return np.array([values[rows].min(), np.nan])

    ends = intervals(figure, 2, 50)
    np.testing.assert_array_equal(ends, [[1.0, np.nan], [1.0, np.nan]])
    spread = np.arange(50.0)
    first, second, other = (
        intervals(lambda rows: spread[rows].mean(keepdims=True), 50, 20, seed=seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
