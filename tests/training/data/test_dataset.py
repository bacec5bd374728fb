"""From annotation files to training targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training import data
from training.data import (
    Sample,
    SetCounts,
    TrainingImages,
    WeightedEpochs,
    collate,
    image_weights,
    read_samples,
)
from training.recipe import DataSpec, Recipe
from training.transforms import View
from zsi_core.errors import AnnotationError, ImageError, TrainingError
from zsi_core.model import Target

CLASSES = ("dog", "car", "hair drier")


def thing(category_id: int, *bbox: float, **more: Any) -> dict[str, Any]:
    return {"category_id": category_id, "bbox": list(bbox), **more}


@pytest.fixture
def unchanged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the random view by a fixed one, and leave the colours alone."""

    def use(scale: float = 1.0, left: float = 0.0, top: float = 0.0) -> None:
        def view(height: int, width: int, canvas: int, scale_range: object, rng: object) -> View:
            size = (min(canvas, int(height * scale - top)), min(canvas, int(width * scale - left)))
            return View(np.array([[scale, 0.0, -left], [0.0, scale, -top]]), size, canvas)

        monkeypatch.setattr(data, "random_view", view)

    monkeypatch.setattr(data, "random_colour", lambda image, rng: image)
    use()
    return use


@pytest.fixture
def targets_of(tmp_path: Path, make_recipe: Callable[..., Recipe], unchanged: object):
    """Targets of every image of sets, in file order."""

    def read(*sets: DataSpec, **options: Any) -> list[Target]:
        recipe = make_recipe(*sets, canvas=80)
        samples, _ = read_samples(recipe, tmp_path, CLASSES)
        images = TrainingImages(samples, recipe, 4, **options)
        return [images[i][2] for i in range(len(images))]

    return read


# ---------------------------------------------------------------- reading sets


def test_classes_are_matched_by_name_not_by_id(write_set, targets_of) -> None:
    first = write_set("first", {1: "dog", 2: "car"}, [[thing(1, 0, 0, 20, 20), thing(2, 20, 20, 30, 30)]])
    second = write_set(
        "second", {1: "Car", 2: "Hair  Drier", 7: "DOG"}, [[thing(i, 0, 0, 20, 20) for i in (1, 2, 7)]]
    )
    assert [target.labels.tolist() for target in targets_of(first, second)] == [[0, 1], [1, 2, 0]]


def test_what_an_image_becomes(write_set, make_recipe, tmp_path, unchanged) -> None:
    unchanged(scale=0.5)
    spec = write_set("a", {1: "dog"}, [[thing(1, 20, 10, 40, 30)]])
    recipe = make_recipe(spec, canvas=48)
    samples, counts = read_samples(recipe, tmp_path, CLASSES)
    image, size, target = TrainingImages(samples, recipe, 4)[0]
    assert image.shape == (3, 48, 48)
    assert image.dtype == torch.uint8
    assert size == (32, 40)
    assert image[:, 10, 20].tolist() == [40, 230, 40]
    assert (image[:, 32:] == 127).all()
    assert target.boxes.tolist() == [[10, 5, 30, 20]]
    assert target.labels.dtype == torch.int64
    expected = torch.zeros(1, 48, 48, dtype=torch.uint8)
    expected[0, 5:20, 10:30] = 1
    assert torch.equal(target.masks, expected)
    assert target.has_mask.tolist() == [True]
    assert target.ignore.shape == (0, 4)
    assert target.complete
    assert target.teacher is None
    assert counts == [SetCounts("a", 1, 1, 0, 0, 0)]


def test_crowds_are_ignored_regions(write_set, targets_of) -> None:
    crowd = thing(1, 30, 10, 40, 50, iscrowd=1)
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20), crowd], [crowd]])
    (target,) = targets_of(spec)  # an image of nothing but a crowd teaches nothing
    assert target.boxes.tolist() == [[0, 0, 20, 20]]
    assert target.ignore.tolist() == [[30, 10, 70, 60]]


def test_objects_mostly_cropped_away_are_ignored_regions(write_set, targets_of, unchanged) -> None:
    unchanged(left=16)
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 10, 20, 20), thing(1, 6, 40, 30, 20)]])
    (target,) = targets_of(spec)
    assert target.boxes.tolist() == [[0, 40, 20, 60]]
    assert target.ignore.tolist() == [[0, 10, 4, 30]]
    assert target.masks.shape[0] == target.labels.shape[0] == target.has_mask.shape[0] == 1


def test_an_image_that_lost_all_its_objects(write_set, targets_of, unchanged) -> None:
    unchanged(left=60)
    (target,) = targets_of(write_set("a", {1: "dog"}, [[thing(1, 0, 10, 20, 20)]]))
    assert target.boxes.shape == (0, 4)
    assert target.masks.shape == (0, 80, 80)
    assert target.labels.shape == target.has_mask.shape == (0,)


