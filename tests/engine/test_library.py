"""Encoded images are made once: from memory, from disk, and anew only when something changed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from zsi_core.checkpoint import load_checkpoint
from zsi_core.engine.disk_cache import DiskCache
from zsi_core.engine.library import EncodedImages, Held
from zsi_core.engine.memory_cache import Fingerprint, MemoryCache
from zsi_core.engine.stored import from_bytes, to_bytes
from zsi_core.errors import ImageError
from zsi_core.inference import EncodedImage, Segmenter
from zsi_core.inference.second_opinion import Opinions
from zsi_core.instances import Instances
from zsi_core.semantics import WordTable

LARGE = 1 << 30
LOW = 0.001
"""A threshold that random weights pass."""


@pytest.fixture(scope="module")
def segmenter(tiny_checkpoint: Path) -> Segmenter:
    return Segmenter(load_checkpoint(tiny_checkpoint), WordTable.bundled(), dtype=torch.float32)


@pytest.fixture
def backbone(segmenter: Segmenter) -> Iterator[Counter[str]]:
    """How often it ran."""
    count: Counter[str] = Counter()
    handle = segmenter.model.backbone.register_forward_hook(lambda *_: count.update(ran=1))
    yield count
    handle.remove()


@pytest.fixture
def make(segmenter: Segmenter, tmp_path: Path) -> Callable[..., EncodedImages]:
    """A library with fresh memory and the disk of this test, as after a start of the program."""

    def make(memory: int = LARGE, disk: int = LARGE, model: Segmenter = segmenter) -> EncodedImages:
        cache = DiskCache(tmp_path / "encoded", disk)
        return EncodedImages(model, MemoryCache(memory), cache, later=lambda function: function())

    return make


def get(images: EncodedImages, path: Path, *, ahead: bool = False) -> Held:
    steps = images.get(str(path), ahead=ahead)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def entries(images: EncodedImages) -> list[Path]:
    return sorted(images.disk.folder.iterdir())


def assert_equal(first: Instances, second: Instances) -> None:
    assert len(first) > 0
    assert first.names == second.names
    assert first.masks == second.masks
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.boxes, second.boxes)


# ---------------------------------------------------------------- memory, disk, network


def test_an_image_is_encoded_once(
    make: Callable[..., EncodedImages], pictures: list[Path], backbone: Counter[str]
) -> None:
    images = make()
    assert [get(images, pictures[0]).source for _ in range(3)] == ["network", "memory", "memory"]
    assert get(make(), pictures[0]).source == "disk"
    assert backbone["ran"] == 1


def test_an_image_from_disk_holds_exactly_what_a_fresh_one_does(
    make: Callable[..., EncodedImages], pictures: list[Path], segmenter: Segmenter
) -> None:
    fresh, stored = get(make(), pictures[0]).encoded, get(make(), pictures[0]).encoded
    names = ("cat", "hair drier")
    assert_equal(segmenter.query(fresh, names, threshold=LOW), segmenter.query(stored, names, threshold=LOW))
    box = (20.0, 30.0, 200.0, 180.0)
    assert_equal(segmenter.segment_box(fresh, box), segmenter.segment_box(stored, box))
    assert segmenter.explain(fresh, 0, names) == segmenter.explain(stored, 0, names)


def test_slots_and_opinions_are_stored(pictures: list[Path], segmenter: Segmenter) -> None:
    encoded = segmenter.encode(np.full((60, 80, 3), 90, np.uint8))
    slots = torch.rand(len(encoded), 4, 4)
    encoded = replace(
        encoded,
        slots=slots,
        regions=replace(encoded.regions, slots=slots + 1),
        opinions=Opinions(torch.rand(2, 4), torch.rand(2, 300), 0.5),
    )
    stored = from_bytes(to_bytes(encoded), "cpu")
    assert stored.slots is not None and stored.regions.slots is not None and stored.opinions is not None
    assert encoded.opinions is not None
    assert torch.equal(stored.slots, slots)
    assert torch.equal(stored.regions.slots, slots + 1)
    assert torch.equal(stored.opinions.boxes, encoded.opinions.boxes)
    assert torch.equal(stored.opinions.vectors, encoded.opinions.vectors)
    assert stored.opinions.weight == 0.5
    assert stored.image_size == (60, 80)


def test_an_image_that_changed_is_encoded_again(
    make: Callable[..., EncodedImages], pictures: list[Path]
) -> None:
    images = make()
    get(images, pictures[0])
    other = pictures[1].read_bytes()
    with pictures[0].open("wb") as stream:
        stream.write(other)
    assert get(images, pictures[0]).source == "network"
    assert len(images.memory) == 1


def test_a_folder_that_moved_keeps_its_entries(
    make: Callable[..., EncodedImages], pictures: list[Path]
) -> None:
    get(make(), pictures[0])
    moved = pictures[0].rename(pictures[0].with_name("moved.jpg"))
    os.utime(moved, ns=(1, 1))
    assert get(make(), moved).source == "disk"


def test_another_model_does_not_get_the_entries(
    make: Callable[..., EncodedImages], pictures: list[Path], tiny_checkpoint: Path
) -> None:
    get(make(), pictures[0])
    checkpoint = load_checkpoint(tiny_checkpoint)
    other = Segmenter(replace(checkpoint, sha256="0" * 64), WordTable.bundled(), dtype=torch.float32)
    assert get(make(model=other), pictures[0]).source == "network"


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "another model's"])
def test_a_damaged_entry_is_dropped_and_made_again(
    make: Callable[..., EncodedImages],
    pictures: list[Path],
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    images = make()
    encoded = get(images, pictures[0]).encoded
    (entry,) = entries(images)
    content = bytearray(entry.read_bytes())
    flipped = content.copy()
    flipped[-100] ^= 1
    damaged = {
        "cut": content[:-1],
        "flipped": flipped,
        "empty": b"",
        "text": b"not this one",
        "another model's": to_bytes(replace(encoded, checkpoint_sha256="0" * 64)),
    }
    with entry.open("wb") as stream:
        stream.write(damaged[damage])
    assert get(make(), pictures[0]).source == "network"
    assert "is dropped" in caplog.text
    assert get(make(), pictures[0]).source == "disk"


def test_a_missing_or_damaged_image_is_named(
    make: Callable[..., EncodedImages], pictures: list[Path], tmp_path: Path
) -> None:
    images = make()
    with pytest.raises(ImageError, match=r"gone\.jpg cannot be read"):
        get(images, tmp_path / "gone.jpg")
    with pictures[0].open("r+b") as stream:
        stream.truncate(2000)
    with pytest.raises(ImageError, match=r"cat_on_sofa\.jpg is damaged"):
        get(images, pictures[0])
    assert not images.disk.folder.exists()


def test_dropping_forgets_in_memory_and_on_disk(
    make: Callable[..., EncodedImages], pictures: list[Path]
) -> None:
    images = make()
    get(images, pictures[0])
    assert images.drop(str(pictures[0]))
    assert not images.drop(str(pictures[0]))
    assert get(images, pictures[0]).source == "network"


def test_a_disk_that_cannot_be_written_costs_only_time(
    make: Callable[..., EncodedImages], pictures: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "encoded").touch()  # a file in the place of the folder
    images = make()
    assert get(images, pictures[0]).source == "network"
    assert "cannot be kept" in caplog.text
    assert get(images, pictures[0]).source == "memory"


# ---------------------------------------------------------------- budgets


def test_the_least_recently_used_image_leaves_memory(
    make: Callable[..., EncodedImages], pictures: list[Path]
) -> None:
    size = get(make(), pictures[0]).encoded.nbytes
    images = make(memory=3 * size)
    for place in (0, 1, 2, 0, 3):
        get(images, pictures[place])
    assert images.memory.nbytes <= images.memory.limit
    assert [get(images, pictures[place]).source for place in (0, 2, 3, 1)] == ["memory"] * 3 + ["disk"]


def test_what_queries_add_counts_and_goes_first(
    make: Callable[..., EncodedImages], pictures: list[Path], segmenter: Segmenter
) -> None:
    with_masks = get(make(), pictures[0]).encoded
    size = with_masks.nbytes
    segmenter.query(with_masks, ["cat"], threshold=0.0)
    assert with_masks.nbytes > 2 * size
    images = make(memory=size + with_masks.nbytes)
    for path in (pictures[1], pictures[0]):
        segmenter.query(get(images, path).encoded, ["cat"], threshold=0.0)
        images.memory.shrink()
    second, first = (get(images, path) for path in pictures[:2])
    assert first.source == second.source == "memory"
    assert not first.encoded.pixel_features
    assert second.encoded.pixel_features, "the image in view keeps its masks"


def test_images_encoded_ahead_do_not_push_each_other_out(
    make: Callable[..., EncodedImages], pictures: list[Path]
) -> None:
    size = get(make(), pictures[0]).encoded.nbytes
    images = make(memory=3 * size, disk=0)
    get(images, pictures[3])  # left behind: it goes first
    images.memory.keep([str(path) for path in pictures[:3]])
    get(images, pictures[0])
    assert get(images, pictures[1], ahead=True).in_memory
    assert get(images, pictures[2], ahead=True).in_memory
    assert [get(images, path).source for path in pictures[:3]] == ["memory"] * 3

    images = make(memory=2 * size, disk=0)
    images.memory.keep([str(path) for path in pictures[:3]])
    get(images, pictures[0])
    assert get(images, pictures[1], ahead=True).in_memory
    assert not get(images, pictures[2], ahead=True).in_memory
    assert [get(images, path).source for path in pictures[:2]] == ["memory"] * 2


def test_the_image_in_view_stays_whatever_the_budget(
    make: Callable[..., EncodedImages], pictures: list[Path]
) -> None:
    images = make(memory=1)
    for path in pictures[:2]:
        get(images, path)
    assert len(images.memory) == 1
    assert get(images, pictures[1]).source == "memory"


def encoded_of(segmenter: Segmenter) -> EncodedImage:
    return segmenter.encode(np.zeros((30, 40, 3), np.uint8))


def test_an_image_in_another_state_is_dropped_from_memory(segmenter: Segmenter) -> None:
    memory = MemoryCache(LARGE)
    memory.put("a", Fingerprint(1, 1), encoded_of(segmenter))
    assert memory.get("a", Fingerprint(1, 2)) is None
    assert len(memory) == 0
    assert memory.nbytes == 0


def test_the_least_recently_used_file_leaves_the_disk(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache", 35)
    for time, key in enumerate("abc", 1):
        cache.put(key, bytes(10))
        os.utime(cache.folder / f"{key}.safetensors", ns=(time, time))
    assert cache.get("a") is not None  # used: it is the youngest now
    cache.put("d", bytes(10))
    assert [key for key in "abcd" if cache.get(key) is not None] == ["a", "c", "d"]
    cache.put("e", bytes(36))
    assert cache.get("e") is None
    assert cache.clear() == 3
    assert cache.get("a") is None
