"""The rule by which threshold and exponents are chosen."""

import numpy as np
import pytest

from training.calibration import Outcome


def outcome(rows, *, objects=4, absent_names=20):
    scores, right, present = zip(*rows, strict=True)
    return Outcome(np.array(scores), np.array(right), np.array(present), objects, absent_names)


def test_average_precision_of_names_in_the_picture():
    # Ranked: right, wrong, right; a detection of an absent name does not count.
    found = outcome([(0.9, True, True), (0.8, False, True), (0.95, False, False), (0.7, True, True)])
    assert found.average_precision() == pytest.approx((1 + 2 / 3) / 4)


def test_the_threshold_is_the_lowest_score_that_keeps_precision():
    found = outcome([(0.9, True, True), (0.8, False, True), (0.6, False, True), (0.5, False, True)])
    assert found.threshold() == 0.8


def test_false_alarms_raise_the_threshold():
    rows = [(0.9, True, True), (0.8, True, True), (0.7, True, True)]
    assert outcome([*rows, (0.85, False, False)], absent_names=20).threshold() == 0.7
    assert outcome([*rows, (0.85, False, False)], absent_names=5).threshold() == 0.9


def test_a_model_that_is_never_right_shows_nothing():
    assert outcome([(0.9, False, True), (0.8, False, True)]).threshold() == 1.0
