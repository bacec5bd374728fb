"""The rule by which threshold and exponents are chosen."""

import numpy as np
import pytest

from training.calibration import Outcome, _surely_right


def outcome(rows, *, objects=4, absent_names=20):
    scores, right, present = zip(*rows, strict=True)
    return Outcome(np.array(scores), np.array(right), np.array(present), objects, absent_names)


def test_average_precision_of_names_in_the_picture():
    # Ranked: right, wrong, right; a detection of an absent name does not count.
    found = outcome([(0.9, True, True), (0.8, False, True), (0.95, False, False), (0.7, True, True)])
    assert found.average_precision() == pytest.approx((1 + 2 / 3) / 4)


def test_the_threshold_balances_precision_and_recall():
    rows = [(0.9, True, True), (0.8, True, True), (0.7, False, True), (0.6, False, True), (0.5, False, True)]
    assert outcome(rows, objects=3).threshold() == 0.8
    # A third hit after one miss is worth it (F1 0.86 against 0.8), after ten it is not.
    assert outcome([*rows[:3], (0.4, True, True)], objects=3).threshold() == 0.4
    assert outcome([*rows[:2], *[(0.7, False, True)] * 10, (0.4, True, True)], objects=3).threshold() == 0.8


def test_a_threshold_where_half_is_surely_right_is_preferred():
    right, wrong = (True, True), (False, True)
    rows = [(0.9 - i / 100, *(right if i % 5 else wrong)) for i in range(20)]
    # F1 is best at 0.14, where 26 of 57 are right. At 0.26 half of 46 are, which may be chance; at 0.42 it is
    # 19 of 29, and after four more that are wrong the next right one makes it 20 of 33.
    more = [(0.5 - i / 100, *(wrong if i % 4 else right)) for i in range(40)]
    assert outcome([*rows, *more], objects=50).threshold() == pytest.approx(0.42)
    assert outcome(more, objects=50).threshold() == pytest.approx(0.14), "out of reach: the best F1 decides"


def test_few_detections_are_less_sure():
    # Of 100 with half right, the chance is one in ten that the share is below 0.436; of 10, below 0.312.
    lower = _surely_right(np.array([50, 5, 0, 0]), np.array([100, 10, 10, 0]))
    assert lower == pytest.approx([0.4364, 0.3124, 0.0, 0.0], abs=1e-3)


def test_false_alarms_raise_the_threshold():
    rows = [(0.9, True, True), (0.8, True, True), (0.7, True, True)]
    assert outcome([*rows, (0.85, False, False)], absent_names=20).threshold() == 0.7
    assert outcome([*rows, (0.85, False, False)], absent_names=4).threshold() == 0.9


def test_a_model_that_is_never_right_shows_nothing():
    assert outcome([(0.9, False, True), (0.8, False, True)]).threshold() == 1.0
