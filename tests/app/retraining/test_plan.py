"""What a retraining would do with a project, and the annotation files it trains on."""

import json

import pytest

from app.project import Geometry, ObjectRecord
from app.project.commands import AddObjects, SetImageFacts
from app.retraining.plan import make_plan, write_plan
from zsi_core.coco import image_path, read_coco
from zsi_core.errors import TrainingError
from zsi_core.retraining import COMPLETE, HELD_OUT, PARTIAL, RetrainingPlan

EVERYWHERE = list(range(20))


def test_classes_with_enough_labels_are_trained_and_the_others_are_named(make_project):
    plan = make_plan(make_project({"gear": EVERYWHERE, "bolt": EVERYWHERE * 2, "washer": [1, 2], "nut": []}))
    assert plan.trained == ("gear", "bolt")
    assert plan.left_out == ("washer",)
    assert plan.training_images + plan.held_out_images == 20
    assert 0 < plan.held_out_images < 10
    gear, bolt, _ = plan.classes
    assert (gear.objects, gear.images, gear.held_out) == (
        plan.training_images,
        plan.training_images,
        plan.held_out_images,
    )
    assert bolt.objects == 2 * gear.objects
    assert plan.problem == ""
    assert any("“washer”" in warning and "not trained" in warning for warning in plan.warnings)


def test_what_is_held_out_stays_so_when_images_are_added(make_project, tmp_path):
    def held_out(project) -> set[str]:
        folder = tmp_path / f"run {len(list(tmp_path.glob('run*')))}"
        folder.mkdir()
        write_plan(project, make_plan(project), folder)
        return {image.file_name for image in read_coco(folder / HELD_OUT).images}

    project = make_project({"gear": EVERYWHERE})
    first = held_out(project)
    project.close()
    project = make_project({}, images=40)
    ids = project.image_ids()
    box = Geometry.from_box((5.0, 5.0, 25.0, 30.0))
    project.do(
        AddObjects([ObjectRecord.drawn(i, project.class_id("gear"), box, "rectangle") for i in ids[20:]])
    )
    second = held_out(project)
    assert first < second
    assert first == {name for name in second if int(name.removesuffix(".png")) < 20}


def test_only_images_marked_as_labelled_completely_teach_background(make_project, tmp_path):
    project = make_project({"gear": EVERYWHERE}, complete=False)
    plan = make_plan(project)
    assert plan.complete_images == 0
    assert any("background" in warning for warning in plan.warnings)
    write_plan(project, plan, tmp_path)
    assert not read_coco(tmp_path / COMPLETE).images
    assert len(read_coco(tmp_path / PARTIAL).images) == plan.training_images
    everything = make_plan(project, all_complete=True)
    assert everything.complete_images == plan.training_images
    assert not any("background" in warning for warning in everything.warnings)
    write_plan(project, everything, tmp_path)
    assert not read_coco(tmp_path / PARTIAL).images


def test_the_files_find_the_images_and_proposals_are_no_labels(make_project, tmp_path):
    project = make_project({"gear": EVERYWHERE})
    first = project.image_ids()[0]
    made_by = {"model": "starter", "score": 0.9}
    proposal = ObjectRecord.of_provenance(
        first,
        project.class_id("gear"),
        Geometry.from_box((1.0, 1.0, 9.0, 9.0)),
        {"uuid": "", "state": "proposed", "made_by": made_by, "created": "2026-01-01T00:00:00+00:00"},
    )
    project.do(AddObjects([proposal]))
    plan = make_plan(project)
    assert sum(c.objects + c.held_out for c in plan.classes) == 20
    write_plan(project, plan, tmp_path)
    assert RetrainingPlan.read(tmp_path) == plan
    for name in (COMPLETE, HELD_OUT):
        content = read_coco(tmp_path / name)
        assert content.images
        assert all(image_path(project.root, image).is_file() for image in content.images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"gear": []}, "holds no labelled object"),
        ({"gear": [1, 2, 3]}, "no class of .* has enough labels.*“gear” has"),
        ({"gear": [4] * 30}, "no class of .* has enough labels.* in 1"),
    ],
)
def test_too_little_data_is_said_and_nothing_is_written(make_project, tmp_path, labels, message):
    project = make_project(labels)
    plan = make_plan(project)
    with pytest.raises(TrainingError, match=message):
        write_plan(project, plan, tmp_path)
    assert not (tmp_path / COMPLETE).exists()


def test_one_class_alone_can_be_trained_but_is_told(make_project):
    plan = make_plan(make_project({"gear": EVERYWHERE}))
    assert plan.problem == ""
    assert any("Only one class" in warning for warning in plan.warnings)


def test_images_that_are_not_there_are_left_out_and_told(make_project):
    project = make_project({"bolt": EVERYWHERE, "nut": EVERYWHERE})
    before = make_plan(project)
    for name in ("3.png", "4.png"):
        image = project.image_id(project.root / name)
        project.do(SetImageFacts(image, width=60, height=40, file_size=100))  # it was opened before
        (project.root / name).unlink()
    plan = make_plan(project)
    images = [each.training_images + each.held_out_images for each in (before, plan)]
    assert images == [20, 18]
    (told,) = [warning for warning in plan.warnings if "cannot be found" in warning]
    assert told.startswith("2 images with labels cannot be found and will be left out (")
    assert "3.png" in told


def test_boxes_without_masks_are_counted(make_project):
    plan = make_plan(make_project({"gear": EVERYWHERE}))
    assert any(
        f"{plan.training_images} objects have only a box, which teaches no mask" in warning
        for warning in plan.warnings
    )


@pytest.mark.parametrize("content", [{"project": "a"}, [], {}])
def test_a_foreign_plan_is_refused(tmp_path, content):
    (tmp_path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(TrainingError, match="start the retraining anew"):
        RetrainingPlan.read(tmp_path)
