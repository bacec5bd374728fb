"""Which images are to be reviewed, in which order; and what a person had a hand in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.project import Project
from app.project.commands import AddObjects, SetFlags, SetGeometry, SetImageState, SetState
from app.project.reviewing import images_to_review, worked_on

ALL = {1: 0.3, 2: 0.3}


def proposed(make: Any, image_id: int, score: float, runner_up: float = 0.0, class_id: int = 1) -> Any:
    record = make.proposed(image_id, class_id, score=score)
    return replace(record, made_by={**record.made_by, "score": score, "runner_up_score": runner_up})


@pytest.fixture
def waiting(project: Project, make: Any) -> Project:
    """Three images: a sure proposal, one near the threshold, and one with a close runner-up."""
    project.do(
        AddObjects(
            [
                proposed(make, 1, 0.9),
                proposed(make, 1, 0.2),
                proposed(make, 2, 0.35),
                proposed(make, 3, 0.8, runner_up=0.79, class_id=2),
            ]
        )
    )
    return project


def test_by_file_begins_behind_the_image_in_view(waiting: Project) -> None:
    assert images_to_review(waiting, ALL) == [1, 2, 3]
    assert images_to_review(waiting, ALL, after=1) == [2, 3, 1]
    assert images_to_review(waiting, ALL, after=3) == [1, 2, 3]


def test_the_most_uncertain_first(waiting: Project) -> None:
    assert images_to_review(waiting, ALL, order="uncertain") == [3, 2, 1]
    # 0.9 is only just above a threshold of 0.88: thresholds decide what is uncertain, and what is shown.
    assert images_to_review(waiting, {1: 0.88}, order="uncertain") == [1]
    assert images_to_review(waiting, {1: 0.95}) == []
    assert images_to_review(waiting, {}) == []


def test_what_is_decided_hidden_or_finished_is_not_to_be_reviewed(waiting: Project) -> None:
    first, second, third = (waiting.objects(image_id)[0].uuid for image_id in (1, 2, 3))
    waiting.do(SetState([first], "accepted"))
    assert images_to_review(waiting, ALL) == [2, 3]
    waiting.do(SetFlags([second], hidden=True))
    assert images_to_review(waiting, ALL) == [3]
    waiting.do(SetImageState([3], finished=True))
    assert images_to_review(waiting, ALL) == []
    assert third


def test_what_a_person_had_a_hand_in(waiting: Project, make: Any) -> None:
    accepted, below = (record.uuid for record in waiting.objects(1))
    corrected, rejected = waiting.objects(2)[0].uuid, waiting.objects(3)[0].uuid
    waiting.do(SetState([accepted], "accepted"))
    waiting.do(SetGeometry({corrected: make.square(11)}, "move"))
    waiting.do(SetState([rejected], "rejected"))
    drawn, imported = make.drawn(1), replace(make.drawn(1), made_by={"tool": "import"})
    waiting.do(AddObjects([drawn, imported]))
    assert below
    found = list(worked_on(waiting))
    assert [(each.state, each.class_id, len(each.times)) for each in found] == [
        ("accepted", 1, 1),
        ("corrected", 1, 1),
        ("rejected", 2, 1),
        ("drawn", 1, 1),
    ]
    assert [each.iou_to_proposal for each in found] == [None, pytest.approx(0.9, abs=0.02), None, None]
