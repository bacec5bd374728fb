"""The everyday photographs that a retraining is shown, and how often."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from training.data import read_samples
from training.recipe import load_recipe
from training.retraining.rehearsal import NAME, rehearsal_set
from zsi_core.coco import read_coco
from zsi_core.files import resources_dir
from zsi_core.semantics import class_key
from zsi_core.semantics.split import load_split

FOLDER = resources_dir() / "rehearsal"
LICENCES = {4: "CC BY 2.0", 5: "CC BY-SA 2.0"}


def test_every_photograph_is_attributed_with_its_licence() -> None:
    text = (FOLDER / "ATTRIBUTION.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(.+?)` \|.*\| (CC BY.*?) \|$", text, re.MULTILINE))
    stated = {
        image.file_name: LICENCES[image.raw["license"]]
        for image in read_coco(FOLDER / "annotations.json").images
    }
    assert rows == stated
    assert {path.name for path in FOLDER.glob("*.jpg")} == set(rows)


def test_all_of_them_can_be_trained_on_and_none_shows_an_unseen_class() -> None:
    split = load_split("coco_65_15")
    content = read_coco(FOLDER / "annotations.json")
    shown = {
        content.category_keys[a.category_id]
        for image in content.images
        for a in content.annotations_of[image.id]
    }
    assert not shown & {class_key(name) for name in split.unseen}
    recipe = load_recipe("starter_65_15")
    samples, (counts,) = read_samples(
        replace(recipe, datasets=(rehearsal_set(10, 0.5),)), FOLDER, split.seen, split.unseen
    )
    assert (counts.name, counts.images, counts.faulty_images, counts.faulty_objects) == (
        NAME,
        len(samples),
        0,
        0,
    )
    assert len(samples) == len(content.images)


@pytest.mark.parametrize(("images", "share"), [(9, 0.5), (5000, 0.25)])
def test_a_share_of_what_is_drawn_is_rehearsal(images, share) -> None:
    spec = rehearsal_set(images, share)
    rehearsed = spec.repeat * len(read_coco(FOLDER / "annotations.json").images)
    assert rehearsed / (rehearsed + images) == pytest.approx(share)
