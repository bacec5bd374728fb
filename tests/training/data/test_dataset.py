"""From a draw to an image with its target, and to batches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from training.data import Batch, Batches, Draw, Item, TrainingImages, collate
from training.data.dataset import MOST_LOST
from zsi_core.errors import TrainingError
from zsi_core.model import Target

CANVAS = (80, 80)


def thing(category_id: int, *bbox: float, **more: Any) -> dict[str, Any]:
    return {"category_id": category_id, "bbox": list(bbox), **more}


def same(first: Item, second: Item) -> bool:
    """Whether two images and all their labels are equal."""
    return torch.equal(first.image, second.image) and all(
        torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other
        for value, other in zip(vars(first.target).values(), vars(second.target).values(), strict=True)
    )


# ---------------------------------------------------------------- one image


def test_what_an_image_becomes(write_set, items_of, unchanged) -> None:
    unchanged(scale=0.5)
    (item,) = items_of(write_set("a", {1: "dog"}, [[thing(1, 20, 10, 40, 30)]]), canvases=((48, 56),))
    assert item.image.shape == (3, 48, 56)
    assert item.image.dtype == torch.uint8
    assert item.size == (32, 40)
    assert item.image[:, 10, 20].tolist() == [40, 230, 40]
    assert (item.image[:, 32:] == 127).all()
    target = item.target
    assert target.boxes.tolist() == [[10, 5, 30, 20]]
    assert target.labels.tolist() == [0]
    assert target.labels.dtype == torch.int64
    expected = torch.zeros(1, 48, 56, dtype=torch.uint8)
    expected[0, 5:20, 10:30] = 1
    assert torch.equal(target.masks, expected)
    assert target.has_mask.tolist() == [True]
    assert target.ignore.shape == (0, 4)
    assert target.complete
    assert target.teacher is target.taught_boxes is target.taught_vectors is None
    assert item.lost == ()


def test_objects_mostly_cropped_away_are_ignored_regions(write_set, items_of, unchanged) -> None:
    unchanged(left=16)
    crowd = thing(1, 30, 10, 40, 50, iscrowd=1)
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 10, 20, 20), thing(1, 6, 40, 30, 20), crowd]])
    (item,) = items_of(spec)
    assert item.target.boxes.tolist() == [[0, 40, 20, 60]]
    assert item.target.ignore.tolist() == [[14, 10, 54, 60], [0, 10, 4, 30]]
    assert len(item.target.masks) == len(item.target.labels) == len(item.target.has_mask) == 1


def test_an_image_that_lost_all_its_objects(write_set, items_of, unchanged) -> None:
    unchanged(left=60)
    (item,) = items_of(write_set("a", {1: "dog"}, [[thing(1, 0, 10, 20, 20)]]))
    assert item.target.boxes.shape == (0, 4)
    assert item.target.masks.shape == (0, 80, 80)
    assert item.target.labels.shape == item.target.has_mask.shape == (0,)
    assert item.target.has_mask.dtype == torch.bool


def test_objects_without_a_mask_train_their_boxes(write_set, items_of, unchanged) -> None:
    unchanged(left=8)
    left_edge = [[0, 0, 4, 0, 4, 20, 0, 20]]
    objects = [
        thing(1, 0, 0, 20, 20, segmentation=left_edge),  # its mask is cropped away
        thing(1, 20, 20, 20, 20, segmentation=[]),
        thing(1, 40, 20, 20, 20),
    ]
    (item,) = items_of(write_set("a", {1: "dog"}, [objects]))
    assert item.target.boxes.tolist() == [[0, 0, 12, 20], [12, 20, 32, 40], [32, 20, 52, 40]]
    assert item.target.has_mask.tolist() == [False, False, True]
    assert item.target.masks.flatten(1).any(dim=1).tolist() == [False, False, True]


@pytest.mark.parametrize(("labelled", "complete"), [("all", True), (("dog", "car"), False), ((), False)])
def test_partly_labelled_sets_know_no_background(labelled, complete, write_set, items_of) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]], labelled=labelled)
    (item,) = items_of(spec)
    assert item.target.complete is complete


def test_colours_change_unless_the_recipe_says_otherwise(write_set, make_images, unchanged) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 10, 10, 40, 40)]])
    plain, coloured = (make_images(spec, colour_jitter=jitter)[Draw(0, 0, CANVAS)] for jitter in (0.0, 0.4))
    assert plain.image[:, 0, 0].tolist() == [60, 60, 60]
    assert coloured.image[:, 0, 0].tolist() != [60, 60, 60]
    assert torch.equal(plain.target.masks, coloured.target.masks)
    assert (coloured.image[:, 64:] == 127).all(), "the margin stays grey"


# ---------------------------------------------------------------- chance


@pytest.fixture
def noisy_set(write_set, tmp_path: Path):
    """Five images of noise with two objects each."""
    objects = [thing(1, 8, 8, 30, 30), thing(2, 30, 24, 40, 36)]
    spec = write_set("noisy", {1: "dog", 2: "car"}, [objects] * 5)
    for number in range(5):
        noise = np.random.default_rng(number).integers(0, 256, (64, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "noisy" / f"{number}.png"), noise)
    return spec


CHANCE = {"colour_jitter": 0.3, "copy_paste": 0.7, "canvases": ((96, 64), (64, 96)), "batch_size": 4}


def run_of(images: TrainingImages, count: int, workers: int = 0, **shared: int) -> list[Batch]:
    loader = DataLoader(
        images,
        batch_sampler=Batches(images.samples, images.recipe, **shared),
        collate_fn=collate,
        num_workers=workers,
    )
    return list(islice(loader, count))


def test_an_image_depends_on_its_draw_alone(noisy_set, make_images) -> None:
    first, other = make_images(noisy_set, **CHANCE), make_images(noisy_set, **CHANCE)
    draws = [Draw(position, position % 5, (64, 96)) for position in range(10)]
    forwards = [first[draw] for draw in draws]
    torch.manual_seed(5)
    backwards = [other[draw] for draw in reversed(draws)]
    assert all(same(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))
    assert not same(forwards[0], forwards[5]), "a new view every time"
    assert not same(forwards[0], make_images(noisy_set, **CHANCE, seed=1)[draws[0]])


def test_workers_processes_and_resumed_runs_see_the_same_data(noisy_set, make_images) -> None:
    alone = run_of(make_images(noisy_set, **CHANCE), 6)
    in_workers = run_of(make_images(noisy_set, **CHANCE), 6, workers=2)
    resumed = run_of(make_images(noisy_set, **CHANCE), 3, start=3)
    halves = [run_of(make_images(noisy_set, **CHANCE), 6, rank=rank, world=2) for rank in range(2)]
    for batch, again in zip(alone, in_workers, strict=True):
        assert torch.equal(batch.images, again.images)
        assert all(torch.equal(a.masks, b.masks) for a, b in zip(batch.targets, again.targets, strict=True))
    assert all(torch.equal(a.images, b.images) for a, b in zip(alone[3:], resumed, strict=True))
    for batch, *parts in zip(alone, *halves, strict=True):
        for rank, part in enumerate(parts):
            assert torch.equal(batch.images[rank::2], part.images)
            boxes = [target.boxes for target in batch.targets[rank::2]]
            assert all(torch.equal(a, b.boxes) for a, b in zip(boxes, part.targets, strict=True))


@pytest.mark.parametrize("resize", ["jitter", "fit"])
def test_boxes_and_masks_agree_after_every_augmentation(resize: str, noisy_set, make_images) -> None:
    images = make_images(noisy_set, **(CHANCE | {"resize": resize, "scale_range": (0.7, 1.8)}))
    objects = 0
    for position in range(60):
        item = images[Draw(position, position % 5, (64, 96))]
        assert item.image.shape[1:] == item.target.masks.shape[1:]
        assert len(item.target.boxes) == len(item.target.labels) == len(item.target.masks)
        claimed = item.target.masks.sum(dim=0)
        for box, mask in zip(item.target.boxes.numpy(), item.target.masks.numpy(), strict=True):
            y, x = np.nonzero(mask)
            bounds = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            assert np.abs(box - bounds).max() <= 1.0
            assert not mask[item.size[0] :].any()
            assert not mask[:, item.size[1] :].any()
            objects += 1
        assert claimed.max() <= 2, "only the two objects of one image overlap"
    assert objects > 100


# ---------------------------------------------------------------- the cache


@pytest.mark.parametrize("megabytes", [0, 1])
def test_the_cache_changes_no_pixel(megabytes: int, write_set, make_images, monkeypatch) -> None:
    spec = write_set("large", {1: "dog"}, [[thing(1, 20, 30, 200, 100)]], size=(300, 500))
    images = make_images(spec, canvases=((64, 64),), cache_megabytes=megabytes, scale_range=(0.5, 2.0))
    draws = [Draw(position, 0, (64, 64)) for position in range(4)]
    alone = [
        make_images(spec, canvases=((64, 64),), cache_megabytes=0, scale_range=(0.5, 2.0))[d] for d in draws
    ]
    decoded = count_decoding(monkeypatch)
    assert all(same(images[draw], item) for draw, item in zip(draws, alone, strict=True))
    assert decoded == [images.samples[0].path] * (1 if megabytes else 4)
    assert images.sizes == [(77, 128)], "twice what fits the canvas, of 300 x 500"


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Paths that are decoded from here on."""
    from training.data import dataset

    decoded: list[Path] = []
    read = dataset.read_image
    monkeypatch.setattr(dataset, "read_image", lambda path: decoded.append(path) or read(path))
    return decoded


