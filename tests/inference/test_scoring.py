"""Scores and non-maximum suppression, on numbers that can be followed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from zsi_core.inference.scoring import (
    PROTOCOL,
    Calibration,
    Detections,
    Suppression,
    detect,
    foreground_scores,
    fused_scores,
)

LEFT, LEFT_TOO, RIGHT = [0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [50.0, 0.0, 60.0, 10.0]
PLAIN = Calibration(objectness_power=0.0)


def found(detections: Detections) -> list[tuple[int, int, float]]:
    return [
        (region, name, round(score, 4))
        for region, name, score in zip(
            detections.regions.tolist(), detections.names.tolist(), detections.scores.tolist(), strict=True
        )
    ]


def boxes(*each: list[float]) -> torch.Tensor:
    return torch.tensor(each)


# ---------------------------------------------------------------- fused scores


def test_without_objectness_the_score_is_the_probability() -> None:
    logits = torch.tensor([[0.0, math.log(2), math.log(5)]])
    scores = fused_scores(logits, torch.tensor([0.01]), torch.zeros(2, dtype=torch.bool), PLAIN)
    assert scores.tolist() == [pytest.approx([2 / 8, 5 / 8])]


def test_objectness_enters_with_its_power() -> None:
    logits = torch.tensor([[0.0, math.log(3)]])
    scores = fused_scores(
        logits, torch.tensor([0.2]), torch.tensor([False]), Calibration(objectness_power=0.3)
    )
    assert scores.item() == pytest.approx(0.75**0.7 * 0.2**0.3)


def test_the_penalty_of_seen_names_leaves_room_for_the_others() -> None:
    logits = torch.tensor([[0.0, 1.0, 1.0]])
    seen = torch.tensor([True, False])
    calibration = Calibration(objectness_power=0.0, seen_penalty=1.0)
    scores = fused_scores(logits, torch.ones(1), seen, calibration)[0]
    total = 1 + 1 + math.e
    assert scores.tolist() == pytest.approx([1 / total, math.e / total])


def test_the_foreground_score_is_all_that_is_not_background() -> None:
    logits = torch.tensor([[0.0, math.log(2), math.log(5)]])
    assert foreground_scores(logits, torch.tensor([0.5]), PLAIN).item() == pytest.approx(7 / 8)
    power = Calibration(objectness_power=0.5)
    assert foreground_scores(logits, torch.tensor([0.5]), power).item() == pytest.approx((7 / 16) ** 0.5)


def test_calibration_takes_what_the_checkpoint_names_and_ignores_the_rest() -> None:
    calibration = Calibration.from_dict({"threshold": 0.25, "of another version": 1.0})
    assert calibration == Calibration(threshold=0.25)


# ---------------------------------------------------------------- detections


def test_only_shown_names_are_detected_and_the_runner_up_may_be_any() -> None:
    scores = torch.tensor([[0.3, 0.6, 0.1], [0.2, 0.1, 0.15]])
    result = detect(boxes(LEFT, RIGHT), scores, 1, 0.1, 10)
    assert found(result) == [(0, 0, 0.3), (1, 0, 0.2)]
    assert result.runner_up_names.tolist() == [1, 2]
    assert result.runner_up_scores.tolist() == pytest.approx([0.6, 0.15])


def test_the_threshold_belongs_to_what_is_shown() -> None:
    scores = torch.tensor([[0.5], [0.49]])
    assert found(detect(boxes(LEFT, RIGHT), scores, 1, 0.5, 10)) == [(0, 0, 0.5)]


def test_the_weaker_of_two_boxes_of_a_name_goes() -> None:
    scores = torch.tensor([[0.4], [0.6], [0.5]])
    assert found(detect(boxes(LEFT, LEFT_TOO, RIGHT), scores, 1, 0.1, 10)) == [(1, 0, 0.6), (2, 0, 0.5)]


def test_a_region_keeps_its_best_name() -> None:
    scores = torch.tensor([[0.4, 0.6]])
    assert found(detect(boxes(LEFT), scores, 2, 0.1, 10)) == [(0, 1, 0.6)]
    both = detect(boxes(LEFT), scores, 2, 0.1, 10, PROTOCOL)
    assert found(both) == [(0, 1, 0.6), (0, 0, 0.4)]
    assert both.runner_up_names.tolist() == [0, 1]


def test_different_names_may_overlap_more_than_equal_ones() -> None:
    wide, narrow = [0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 6.0]  # overlap 0.6: person on a horse
    one_name = torch.tensor([[0.9, 0.0], [0.8, 0.0]])
    two_names = torch.tensor([[0.9, 0.0], [0.0, 0.8]])
    assert len(detect(boxes(wide, narrow), one_name, 2, 0.1, 10).regions) == 1
    assert found(detect(boxes(wide, narrow), two_names, 2, 0.1, 10)) == [(0, 0, 0.9), (1, 1, 0.8)]


def test_a_part_gives_way_to_the_object_it_lies_in() -> None:
    plane, wing, beside = [0.0, 0.0, 100.0, 40.0], [60.0, 10.0, 110.0, 30.0], [90.0, 10.0, 130.0, 30.0]
    whole_is_better = torch.tensor([[0.9], [0.8], [0.7]])
    assert found(detect(boxes(plane, wing, beside), whole_is_better, 1, 0.1, 10)) == [
        (0, 0, 0.9),
        (2, 0, 0.7),
    ]
    part_is_better = torch.tensor([[0.8], [0.9], [0.7]])
    assert found(detect(boxes(plane, wing, beside), part_is_better, 1, 0.1, 10)) == [
        (1, 0, 0.9),
        (0, 0, 0.8),
        (2, 0, 0.7),
    ]
    two_names = torch.tensor([[0.9, 0.0], [0.0, 0.8], [0.0, 0.0]])
    assert len(detect(boxes(plane, wing, beside), two_names, 2, 0.1, 10).regions) == 2
    assert len(detect(boxes(plane, wing, beside), whole_is_better, 1, 0.1, 10, PROTOCOL).regions) == 3


def test_what_is_a_part_of_a_part_that_gave_way_stays() -> None:
    outer, middle, inner = [0.0, 0.0, 40.0, 10.0], [15.0, 0.0, 55.0, 10.0], [30.0, 0.0, 62.0, 10.0]
    scores = torch.tensor([[0.9], [0.8], [0.7]])
    share = Suppression(per_name=1.0, contained=0.6)
    assert found(detect(boxes(outer, middle, inner), scores, 1, 0.1, 10, share)) == [(0, 0, 0.9), (2, 0, 0.7)]


def test_the_best_are_kept() -> None:
    scores = torch.tensor([[0.2], [0.9], [0.5]])
    apart = boxes([0, 0, 1, 1], [10, 0, 11, 1], [20, 0, 21, 1])
    assert found(detect(apart.float(), scores, 1, 0.0, 2)) == [(1, 0, 0.9), (2, 0, 0.5)]


@pytest.mark.parametrize("regions", [0, 3])
def test_nothing_is_an_ordinary_result(regions: int) -> None:
    result = detect(torch.zeros(regions, 4), torch.zeros(regions, 2), 2, 0.5, 10)
    assert found(result) == []
    assert result.runner_up_names.shape == result.runner_up_scores.shape == (0,)


def test_a_single_name_has_no_runner_up() -> None:
    assert detect(boxes(LEFT), torch.tensor([[0.9]]), 1, 0.1, 10).runner_up_scores.tolist() == [0.0]