def test_masks_train_where_they_are_said_to_be_good(write_set, targets_of) -> None:
    objects = [
        thing(1, 0, 0, 20, 20, has_mask=1),
        thing(1, 20, 20, 20, 20, has_mask=0),
        thing(1, 40, 20, 20, 20),
        thing(1, 60, 20, 20, 20, segmentation=[], has_mask=1),
    ]
    chosen = write_set("chosen", {1: "dog"}, [objects], masks="has_mask")
    every = write_set("every", {1: "dog"}, [objects])
    by_flag, by_segmentation = targets_of(chosen, every)
    assert by_flag.has_mask.tolist() == [True, False, False, False]
    assert by_segmentation.has_mask.tolist() == [True, True, True, False]
    assert by_flag.masks.flatten(1).any(dim=1).tolist() == by_flag.has_mask.tolist()
    assert len(by_flag.boxes) == len(by_segmentation.boxes) == 4, "boxes train all the same"


def test_an_object_whose_mask_is_cropped_away_trains_its_box(write_set, targets_of, unchanged) -> None:
    unchanged(left=8)
    left_edge = [[0, 0, 4, 0, 4, 20, 0, 20]]
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20, segmentation=left_edge)]])
    (target,) = targets_of(spec)
    assert target.boxes.tolist() == [[0, 0, 12, 20]]
    assert target.has_mask.tolist() == [False]


@pytest.mark.parametrize(("labelled", "complete"), [("all", True), (("dog", "car"), False), ((), False)])
def test_partly_labelled_sets_know_no_background(labelled, complete, write_set, targets_of) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]], labelled=labelled)
    (target,) = targets_of(spec)
    assert target.complete is complete


def test_images_that_show_an_unseen_class_are_left_out(write_set, make_recipe, tmp_path, unchanged) -> None:
    categories = {1: "dog", 2: "Cat", 3: "gravel"}
    dog, cat, gravel = (thing(i, 10 * i, 0, 20, 20) for i in categories)
    images = [[dog], [dog, cat], [dog, {**cat, "iscrowd": 1}], [dog, gravel, gravel], [gravel], []]
    spec = write_set("a", categories, images)
    recipe = make_recipe(spec, canvas=80)
    samples, counts = read_samples(recipe, tmp_path, CLASSES, unseen=("cat",))
    assert [sample.path.name for sample in samples] == ["0.png", "3.png"]
    assert counts == [
        SetCounts("a", images=2, objects=2, images_with_unseen=2, images_without_objects=2, other_objects=2)
    ]
    target = TrainingImages(samples, recipe, 4)[1][2]
    assert target.boxes.tolist() == [[10, 0, 30, 20]]
    assert target.ignore.tolist() == [[30, 0, 50, 20]] * 2, "what has no name here is no background either"


def test_nothing_left_to_train_on(write_set, make_recipe, tmp_path) -> None:
    categories = {1: "dog", 2: "cat", 3: "gravel"}
    dog, cat, gravel = (thing(i, 10 * i, 0, 20, 20) for i in categories)
    first = write_set("first", categories, [[dog, cat], [cat]])
    second = write_set("second", categories, [[gravel]])
    with pytest.raises(TrainingError) as error:
        read_samples(make_recipe(first, second), tmp_path, CLASSES, unseen=("cat",))
    assert (
        "no image of first, second is left to train on: 2 show an object of an unseen class, 1 none"
        in str(error.value)
    )


# ---------------------------------------------------------------- faulty data


def test_a_missing_annotation_file_is_named(make_recipe, tmp_path) -> None:
    with pytest.raises(AnnotationError, match=r"gone.json does not exist"):
        read_samples(make_recipe(DataSpec("a", "gone.json", "a")), tmp_path, CLASSES)


def test_a_missing_image_is_named(write_set, targets_of, tmp_path) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]])
    (tmp_path / "a" / "0.png").unlink()
    with pytest.raises(ImageError, match=r"0.png does not exist"):
        targets_of(spec)


def test_an_image_of_another_size_than_its_annotations(write_set, targets_of, tmp_path) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]])
    labels = tmp_path / "a" / "labels.json"
    labels.write_text(labels.read_text().replace('"width": 80', '"width": 160'))
    with pytest.raises(
        TrainingError, match=r"0.png has 80 x 64 pixels, but .*labels.json are made for 160 x 64"
    ):
        targets_of(spec)


def test_a_malformed_segmentation_is_named_with_its_file(write_set, targets_of) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20, segmentation=[[1, 2, 3]])]])
    with pytest.raises(
        TrainingError, match=r"a/labels.json: segmentation of annotation 1: polygon 0 must be"
    ):
        targets_of(spec)


# ---------------------------------------------------------------- teacher vectors