# ---------------------------------------------------------------- images that vanish


def test_an_image_that_vanished_is_replaced_and_reported(noisy_set, make_images, tmp_path) -> None:
    images = make_images(noisy_set, cache_megabytes=0)
    gone = tmp_path / "noisy" / "2.png"
    gone.unlink()
    items = [images[Draw(position, 2, CANVAS)] for position in range(4)]
    for item in items:
        assert {lost.path for lost in item.lost} == {str(gone)}
        assert "does not exist" in item.lost[0].reason
        assert len(item.target.boxes)
    assert same(items[0], images[Draw(0, 2, CANVAS)]), "by the same image, whenever one asks"
    batch = collate([*items[:2], images[Draw(9, 3, CANVAS)]])
    assert len(batch.images) == 3
    assert batch.lost == [*items[0].lost, *items[1].lost]
    assert images[Draw(9, 3, CANVAS)].lost == ()


def test_an_image_that_was_replaced_by_one_of_another_size(noisy_set, make_images, tmp_path) -> None:
    images = make_images(noisy_set, cache_megabytes=0)
    cv2.imwrite(str(tmp_path / "noisy" / "2.png"), np.zeros((64, 60, 3), np.uint8))
    (*_, lost) = images[Draw(0, 2, CANVAS)].lost
    assert "has 60 x 64 pixels, but its annotations are made for 80 x 64" in lost.reason


