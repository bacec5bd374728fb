"""What is counted once, after very many objects, is what the triggers would have counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.project import Project
from app.project.commands import AddObjects, Command
from app.project.rows import Rows


@dataclass(frozen=True)
class AddMany(Command):
    """As an import adds them."""

    records: list[Any]
    fault: bool = False

    @property
    def label(self) -> str:
        return "Add many"

    def apply(self, rows: Rows) -> None:
        with rows.counted_at_the_end():
            AddObjects(self.records).apply(rows)
            if self.fault:
                raise RuntimeError("on purpose")


def records(make: Any) -> list[Any]:
    """Objects of all states, in two of the images and both classes."""
    made = [
        make.proposed(image, 1, x, score) for image, x, score in ((1, 10, 0.5), (1, 50, 0.25), (2, 10, 0.75))
    ]
    others = [
        replace(make.proposed(2, 2, 90), state=state) for state in ("accepted", "corrected", "rejected")
    ]
    return [*made, *others, make.drawn(2, 2), make.drawn(1)]


def counted(project: Project, make: Any) -> tuple[Any, Any]:
    return make.dump(project)["images"], make.dump(project)["class_counts"]


def test_counting_once_is_the_same_and_can_be_undone(project: Project, make: Any) -> None:
    make.added(project, make.proposed(1, 2, score=0.1), make.drawn(3))
    before = counted(project, make)
    project.do(AddObjects(records(make)))
    by_row = counted(project, make)
    project.undo()
    assert counted(project, make) == before
    project.do(AddMany(records(make)))
    assert counted(project, make) == by_row != before
    project.undo()
    assert counted(project, make) == before


@pytest.mark.parametrize("fault", [False, True])
def test_triggers_count_again_afterwards(project: Project, make: Any, fault: bool) -> None:
    try:
        project.do(AddMany(records(make), fault))
    except RuntimeError:
        assert fault
    n = {image: project.image(image).counts["drawn"] for image in (1, 2)}
    assert n == ({1: 0, 2: 0} if fault else {1: 1, 2: 1})
    make.added(project, make.drawn(1), make.drawn(2, 2))
    assert {image: project.image(image).counts["drawn"] for image in (1, 2)} == {1: n[1] + 1, 2: n[2] + 1}
    assert project.class_counts()[2]["drawn"] == n[2] + 1


def test_other_connections_see_the_counts_and_go_on_counting(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    with project.reader() as reader:
        assert (project.image(1).counts["drawn"], reader.image(1).counts["drawn"]) == (1, 1)
        writer = project.writer()
        project.announce(writer.do(AddMany(records(make))))
        writer.close()
        assert (project.image(1).counts["drawn"], reader.image(1).counts["drawn"]) == (2, 2)
        make.added(project, make.drawn(1))
        assert (project.image(1).counts["drawn"], reader.image(1).counts["drawn"]) == (3, 3)