def save_teacher(path: Path, ids: list[int], vectors: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    np.savez(path, ids=np.array(ids), vectors=vectors.astype(np.float16))


def test_teacher_vectors_follow_their_objects(write_set, targets_of, tmp_path, unchanged) -> None:
    unchanged(left=30)
    objects = [thing(1, 0, 0, 20, 20), thing(1, 40, 0, 20, 20), thing(1, 40, 30, 20, 20)]
    taught = write_set("taught", {1: "dog"}, [objects])
    untaught = write_set("untaught", {1: "dog"}, [objects])
    save_teacher(tmp_path / "teacher" / "taught.npz", [1, 3], np.eye(4)[[0, 2]])
    first, second = targets_of(taught, untaught, teacher_dir=tmp_path / "teacher")
    assert first.teacher is not None
    assert first.teacher.dtype == torch.float32
    assert first.teacher.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0]], "of annotations 2 and 3; 1 is cropped away"
    assert second.teacher is not None
    assert not second.teacher.any()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder: None, "teacher holds no teacher vectors: write them with"),
        (lambda folder: save_teacher(folder / "a.npz", [1], np.ones((1, 5))), r"must hold .* shape \(1, 4\)"),
        (lambda folder: (folder / "a.npz").write_bytes(b"no archive"), r"a.npz cannot be read \("),
        (lambda folder: (folder / "a.npz").write_bytes(b"PK\x03\x04"), r"a.npz cannot be read \("),
        (lambda folder: np.savez(folder / "a.npz", ids=[1]), r"a.npz cannot be read \("),
        (
            lambda folder: np.savez(folder / "a.npz", ids=[1], vectors=np.array([{}], dtype=object)),
            r"a.npz cannot be read \(Object arrays cannot be loaded",
        ),
    ],
)  # fmt: skip
def test_faulty_teacher_files(write, message, write_set, targets_of, tmp_path) -> None:
    (tmp_path / "teacher").mkdir()
    write(tmp_path / "teacher")
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]])
    with pytest.raises(TrainingError, match=message):
        targets_of(spec, teacher_dir=tmp_path / "teacher")


# ---------------------------------------------------------------- sampling and batching


def samples_with(*rows: tuple[int, ...], repeat: float = 1.0) -> list[Sample]:
    """Samples of which only the classes count."""
    spec = DataSpec("a", "a.json", "a", repeat=repeat)
    none = np.zeros((0, 4), dtype=np.float32)
    return [Sample(Path(), (1, 1), tuple((None, row) for row in image), none, spec) for image in rows]  # type: ignore[misc]


def test_images_of_rare_classes_are_repeated() -> None:
    # Class 0 is in 4 of 4 images, class 1 in 2, class 2 in 1.
    samples = samples_with((0, 0), (0, 1), (0, 1, 1), (0, 2))
    assert image_weights(samples, 0.0) == pytest.approx([1, 1, 1, 1])
    assert image_weights(samples, 0.5) == pytest.approx([1, 1, 1, 2**0.5])
    assert image_weights(samples, 1.0) == pytest.approx([1, 2**0.5, 2**0.5, 2])


def test_the_repeat_of_a_set_multiplies() -> None:
    samples = samples_with((0,), (0, 1)) + samples_with((0,), (0,), repeat=0.25)
    assert image_weights(samples, 1.0) == pytest.approx([1, 2, 0.25, 0.25])


def test_epochs_hold_whole_weights_exactly_and_are_shuffled() -> None:
    stream = list(islice(WeightedEpochs(np.array([1.0, 2.0, 5.0]), seed=3), 24))
    epochs = [stream[i : i + 8] for i in (0, 8, 16)]
    assert [Counter(epoch) for epoch in epochs] == [Counter({0: 1, 1: 2, 2: 5})] * 3
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_fractions_of_weights_come_out_on_average() -> None:
    weights = np.array([0.25, 1.0, 1.75])
    drawn = Counter(islice(WeightedEpochs(weights, seed=0), 6000))
    shares = np.array([drawn[i] for i in range(3)]) / 6000
    assert shares == pytest.approx(weights / weights.sum(), abs=0.01)


def test_the_stream_of_images_is_seeded() -> None:
    weights = np.full(20, 1.5)
    first, again, other = (list(islice(WeightedEpochs(weights, seed), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_views_of_an_image_are_seeded_by_torch(write_set, make_recipe, tmp_path) -> None:
    recipe = make_recipe(write_set("a", {1: "dog"}, [[thing(1, 10, 10, 40, 40)]]))
    images = TrainingImages(read_samples(recipe, tmp_path, CLASSES)[0], recipe, 4)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(images[0][0])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], images[0][0]), "a new view every time"


def test_a_batch_is_channels_last(write_set, make_recipe, tmp_path) -> None:
    recipe = make_recipe(write_set("a", {1: "dog"}, [[thing(1, 10, 10, 40, 40)]] * 2))
    images = TrainingImages(read_samples(recipe, tmp_path, CLASSES)[0], recipe, 4)
    items = [images[0], images[1]]
    stacked, sizes, targets = collate(items)
    assert stacked.shape == (2, 3, 64, 64)
    assert stacked.dtype == torch.uint8
    assert stacked.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(image, item[0]) for image, item in zip(stacked, items, strict=True))
    assert sizes == [item[1] for item in items]
    assert targets == [item[2] for item in items]