def test_a_lost_source_of_pasted_objects_is_reported(write_set, make_images, tmp_path) -> None:
    spec = write_set("a", {1: "dog"}, [[thing(1, 8, 8, 30, 30, segmentation=[])], [thing(1, 8, 8, 30, 30)]])
    images = make_images(spec, copy_paste=1.0, cache_megabytes=0)
    (tmp_path / "a" / "1.png").unlink()
    item = images[Draw(0, 0, CANVAS)]
    assert [Path(lost.path).name for lost in item.lost] == ["1.png"]


def test_a_run_whose_images_are_all_gone_stops(noisy_set, make_images, tmp_path) -> None:
    images = make_images(noisy_set, cache_megabytes=0)
    for number in range(5):
        (tmp_path / "noisy" / f"{number}.png").unlink()
    with pytest.raises(TrainingError, match=rf"{MOST_LOST} images in a row cannot be read any more.*resume"):
        images[Draw(0, 0, CANVAS)]


# ---------------------------------------------------------------- teacher vectors


@pytest.fixture
def teach(tmp_path: Path) -> Callable[..., Path]:
    """Write a teacher file; returns its folder."""

    def write(name: str, ids: list[int], vectors: np.ndarray, **regions: Any) -> Path:
        folder = tmp_path / "teacher"
        folder.mkdir(exist_ok=True)
        np.savez(folder / f"{name}.npz", ids=np.array(ids), vectors=vectors.astype(np.float16), **regions)
        return folder

    return write


