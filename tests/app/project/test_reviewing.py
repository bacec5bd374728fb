"""Which images are to be reviewed, in which order; and what a person had a hand in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.project import Project
from app.project.commands import (
    AddObjects,
    SetFlags,
    SetGeometry,
    SetImageState,
    SetSetting,
    SetState,
    threshold_key,
)
from app.project.reviewing import images_to_review, worked_on


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
    assert images_to_review(waiting, "file") == [1, 2, 3]
    assert images_to_review(waiting, "file", after=1) == [2, 3, 1]
    assert images_to_review(waiting, "file", after=3) == [1, 2, 3]


def test_the_most_uncertain_first(waiting: Project) -> None:
    assert images_to_review(waiting, "uncertain") == [3, 2, 1]


def test_one_class_alone(waiting: Project) -> None:
    assert images_to_review(waiting, "file", class_id=1) == [1, 2]
    assert images_to_review(waiting, "uncertain", class_id=2) == [3]


def test_thresholds_that_a_person_set_decide_what_is_shown_and_uncertain(waiting: Project) -> None:
    waiting.do(SetSetting(threshold_key(1), 0.88))
    assert images_to_review(waiting, "uncertain", class_id=1) == [1]
    waiting.do(SetSetting(threshold_key(1), 0.1))
    assert images_to_review(waiting, "uncertain") == [3, 1, 2], "0.2 is only just shown now"
    waiting.do(SetSetting(threshold_key(1), 0.95))
    assert images_to_review(waiting, "file") == [3]


def test_what_is_decided_hidden_or_finished_is_not_to_be_reviewed(waiting: Project) -> None:
    first, second, third = (waiting.objects(image_id)[0].uuid for image_id in (1, 2, 3))
    waiting.do(SetState([first], "accepted"))
    assert images_to_review(waiting, "file") == [2, 3]
    waiting.do(SetFlags([second], hidden=True))
    assert images_to_review(waiting, "file") == [3]
    waiting.do(SetImageState([3], finished=True))
    assert images_to_review(waiting, "file") == []
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
