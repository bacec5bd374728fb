"""What each command does to the project, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.project import CocoValues, CommandError, Geometry, ObjectRecord, Project
from app.project.commands import (
    AddClass,
    AddImages,
    AddObjects,
    Batch,
    Command,
    DeleteClass,
    DeleteObjects,
    EditClass,
    MergeClasses,
    NewImage,
    RemoveImages,
    Reorder,
    SetClass,
    SetFlags,
    SetGeometry,
    SetImageFacts,
    SetImageState,
    SetInfo,
    SetSetting,
    SetState,
    threshold_key,
)

COCO = CocoValues([[1.25, 1, 5, 1, 5, 5.123456789]], 7.5, (1, 1, 4, 4))


def the(project: Project, uuid: str) -> ObjectRecord:
    record = project.object(uuid)
    assert record is not None
    return record


# ------------------------------------------------------------------------------------------- objects


def test_an_object_comes_back_as_it_was_added(project: Project, make: Any) -> None:
    given = replace(
        make.proposed(2, score=0.1234), iscrowd=True, hidden=True, locked=True, coco=COCO, extra={"a": [1]}
    )
    (uuid,) = make.added(project, given)
    found = the(project, uuid)
    assert found.geometry.polygons[0].outer.tolist() == given.geometry.polygons[0].outer.tolist()
    assert replace(found, geometry=given.geometry) == replace(given, z=1, coco_id=1)
    assert found.provenance == given.provenance
    assert list(found.provenance) == ["uuid", "state", "made_by", "edits", "created"]
    assert found.by_model and found.score == 0.1234


def test_objects_come_on_top_and_are_put_in_order(project: Project, make: Any) -> None:
    first, second, third = make.added(project, *(make.drawn(1, x=x) for x in (10, 20, 30)))
    make.added(project, make.drawn(2))
    project.do(Reorder(1, [third, first, second]))
    assert [record.uuid for record in project.objects(1)] == [third, first, second]
    (top,) = make.added(project, make.drawn(1))
    assert [record.uuid for record in project.objects(1)] == [third, first, second, top]
    with pytest.raises(CommandError, match="every object of the image once"):
        project.do(Reorder(1, [third, first, second]))


@pytest.mark.parametrize(
    ("state", "expected"),
    [("drawn", "drawn"), ("proposed", "corrected"), ("accepted", "corrected"), ("rejected", "corrected")],
)
def test_an_edited_object_is_corrected_unless_it_was_drawn(
    project: Project, make: Any, state: str, expected: str
) -> None:
    record = make.drawn(1) if state == "drawn" else replace(make.proposed(1), state=state)
    (uuid,) = make.added(project, replace(record, coco=COCO))
    project.do(SetGeometry({uuid: make.square(20)}, "move"))
    edited = the(project, uuid)
    assert (edited.state, edited.coco, edited.geometry.box) == (expected, None, (20, 10, 40, 30))


def test_edits_record_their_tool_and_the_iou_to_the_proposal(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.proposed(1, x=10))
    for x, tool in ((15, "move"), (20, "move"), (10, "brush"), (20, "move")):
        project.do(SetGeometry({uuid: make.square(x)}, tool))
    edits = the(project, uuid).edits
    assert [(edit["tool"], edit["iou_to_proposal"]) for edit in edits] == [
        ("move", 0.3333),
        ("brush", 1.0),
        ("move", 0.3333),
    ]
    assert all(edit["time"].endswith("+00:00") for edit in edits)
    (by_hand,) = make.added(project, make.drawn(1))
    project.do(SetGeometry({by_hand: make.square(20)}, "move"))
    assert [edit["iou_to_proposal"] for edit in the(project, by_hand).edits] == [None]


def test_a_geometry_that_is_the_same_changes_nothing(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.proposed(1, x=10))
    change = project.do(SetGeometry({uuid: make.square(10.001)}, "move"))
    assert change.objects == frozenset() and the(project, uuid).state == "proposed"
    assert project.undo_label() == "Propose object"


def test_relabelling_keeps_coco_values_and_corrects_proposals(project: Project, make: Any) -> None:
    by_model, by_hand = make.added(
        project, replace(make.proposed(1), coco=COCO), replace(make.drawn(1), coco=COCO)
    )
    project.do(SetClass([by_model, by_hand], 2))
    proposal, own = the(project, by_model), the(project, by_hand)
    assert (proposal.class_id, proposal.state, proposal.coco) == (2, "corrected", COCO)
    assert [(edit["tool"], edit["iou_to_proposal"]) for edit in proposal.edits] == [("relabel", 1.0)]
    assert (own.class_id, own.state, own.coco) == (2, "drawn", COCO)


def test_decisions_about_proposals(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, replace(make.proposed(1), coco=COCO))
    project.do(SetState([uuid], "rejected"))
    assert (the(project, uuid).state, the(project, uuid).coco) == ("rejected", COCO)
    project.do(SetState([uuid], "accepted"))
    assert (the(project, uuid).state, the(project, uuid).coco) == ("accepted", None)
    project.do(SetGeometry({uuid: make.square(11)}, "move"))
    project.do(SetState([uuid], "rejected"))
    project.do(SetState([uuid], "accepted"))
    assert the(project, uuid).state == "corrected", "an accepted object with edits is a corrected one"
    project.do(SetState([uuid], "proposed"))
    assert the(project, uuid).state == "proposed"


def test_flags(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.drawn(1))
    project.do(SetFlags([uuid], locked=True, iscrowd=True))
    project.do(SetFlags([uuid], hidden=True, locked=None))
    found = the(project, uuid)
    assert (found.locked, found.hidden, found.iscrowd) == (True, True, True)
    project.do(SetFlags([uuid], locked=False))
    assert the(project, uuid).locked is False


def test_a_locked_object_is_not_edited_and_nothing_of_the_command_stays(project: Project, make: Any) -> None:
    free, locked = make.added(project, make.proposed(1), replace(make.proposed(1), locked=True))
    before = make.dump(project)
    both = [free, locked]
    commands: list[Command] = [
        DeleteObjects(both),
        SetClass(both, 2),
        SetState(both, "accepted"),
        SetGeometry(dict.fromkeys(both, make.square(50)), "move"),
        Batch([DeleteObjects([free]), DeleteObjects([locked])], "Delete both"),
    ]
    for command in commands:
        with pytest.raises(CommandError, match=r"1 of . objects are locked"):
            project.do(command)
        assert make.dump(project) == before
    assert project.undo_label() == "Propose 2 objects"


# ------------------------------------------------------------------------------------------- classes


def test_classes_get_colours_hotkeys_and_places(project: Project) -> None:
    project.do(AddClass("  Big   Dog ", color="#123456", hotkey="1", supercategory="animal"))
    cat, drier, dog = project.classes()
    assert (dog.name, dog.color, dog.hotkey, dog.supercategory) == ("Big Dog", "#123456", "1", "animal")
    assert (cat.hotkey, drier.hotkey) == ("", "2"), "the hotkey moves to the class that asked for it"
    assert len({cat.color, drier.color, dog.color}) == 3
    assert project.class_id("BIG dog") == dog.id
    project.do(EditClass(dog.id, name="wolf", position=0, hotkey="2", color="#000000"))
    assert [(c.name, c.hotkey) for c in project.classes()] == [("wolf", "2"), ("cat", ""), ("hair drier", "")]


def test_class_ids_are_never_used_again(project: Project) -> None:
    project.do(AddClass("dog", class_id=90))
    project.do(DeleteClass(90))
    project.do(AddClass("dog", class_id=90))
    assert project.class_id("dog") == 91
    project.do(AddClass("bus", class_id=5))
    assert project.class_id("bus") == 5, "an imported id that was never used is kept"
    project.do(AddClass("car"))
    project.undo()
    project.do(AddClass("van"))
    assert project.class_id("van") == 93, "92 may have been exported before it was undone"


def test_deleting_a_class_deletes_its_objects(project: Project, make: Any) -> None:
    cat, drier = make.added(project, make.drawn(1, 1), make.drawn(2, 2))
    project.do(DeleteClass(1))
    assert project.object(cat) is None and project.object(drier) is not None
    assert project.class_counts() == {2: {**dict.fromkeys(NO_OBJECTS, 0), "drawn": 1}}


NO_OBJECTS = ("proposed", "accepted", "corrected", "rejected", "drawn")


def test_merging_classes_keeps_states(project: Project, make: Any) -> None:
    cat, drier = make.added(project, make.proposed(1, 1), make.drawn(2, 2))
    project.do(MergeClasses([1], 2))
    assert [(the(project, uuid).class_id, the(project, uuid).state) for uuid in (cat, drier)] == [
        (2, "proposed"),
        (2, "drawn"),
    ]
    assert [record.id for record in project.classes()] == [2]


# -------------------------------------------------------------------------------------------- images


def test_images_are_listed_once_as_a_person_would_sort_them(project: Project, tmp_path: Path) -> None:
    outside = tmp_path.parent / "elsewhere.png"
    project.do(AddImages([tmp_path / "1.jpg", tmp_path / "2.jpg", outside]))
    names = [record.name for record in project.images(project.image_ids())]
    assert names == ["1.jpg", "2.jpg", "10.jpg", outside.as_posix(), "beach/Été.jpg"]
    assert project.image_id(outside) == 5 and project.image(5).path == outside
    assert project.image_id(tmp_path / "2.jpg") == 1


def test_imported_image_ids_are_kept_where_they_are_free(project: Project) -> None:
    project.do(AddImages([NewImage(Path("x.jpg"), image_id=70), NewImage(Path("y.jpg"), image_id=2)]))
    assert sorted(project.image_ids()) == [1, 2, 3, 70, 71]


def test_facts_of_an_image_are_read_later(project: Project, tmp_path: Path) -> None:
    project.do(AddImages([tmp_path / "new.jpg"]))
    assert project.image(4).size is None
    project.do(SetImageFacts(4, width=30, height=20, orientation=6))
    project.do(SetImageFacts(4, file_size=1234, sha256="ff"))
    found = project.image(4)
    assert (found.size, found.orientation, found.file_size, found.sha256) == ((20, 30), 6, 1234, "ff")
    assert project.undo_label() == "Add class hair drier", "what was read from a file is no step of undo"


def test_a_name_that_is_no_text_is_skipped_and_said(project: Project, tmp_path: Path) -> None:
    change = project.do(AddImages([tmp_path / "bad\udcff.jpg", tmp_path / "good.jpg"]))
    assert len(change.images) == 1
    assert len(change.skipped) == 1 and "bad\\udcff.jpg" in change.skipped[0]


def test_counts_and_status_of_an_image(project: Project, make: Any) -> None:
    assert project.image(1).status == "new"
    uuids = make.added(project, make.drawn(1), make.proposed(1, score=0.25), make.proposed(1, score=0.75))
    image = project.image(1)
    assert (image.counts["drawn"], image.counts["proposed"], image.status) == (1, 2, "proposals")
    assert (image.min_score, image.max_score) == (0.25, 0.75)
    project.do(SetState(uuids[1:], "accepted"))
    image = project.image(1)
    assert (image.counts["accepted"], image.status, image.min_score) == (2, "started", None)
    project.do(SetImageState([1], finished=True, labelled_completely=True))
    assert (project.image(1).status, project.image(1).labelled_completely) == ("finished", True)
    project.do(DeleteObjects(uuids))
    assert set(project.image(1).counts.values()) == {0}


def test_removing_an_image_removes_its_objects(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.drawn(2))
    change = project.do(RemoveImages([2]))
    assert project.object(uuid) is None and project.image_ids() == [1, 3] and change.image_list
    with pytest.raises(KeyError):
        project.image(2)


# --------------------------------------------------------------------------------------- the project


def test_info_licenses_and_settings(project: Project) -> None:
    assert (project.info(), project.licenses(), project.threshold(1, 0.3)) == ({}, [], 0.3)
    project.do(SetInfo(info={"description": "Küche"}))
    project.do(SetInfo(licenses=[{"id": 1, "name": "CC BY"}]))
    project.do(SetSetting(threshold_key(1), 0.45))
    assert project.info() == {"description": "Küche"}
    assert project.licenses() == [{"id": 1, "name": "CC BY"}]
    assert project.threshold(1, 0.3) == 0.45
    project.do(SetSetting(threshold_key(1), None))
    assert project.threshold(1, 0.3) == 0.3
    assert project.undo_label() == "Edit the project's information"


def test_subscribers_hear_what_was_touched(project: Project, make: Any) -> None:
    heard: list[Any] = []
    unsubscribe = project.subscribe(heard.append)
    record = make.drawn(2)
    returned = project.do(AddObjects([record]))
    project.undo(2)
    project.do(EditClass(1, color="#ffffff"))
    project.do(SetInfo(info={"year": 2026}))
    project.do(SetSetting("theme", "dark"))
    project.do(EditClass(1, color="#ffffff"))
    assert [change.kind for change in heard] == ["do", "undo", "do", "do", "do"], "the last changed nothing"
    assert heard[0] is returned and heard[0].images == {2} and heard[0].objects == {record.uuid}
    assert heard[1].objects == {record.uuid} and heard[2].classes == {1}
    assert heard[3].info and heard[4].settings == {"theme"}
    unsubscribe()
    project.do(EditClass(1, color="#000000"))
    assert len(heard) == 5


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (AddClass(" "), "empty"),
        (AddClass("CAT"), "there is a class 'cat' already"),
        (AddClass("dog", hotkey="F1"), "single key"),
        (EditClass(1, name="hair  DRIER"), "there is a class 'hair drier' already"),
        (EditClass(7), "class 7 does not exist"),
        (DeleteClass(7), "class 7 does not exist"),
        (MergeClasses([1], 1), "into itself"),
        (MergeClasses([1], 7), "class 7 does not exist"),
        (DeleteObjects(["no such"]), "1 of 1 objects do not exist"),
        (SetState(["drawn"], "accepted"), "no proposal"),
        (SetState(["drawn"], "corrected"), "follows from its edits"),
        (SetClass(["drawn"], 7), "does not exist"),
        (SetGeometry({"drawn": Geometry.from_mask({"size": [2, 2], "counts": "04"})}, "brush"), "2 x 2"),
        (SetImageState([9], finished=True), "image 9 is not in the project"),
        (RemoveImages([9]), "image 9 is not in the project"),
    ],
)
def test_commands_that_do_not_fit_are_refused_whole(
    project: Project, make: Any, command: Command, message: str
) -> None:
    project.do(AddObjects([replace(make.drawn(1), uuid="drawn")]))
    before = make.dump(project)
    with pytest.raises(CommandError, match=message):
        project.do(command)
    assert make.dump(project) == before


def test_objects_need_their_image_and_class(project: Project, make: Any) -> None:
    with pytest.raises(CommandError, match="image 9 is not in the project"):
        project.do(AddObjects([make.drawn(1), make.drawn(9)]))
    with pytest.raises(CommandError, match="does not exist"):
        project.do(AddObjects([make.drawn(1), make.drawn(1, class_id=9)]))
    with pytest.raises(ValueError, match="state must be one of"):
        replace(make.drawn(1), state="maybe")
    assert project.objects(1) == []


def test_ids_of_a_file_are_kept_where_they_are_free(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    wanted = [None, 3, 1, 3, 2]
    project.do(AddObjects([replace(make.drawn(1), coco_id=coco_id) for coco_id in wanted]))
    assert [record.coco_id for record in project.objects(1)] == [1, 4, 3, 5, 6, 2]
    make.added(project, make.drawn(1))
    assert project.objects(1)[-1].coco_id == 7
