"""What of a model's answer becomes a proposal, and what of the former proposals stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.project import Geometry, ObjectRecord, Project
from app.project.commands import AddClass, AddImages, NewImage, SetState
from app.proposals.drafting import Asked, draft
from zsi_core.coco.provenance import ProposalRun
from zsi_core.instances import Instances
from zsi_core.instances import rle as rles

SIZE = (100, 200)
CAT, FORK = 1, 2
RUN = ProposalRun("starter", "ab" * 32, "cd" * 32, 0.4, {"cat": "cat"})
ASKED = Asked(1, {"cat": CAT, "fork": FORK}, ["cat", "fork"], RUN, shown_from=0.4)

Box = tuple[int, int, int, int]


def mask(box: Box) -> rles.Rle:
    x1, y1, x2, y2 = box
    pixels = np.zeros(SIZE, dtype=bool)
    pixels[y1:y2, x1:x2] = True
    return rles.encode(pixels)


def found(*each: tuple[str, float, Box]) -> Instances:
    """An answer: name, score and the box that the mask fills, for each."""
    n = len(each)
    return Instances(
        boxes=np.array([box for _, _, box in each], dtype=np.float32).reshape(n, 4),
        scores=np.array([score for _, score, _ in each], dtype=np.float32),
        names=tuple(name for name, _, _ in each),
        masks=tuple(mask(box) for _, _, box in each),
        runner_up_names=("dog",) * n,
        runner_up_scores=np.full(n, 0.01, dtype=np.float32),
        region_indices=np.arange(n, dtype=np.int64) + 7,
        image_size=SIZE,
    )


def decided(state: str, class_id: int, box: Box) -> ObjectRecord:
    """An object that a person has decided about."""
    record = ObjectRecord.drawn(1, class_id, Geometry.from_mask(mask(box)), "brush")
    return replace(record, state=state)


def boxes(records: Sequence[ObjectRecord]) -> list[Box]:
    return [tuple(int(edge) for edge in record.geometry.box) for record in records]  # type: ignore[misc]


def test_a_proposal_says_where_it_comes_from() -> None:
    result = draft(ASKED, found(("cat", 0.6, (10, 10, 50, 50))), [])
    (record,) = result.found
    assert (record.class_id, record.state, record.image_id) == (CAT, "proposed", 1)
    assert record.made_by == {
        "model": "starter",
        "checkpoint_sha256": "ab" * 32,
        "words_sha256": "cd" * 32,
        "name": "cat",
        "resolved_as": "cat",
        "score": 0.6,
        "runner_up": "dog",
        "runner_up_score": 0.01,
        "threshold": 0.4,
    }
    assert result.regions == {record.uuid: 7}
    assert result.best == {CAT: pytest.approx(0.6), FORK: 0.0}


@pytest.mark.parametrize("state", ["accepted", "corrected", "drawn"])
@pytest.mark.parametrize("class_id", [CAT, FORK])
def test_nothing_is_proposed_on_an_object(state: str, class_id: int) -> None:
    objects = [decided(state, class_id, (10, 10, 50, 50))]
    result = draft(ASKED, found(("cat", 0.6, (12, 10, 52, 50)), ("cat", 0.5, (60, 10, 90, 50))), objects)
    assert boxes(result.found) == [(60, 10, 90, 50)]
    assert result.best[CAT] == pytest.approx(0.6), "the class is in the image all the same"


@pytest.mark.parametrize(("class_id", "proposed"), [(CAT, 0), (FORK, 1)])
def test_a_part_of_an_object_is_proposed_for_another_class_only(class_id: int, proposed: int) -> None:
    """The collar of a cat may be proposed, its head as a second cat may not."""
    objects = [decided("accepted", class_id, (10, 10, 90, 90))]
    assert len(draft(ASKED, found(("cat", 0.6, (20, 20, 40, 40))), objects).found) == proposed


@pytest.mark.parametrize(("class_id", "proposed"), [(CAT, 0), (FORK, 1)])
def test_what_was_rejected_is_not_proposed_again_under_its_name(class_id: int, proposed: int) -> None:
    objects = [decided("rejected", class_id, (10, 10, 50, 50))]
    assert len(draft(ASKED, found(("cat", 0.6, (12, 10, 52, 50))), objects).found) == proposed


def test_a_region_inside_a_rejected_one_is_another_region() -> None:
    objects = [decided("rejected", CAT, (10, 10, 90, 90))]
    assert len(draft(ASKED, found(("cat", 0.6, (20, 20, 40, 40))), objects).found) == 1


def test_asking_twice_changes_nothing() -> None:
    answer = found(("cat", 0.6, (10, 10, 50, 50)), ("fork", 0.3, (60, 10, 90, 50)))
    first = draft(ASKED, answer, [])
    again = draft(ASKED, answer, first.found)
    assert not again
    assert again.regions == first.regions


def test_untouched_proposals_of_these_names_are_replaced_and_nothing_else() -> None:
    first = draft(ASKED, found(("cat", 0.6, (10, 10, 50, 50)), ("fork", 0.3, (60, 10, 90, 50))), [])
    cat, fork = first.found
    other = replace(cat, uuid="other", class_id=3)
    locked = replace(cat, uuid="locked", locked=True)
    edited = replace(cat, uuid="edited", edits=({"tool": "brush", "time": "", "iou_to_proposal": 0.9},))
    taken = replace(fork, state="accepted")
    objects = [cat, taken, other, locked, edited]
    again = draft(ASKED, found(("cat", 0.7, (10, 60, 50, 90))), objects)
    assert again.replaced == [cat.uuid]
    assert boxes(again.found) == [(10, 60, 50, 90)]


def test_another_model_replaces_what_the_former_one_found_at_the_same_place() -> None:
    answer = found(("cat", 0.6, (10, 10, 50, 50)))
    first = draft(ASKED, answer, [])
    newer = replace(ASKED, run=replace(RUN, checkpoint_sha256="ef" * 32))
    again = draft(newer, answer, first.found)
    assert again.replaced == [first.found[0].uuid]
    assert again.found[0].made_by["checkpoint_sha256"] == "ef" * 32


def test_a_mask_without_pixels_is_no_proposal() -> None:
    assert not draft(ASKED, found(("cat", 0.6, (10, 10, 10, 10))), [])


def test_a_step_brings_classes_of_the_model_along_and_takes_them_back(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p.zsip", tmp_path) as project:
        project.do(AddImages([NewImage(tmp_path / "a.jpg", SIZE[1], SIZE[0])]))
        for name in ("cat", "fork"):
            project.do(AddClass(name))
        answer = found(
            ("cat", 0.6, (10, 10, 50, 50)), ("Dog", 0.5, (60, 10, 90, 50)), ("bus", 0.3, (100, 10, 150, 50))
        )
        first = draft(ASKED, answer, project.objects(1))
        command = first.command(ASKED)
        assert command.label == "Propose cat, fork"
        project.do(command)
        assert [record.name for record in project.classes()] == ["cat", "fork", "Dog"]
        dog = project.class_id("dog")
        assert dog is not None
        assert [record.class_id for record in project.objects(1)] == [CAT, dog]
        project.do(SetState([project.objects(1)[0].uuid], "accepted"))
        dogs = replace(ASKED, seen_ids={"Dog": dog})  # now that the project has the class
        assert not draft(dogs, answer, project.objects(1))
        project.undo(1)
        project.undo(1)
        assert project.objects(1) == []
        assert project.class_id("dog") is None
        project.redo(1)
        assert len(project.objects(1)) == 2


def test_proposing_for_a_class_that_came_meanwhile_uses_it(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p.zsip", tmp_path) as project:
        project.do(AddImages([NewImage(tmp_path / "a.jpg", SIZE[1], SIZE[0])]))
        for name in ("cat", "fork"):
            project.do(AddClass(name))
        result = draft(ASKED, found(("dog", 0.5, (60, 10, 90, 50))), [])
        project.do(AddClass("DOG"))
        project.do(result.command(ASKED))
        assert [record.name for record in project.classes()] == ["cat", "fork", "DOG"]
        assert [record.class_id for record in project.objects(1)] == [project.class_id("dog")]