def test_teacher_vectors_follow_their_objects(write_set, items_of, teach, unchanged) -> None:
    unchanged(left=30)
    objects = [thing(1, 0, 0, 20, 20), thing(1, 40, 0, 20, 20), thing(1, 40, 30, 20, 20)]
    taught = write_set("taught", {1: "dog"}, [objects])
    untaught = write_set("untaught", {1: "dog"}, [objects])
    folder = teach("taught", [1, 3], np.eye(4)[[0, 2]])
    first, second = (item.target for item in items_of(taught, untaught, teacher_dir=folder))
    assert first.teacher is not None
    assert first.teacher.dtype == torch.float32
    assert first.teacher.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0]], "of annotations 2 and 3; 1 is cropped away"
    assert second.teacher is not None
    assert not second.teacher.any()
    assert first.taught_boxes is not None
    assert first.taught_boxes.shape == (0, 4)


def test_regions_that_are_no_annotations(write_set, items_of, teach, unchanged) -> None:
    unchanged(scale=0.5, left=10)
    spec = write_set("a", {1: "dog"}, [[thing(1, 20, 0, 40, 40)]] * 2)
    boxes = np.array([[30, 10, 60, 40], [10, 10, 28, 40], [0, 0, 50, 50], [20, 20, 60, 60]], dtype=np.float32)
    folder = teach(
        "a", [], np.zeros((0, 4)), region_image=np.array([1, 1, 0, 1]), region_boxes=boxes,
        region_vectors=np.eye(4, dtype=np.float16),
    )  # fmt: skip
    first, second = (item.target for item in items_of(spec, teacher_dir=folder))
    for target in (first, second):
        assert isinstance(target, Target)
        assert target.taught_boxes is not None
        assert target.taught_vectors is not None
        assert target.taught_boxes.dtype == target.taught_vectors.dtype == torch.float32
    assert first.taught_boxes.tolist() == [[0, 0, 15, 25]]
    assert first.taught_vectors.tolist() == [[0, 0, 1, 0]]
    assert second.taught_boxes.tolist() == [[5, 5, 20, 20], [0, 10, 20, 30]], (
        "the second is mostly out of view"
    )
    assert second.taught_vectors.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


# ---------------------------------------------------------------- batches


def test_a_batch_is_channels_last(noisy_set, make_images) -> None:
    images = make_images(noisy_set, canvases=((64, 64),))
    items = [images[Draw(i, i, (64, 64))] for i in range(2)]
    batch = collate(items)
    assert batch.images.shape == (2, 3, 64, 64)
    assert batch.images.dtype == torch.uint8
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(image, item.image) for image, item in zip(batch.images, items, strict=True))
    assert batch.sizes == [item.size for item in items]
    assert all(torch.equal(t.masks, item.target.masks) for t, item in zip(batch.targets, items, strict=True))


def test_whole_images_are_padded_to_the_largest_of_their_batch(write_set, make_images) -> None:
    wide = write_set("wide", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]], size=(64, 128))
    square = write_set("square", {1: "dog"}, [[thing(1, 0, 0, 20, 20)]], size=(100, 100))
    images = make_images(wide, square, resize="fit", canvases=((100, 150),))
    items = [images[Draw(i, i, (100, 150))] for i in range(2)]
    assert [tuple(item.image.shape) for item in items] == [(3, 75, 150), (3, 100, 100)]
    batch = collate(items)
    assert batch.images.shape == (2, 3, 128, 160), "multiples of 32"
    assert batch.sizes == [(75, 150), (100, 100)]
    assert torch.equal(batch.images[0, :, :75, :150], items[0].image)
    assert (batch.images[0, :, 75:] == 127).all()
    assert (batch.images[1, :, :, 100:] == 127).all()
    for target, item in zip(batch.targets, items, strict=True):
        assert target.masks.shape == (1, 128, 160)
        assert target.masks.sum() == item.target.masks.sum() > 0
        assert torch.equal(target.boxes, item.target.boxes)
