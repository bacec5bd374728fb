"""Lists: filters, orders, neighbours; every question of a large list is answered from an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.project import FilterError, ImageFilter, Project
from app.project.commands import AddClass, AddImages, SetGeometry, SetImageState, SetState


@pytest.fixture
def listed(tmp_path: Path, make: Any) -> Iterator[Project]:
    """Images 1 to 6 in the order of their names; classes cat, hair drier, hair brush."""
    with Project.create(tmp_path / "listed.zsip", tmp_path) as project:
        names = ["a1.jpg", "a2.jpg", "a10.jpg", "Strand/aä.png", "Strand/b.png", "z.png"]
        project.do(AddImages([tmp_path / name for name in names]))
        for name in ("cat", "hair drier", "hair brush"):
            project.do(AddClass(name))
        make.added(project, make.proposed(1, 1, score=0.9), make.proposed(1, 2, score=0.4))
        make.added(project, make.proposed(2, 1, score=0.2))
        make.added(
            project, make.drawn(3, 2), make.drawn(4, 3), replace(make.proposed(4, 1), state="rejected")
        )
        make.added(project, make.proposed(5, 3, score=0.6))
        project.do(SetImageState([5], finished=True))
        yield project


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("a1", [1, 3]),
        ("STRAND", [4, 5]),
        ("strand ä", [4]),
        ('"a1.j"', [1]),
        ("100%", []),
        ("class:cat", [1, 2]),
        ('class:"hair drier"', [1, 3]),
        ("class:HAIR", [1, 3, 4, 5]),
        ("class:cat class:hair", [1]),
        ("class:zebra", []),
        ("state:new", [6]),
        ("state:started", [3, 4]),
        ("state:proposals", [1, 2]),
        ("state:Finished", [5]),
        ("state:new state:finished", [5, 6]),
        ("state:rejected", [4]),
        ("state:drawn", [3, 4]),
        ("state:new state:drawn", [3, 4, 6]),
        ("score:<0.5", [1, 2]),
        ("score:>=0.6", [1, 5]),
        ("score:0.5-0.7", [5]),
        ("score:>0.1 score:<0.3", [2]),
        ("class:cat score:>0.5 a1", [1]),
        ("other:thing", []),
        ("class: state: score:", [1, 2, 3, 4, 5, 6]),  # while they are being typed
    ],
)
def test_typed_filters(listed: Project, text: str, expected: list[int]) -> None:
    chosen = ImageFilter.parse(text)
    assert listed.image_ids(chosen) == expected
    assert listed.image_count(chosen) == len(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("state:done", "state:done is not known: type one of new, started"),
        ("score:high", "score:high is no range: type for example score:<0.5"),
        ("score:<0.1.2", "is no range"),
    ],
)
def test_a_filter_that_makes_no_sense_says_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        ImageFilter.parse(text)


def test_the_most_uncertain_image_comes_first(listed: Project) -> None:
    uncertain = ImageFilter(order="uncertain")
    assert listed.image_ids(uncertain) == [2, 1, 5]
    assert listed.next_image(None, uncertain) == 2
    assert listed.next_image(2, uncertain) == 1
    assert listed.next_image(2, uncertain, unfinished=True) == 1
    assert listed.next_image(1, uncertain, unfinished=True) is None
    assert listed.next_image(1, uncertain, step=-1) == 2
    listed.do(SetState([listed.objects(2)[0].uuid], "accepted"))
    assert listed.next_image(2, uncertain) == 1, "what is reviewed has left the queue"
    with pytest.raises(ValueError, match="order must be one of"):
        ImageFilter(order="random")


def test_neighbours(listed: Project) -> None:
    assert [listed.next_image(n) for n in (None, 1, 3, 6)] == [1, 2, 4, None]
    assert [listed.next_image(n, step=-1) for n in (None, 1, 3, 6)] == [6, None, 2, 5]
    assert listed.next_image(4, unfinished=True) == 6
    assert listed.next_image(6, step=-1, unfinished=True) == 4
    assert listed.next_image(1, ImageFilter.parse("strand")) == 4
    assert listed.image_ids(after=4) == [5, 6]
    assert listed.image_ids(ImageFilter(order="uncertain"), after=2) == [1, 5]
    assert listed.image_ids(after=6) == []


def test_counts_and_pages(listed: Project) -> None:
    assert listed.status_counts() == {"new": 1, "started": 2, "proposals": 2, "finished": 1}
    assert [record.id for record in listed.images([4, 99, 1])] == [4, 1]
    pages = list(listed.pages(ImageFilter.parse("class:hair"), size=3))
    assert [[(image.id, len(objects)) for image, objects in page] for page in pages] == [
        [(1, 2), (3, 1), (4, 2)],
        [(5, 1)],
    ]


def test_a_reader_answers_in_another_connection(listed: Project) -> None:
    with listed.reader() as reader:
        assert reader.image_ids() == [1, 2, 3, 4, 5, 6] and reader.class_id("cat") == 1
        assert reader.objects(1) != [] and reader.root == listed.root


# ------------------------------------------------------------------------------------------- indexes


def plans(project: Project, question: Callable[[Project], object]) -> list[str]:
    """How SQLite answers every statement of a question."""
    statements: list[str] = []
    project._connection.set_trace_callback(statements.append)
    question(project)
    project._connection.set_trace_callback(None)
    return [
        row[3]
        for statement in statements
        if statement.startswith(("SELECT", "UPDATE", "DELETE"))
        for row in project._connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]


QUESTIONS: dict[str, Callable[[Project], object]] = {
    "all": lambda p: p.image_ids(),
    "behind an image": lambda p: p.image_ids(after=3),
    "one status": lambda p: p.image_ids(ImageFilter.parse("state:finished")),
    "uncertain": lambda p: p.image_ids(ImageFilter(order="uncertain")),
    "next": lambda p: p.next_image(3),
    "previous unfinished": lambda p: p.next_image(3, step=-1, unfinished=True),
    "next of a status": lambda p: p.next_image(3, ImageFilter.parse("state:new")),
    "next uncertain": lambda p: p.next_image(1, ImageFilter.parse("state:proposals", order="uncertain")),
    "first uncertain": lambda p: p.next_image(None, ImageFilter(order="uncertain"), unfinished=True),
    "page": lambda p: p.images([1, 2, 3]),
    "status counts": lambda p: p.status_counts(),
    "objects": lambda p: p.objects(1),
    "object": lambda p: p.object("no such"),
    "by path": lambda p: p.image_id(p.root / "a1.jpg"),
    "undo label": lambda p: p.undo_label(1),
    "redo label": lambda p: p.redo_label(1),
}


# Whole lists are read along their index; of what is uncertain or undone, the first is taken.
BY_UNCERTAINTY = "SCAN images USING INDEX images_uncertain"
ALLOWED = {
    "all": ["SCAN images USING COVERING INDEX images_by_name"],
    "status counts": ["SCAN images USING COVERING INDEX images_by_status"],
    "uncertain": [BY_UNCERTAINTY],
    "first uncertain": [BY_UNCERTAINTY],
    "objects": ["SCAN makers"],
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_from_an_index_in_its_order(listed: Project, question: str) -> None:
    found = plans(listed, QUESTIONS[question])
    assert found
    slow = [plan for plan in found if "TEMP B-TREE" in plan or plan.startswith("SCAN")]
    assert [plan for plan in slow if plan not in ALLOWED.get(question, [])] == []


def test_a_class_is_looked_up_without_reading_objects(listed: Project) -> None:
    found = plans(listed, lambda p: p.image_ids(ImageFilter.parse("class:cat")))
    assert any("objects USING COVERING INDEX objects_by_class" in plan for plan in found)


def test_an_edit_looks_up_all_it_needs(listed: Project, make: Any) -> None:
    uuid = listed.objects(1)[0].uuid
    found = plans(listed, lambda p: p.do(SetGeometry({uuid: make.square(33)}, "move")))
    assert [plan for plan in found if "SCAN" in plan and "CONSTANT ROW" not in plan] == []
