"""Undo and redo: exact, image by image, across restarts; what is passed over and what ends a redo."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.project import CommandError, Project, UndoError
from app.project import commands as do
from app.project import journal as journals
from app.project.commands import Command

choices = st.integers(0, 10**6)
actions = st.lists(st.tuples(st.integers(0, 13), choices, choices), max_size=25)
mixed = st.lists(st.tuples(st.integers(-6, 13), choices, choices), max_size=40)


def command(project: Project, make: Any, kind: int, a: int, b: int) -> Command | None:
    """A command of some kind on things chosen by two numbers; None where there is nothing to choose from."""

    def chosen(things: list[Any], number: int) -> Any:
        return things[number % len(things)] if things else None

    image = chosen(project.image_ids(), a)
    classes = [record.id for record in project.classes()]
    first, second = chosen(classes, a), chosen(classes, b)
    if kind == 0:
        return do.AddClass(f"class {b}")
    if first is None or image is None:
        return None
    if kind in (1, 2):
        new = [make.drawn(image, first, x=b % 50), make.proposed(chosen(project.image_ids(), b), second)]
        return do.AddObjects(new[: 1 + b % 2])
    records = project.objects(image)
    record = chosen(records, b)
    if record is None:
        return None
    uuids = [other.uuid for other in records if other.state == record.state and not other.locked]
    commands: dict[int, Callable[[], Command]] = {
        3: lambda: do.SetGeometry({record.uuid: make.square(b % 70)}, ("move", "brush")[a % 2]),
        4: lambda: do.DeleteObjects([record.uuid]),
        5: lambda: do.SetClass(uuids, second),
        6: lambda: do.SetState([record.uuid], ("accepted", "rejected", "proposed")[a % 3]),
        7: lambda: do.SetFlags([record.uuid], locked=bool(a % 2), hidden=bool(b % 2)),
        8: lambda: do.Reorder(image, sorted((other.uuid for other in records), reverse=bool(b % 2))),
        9: lambda: do.EditClass(first, name=f"renamed {b}", position=b % 3, hotkey=str(b % 10)),
        10: lambda: do.MergeClasses([first], second),
        11: lambda: do.Batch(
            [do.DeleteClass(first), do.SetImageState([image], finished=bool(b % 2))], "Batch"
        ),
        12: lambda: do.SetInfo(info={"version": b}, licenses=[{"id": a}]),
        13: lambda: do.RemoveImages([image]),
    }
    return commands[kind]()


def new_project(folder: str) -> Project:
    project = Project.create(Path(folder, "a.zsip"), Path(folder))
    project.do(do.AddImages([do.NewImage(Path(folder, f"{n}.jpg"), 100, 80) for n in range(3)]))
    return project


def is_consistent(project: Project, make: Any) -> None:
    """What triggers count is what there is, and nothing refers to nothing."""
    assert project._connection.execute("PRAGMA foreign_key_check").fetchall() == []
    counted: dict[tuple[int, str], int] = {}
    for image_id in project.image_ids():
        records = project.objects(image_id)
        image = project.image(image_id)
        scores = [record.score for record in records if record.state == "proposed"]
        assert (image.min_score, image.max_score) == (min(scores, default=None), max(scores, default=None))
        listed = project._connection.execute("SELECT status FROM images WHERE id = ?", (image_id,)).fetchone()
        assert listed["status"] == image.status
        for state, n in image.counts.items():
            assert n == sum(record.state == state for record in records)
        for record in records:
            key = (record.class_id, record.state)
            counted[key] = counted.get(key, 0) + 1
    assert {tuple(row[:2]): row[2] for row in make.dump(project)["class_counts"]} == counted


@settings(deadline=None, max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(given_actions=actions)
def test_every_step_can_be_undone_and_redone_exactly(
    make: Any, given_actions: list[tuple[int, int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, new_project(folder) as project:
        dumps = [make.dump(project)]
        for action in given_actions:
            try:
                chosen = command(project, make, *action)
                change = chosen and project.do(chosen)
            except CommandError:
                assert make.dump(project) == dumps[-1]
                continue
            if change and (change.images or change.classes or change.info):
                dumps.append(make.dump(project))
        is_consistent(project, make)
        for expected in reversed(dumps[:-1]):
            assert project.undo() is not None
            assert make.dump(project) == expected
        assert project.undo() is None and project.undo_label() is None
        for expected in dumps[1:]:
            assert project.redo() is not None
            assert make.dump(project) == expected
        assert project.redo() is None and project.redo_label() is None


@settings(deadline=None, max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(given_actions=mixed)
def test_any_mixture_of_commands_undo_and_redo_leads_back_to_the_start(
    make: Any, given_actions: list[tuple[int, int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, new_project(folder) as project:
        start = make.dump(project)
        for kind, a, b in given_actions:
            images = project.image_ids()
            image = images[a % len(images)] if images and b % 4 else None
            before = make.dump(project)
            try:
                if kind < -3:
                    project.undo(image)
                elif kind < 0:
                    project.redo(image)
                elif (chosen := command(project, make, kind, a, b)) is not None:
                    project.do(chosen)
            except (CommandError, UndoError):
                assert make.dump(project) == before
        is_consistent(project, make)
        while project.undo() is not None:
            pass
        assert make.dump(project) == start


# ------------------------------------------------------------------------------------ image by image


def test_undo_takes_back_the_newest_step_of_the_image_in_view(project: Project, make: Any) -> None:
    (first,) = make.added(project, make.drawn(1))
    (second,) = make.added(project, make.drawn(2))
    project.do(do.DeleteObjects([first]))
    assert project.undo_label(2) == "Add object"
    change = project.undo(2)
    assert change is not None and (change.kind, change.label, change.images) == ("undo", "Add object", {2})
    assert project.object(first) is None and project.object(second) is None
    project.undo(1)
    assert project.object(first) is not None
    project.redo(2)
    assert project.object(second) is not None
    assert project.redo_label(2) is None and project.redo_label(1) == "Delete object"


def test_a_newer_project_wide_step_comes_first(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    project.do(do.EditClass(2, name="toaster"))
    make.added(project, make.drawn(2))
    assert project.undo_label(1) == "Rename class to toaster"
    project.undo(1)
    assert project.class_id("hair drier") == 2
    assert project.undo_label(1) == "Add object"


def test_a_project_wide_step_that_others_depend_on_is_passed_over(project: Project, make: Any) -> None:
    (old,) = make.added(project, make.drawn(1))
    batch = [make.proposed(1), make.proposed(2)]
    make.added(project, *batch)
    project.do(do.SetState([batch[1].uuid], "accepted"))
    assert project.undo_label(1) == "Add object"
    project.undo(1)
    assert project.object(old) is None and project.object(batch[0].uuid) is not None
    project.undo(2)
    project.undo(2)
    assert project.object(batch[0].uuid) is None, "now nothing depends on the batch"


def test_what_nothing_can_be_done_about_is_said(project: Project, make: Any) -> None:
    project.do(do.AddImages([do.NewImage(project.root / "4.jpg")]))
    while project.undo() is not None:
        pass
    project.do(do.AddClass("cat"))
    cat = project.class_id("cat")
    batch = [make.proposed(1, cat), make.proposed(2, cat)]
    make.added(project, *batch)
    project.do(do.SetState([batch[1].uuid], "rejected"))
    before = make.dump(project)
    with pytest.raises(
        UndoError, match=r"“Propose 2 objects” cannot be undone before “Reject proposal”, which"
    ):
        project.undo(1)
    assert make.dump(project) == before
    assert project.undo_label(1) == "Propose 2 objects", "the menu shows what the message explains"


def test_a_class_in_use_is_not_undone_from_another_image(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    project.do(do.AddClass("zebra"))
    make.added(project, make.drawn(2, 3))
    project.undo(1)
    assert project.class_id("zebra") == 3 and project.objects(1) == []


def test_a_class_is_not_undone_while_objects_of_it_may_come_back(project: Project, make: Any) -> None:
    project.do(do.AddClass("zebra"))
    (uuid,) = make.added(project, make.drawn(2, 3))
    project.do(do.DeleteObjects([uuid]))
    project.undo(1)
    assert project.class_id("zebra") == 3 and project.class_id("hair drier") is None
    project.undo(2)
    assert project.object(uuid) is not None


def test_a_name_that_is_taken_meanwhile_blocks_and_is_said(project: Project, make: Any) -> None:
    project.do(do.RemoveImages([2]))
    project.do(do.AddImages([project.root / "10.jpg"]))
    with pytest.raises(UndoError, match=r"“Remove image” cannot be undone: .* exists again"):
        project.undo(2)
    project.undo(1)
    assert project.class_id("hair drier") is None, "in other images it is passed over"


def test_a_new_command_ends_the_redo_of_its_image_only(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    make.added(project, make.drawn(2))
    project.undo(1)
    project.undo(2)
    make.added(project, make.drawn(1))
    assert (project.redo_label(1), project.redo_label(2)) == (None, "Add object")
    project.do(do.EditClass(1, name="tiger"))
    assert project.redo_label(2) is None, "a class change may contradict anything"


# --------------------------------------------------------------------------- background jobs, restarts


def test_a_job_is_one_step_however_long_it_takes(project: Project, make: Any) -> None:
    before = make.dump(project)
    project.do(do.AddObjects([make.proposed(1), make.proposed(1)]), group="job")
    (by_hand,) = make.added(project, make.drawn(3))
    project.do(do.Batch([do.AddClass("zebra"), do.AddObjects([make.proposed(2, 3)])], "Propose"), group="job")
    assert project.undo_label(3) == "Propose"
    change = project.undo(3)
    assert change is not None and change.images == {1, 2}
    assert project.class_id("zebra") is None and project.objects(1) == project.objects(2) == []
    assert project.object(by_hand) is not None
    project.undo(3)
    assert make.dump(project) == before
    project.redo(1)
    assert [len(project.objects(image_id)) for image_id in (1, 2, 3)] == [2, 1, 0]


def test_a_job_does_not_end_the_redo_elsewhere(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    project.undo(1)
    project.do(do.AddObjects([make.proposed(2)]), group="job")
    assert project.redo_label(1) == "Add object"


def test_a_job_only_adds(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.proposed(1))
    before = make.dump(project)
    with pytest.raises(ValueError, match="must only add"):
        project.do(do.SetState([uuid], "accepted"), group="job")
    assert make.dump(project) == before


def test_a_job_takes_away_what_nobody_changed(project: Project, make: Any) -> None:
    kept, replaced, hidden = make.added(project, *(make.proposed(1) for _ in range(3)))
    project.do(do.SetState([kept], "accepted"))
    project.do(do.SetFlags([hidden], hidden=True))
    project.do(do.SetFlags([hidden], hidden=False))
    assert [record.uuid for record in project.untouched_proposals(1)] == [replaced]
    before = make.dump(project)
    new = make.proposed(1)
    project.do(do.Batch([do.DeleteObjects([replaced]), do.AddObjects([new])], "Propose"), group="job")
    by_hand = make.added(project, make.drawn(1))
    project.do(do.AddObjects([make.proposed(2)]), group="job")
    assert {record.uuid for record in project.objects(1)} == {kept, hidden, new.uuid, *by_hand}
    project.undo(2)
    project.undo(1)
    assert make.dump(project) == before
    project.redo(1)
    project.redo(1)
    assert {record.uuid for record in project.objects(1)} == {kept, hidden, new.uuid, *by_hand}


def test_a_job_does_not_take_away_what_a_later_step_changed(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.proposed(1))
    project.do(do.AddObjects([make.proposed(2)]), group="job")
    project.do(do.SetFlags([uuid], hidden=True))
    with pytest.raises(ValueError, match="nobody changed"):
        project.do(do.DeleteObjects([uuid]), group="job")
    assert project.object(uuid) is not None


def test_undo_and_redo_go_on_after_a_restart(project: Project, make: Any) -> None:
    before = make.dump(project)
    (uuid,) = make.added(project, make.proposed(1))
    project.do(do.SetGeometry({uuid: make.square(30)}, "move"))
    after = make.dump(project)
    project.undo(1)
    project.close()
    with Project.open(project.path) as again:
        assert again.redo_label(1) == "Edit object (move)"
        again.redo(1)
        assert make.dump(again) == after
        again.undo(1)
        again.undo(1)
        assert make.dump(again) == before


# ------------------------------------------------------------------------------------------- bounds


def test_the_oldest_steps_are_dropped_by_size(
    project: Project, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uuid,) = make.added(project, make.drawn(1))
    project.do(do.SetGeometry({uuid: make.square(0)}, "move"))
    size = project._journal._size
    monkeypatch.setattr(journals, "MAX_BYTES", size + 2500)
    for n in range(1, 40):
        project.do(do.SetGeometry({uuid: make.square(n)}, "move"))
        assert project._journal._size <= size + 2500
    steps = 0
    while project.undo(1) is not None:
        steps += 1
    assert 3 < steps < 30
    record = project.object(uuid)
    assert record is not None and record.geometry.box[0] == 39 - steps


def test_the_oldest_steps_are_dropped_by_age(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    long_ago = time.time() - (journals.MAX_AGE_DAYS + 1) * 86400
    project._connection.execute("UPDATE entries SET time = ?", (long_ago,))
    make.added(project, make.drawn(1))
    project.close()
    with Project.open(project.path) as again:
        assert again.undo() is not None and again.undo() is None


def test_one_step_that_is_larger_than_the_bound_can_still_be_undone(
    project: Project, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.added(project, *(make.drawn(1) for _ in range(20)))
    before = make.dump(project)
    monkeypatch.setattr(journals, "MAX_BYTES", 100)
    project.do(do.RemoveImages([1]))
    assert project.undo() is not None
    assert make.dump(project) == before


def test_dropping_an_undone_step_ends_all_redo(
    project: Project, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uuid,) = make.added(project, make.drawn(1))
    project.do(do.SetGeometry({uuid: make.square(30)}, "move"))
    for _ in range(4):
        project.undo()
    project.do(do.AddImages([project.root / "9.jpg"]))
    with project._transaction():
        monkeypatch.setattr(journals, "MAX_BYTES", 1)
        project._journal.prune()
    assert project.redo() is None
    assert project._connection.execute("SELECT count(*) FROM entry_rows").fetchone()[0] == 0


# --------------------------------------------------------------------------------------------- cost


def test_what_an_edit_writes_does_not_depend_on_the_other_objects(project: Project, make: Any) -> None:
    def written() -> int:
        uuid = project.objects(1)[0].uuid
        before = project._connection.total_changes
        project.do(do.SetGeometry({uuid: make.square(project._connection.total_changes % 97)}, "move"))
        return project._connection.total_changes - before

    make.added(project, make.drawn(1))
    alone = written()
    make.added(project, *(make.drawn(1) for _ in range(200)))
    assert written() == alone <= 6
