"""How often images come up, in which batches, and the same from wherever one looks."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from training.data import Batches, Draw, Sample, TrainingObject, WeightedEpochs, image_weights
from training.recipe import DataSpec

NONE = np.zeros((0, 4), dtype=np.float32)
CANVASES = ((64, 96), (96, 64), (80, 80))  # height, width


def sample_with(*rows: int, repeat: float = 1.0, size: tuple[int, int] = (1, 1)) -> Sample:
    """A sample of which only classes and size count."""
    objects = tuple(TrainingObject(0, row, (0.0, 0.0, 1.0, 1.0), None) for row in rows)
    return Sample(Path(), size, objects, NONE, DataSpec("a", "a.json", "a", repeat=repeat), 0)


# ---------------------------------------------------------------- how often


def test_images_of_rare_classes_are_repeated() -> None:
    # Class 0 is in 4 of 4 images, class 1 in 2, class 2 in 1.
    samples = [sample_with(*rows) for rows in ((0, 0), (0, 1), (0, 1, 1), (0, 2))]
    assert image_weights(samples, 0.0) == pytest.approx([1, 1, 1, 1])
    assert image_weights(samples, 0.5) == pytest.approx([1, 1, 1, 2**0.5])
    assert image_weights(samples, 1.0) == pytest.approx([1, 2**0.5, 2**0.5, 2])


def test_the_repeat_of_a_set_multiplies_and_counts_in_the_shares() -> None:
    samples = [sample_with(0), sample_with(0, 1), sample_with(0, repeat=0.25), sample_with(0, repeat=0.25)]
    assert image_weights(samples, 1.0) == pytest.approx([1, 2.5**0.5, 0.25, 0.25])
    assert image_weights(samples, 0.0) == pytest.approx([1, 1, 0.25, 0.25])


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


# ---------------------------------------------------------------- in which batches


@pytest.fixture
def samples() -> list[Sample]:
    """Landscape, portrait and square images, of different numbers."""
    sizes = [(480, 640)] * 13 + [(640, 427)] * 6 + [(500, 500)] * 3
    return [sample_with(0, size=size, repeat=1.5 if i % 4 == 0 else 1.0) for i, size in enumerate(sizes)]


@pytest.fixture
def batches(samples, make_recipe):
    """The first batches of a run of the samples; keyword arguments are those of `Batches`."""

    def take(count: int, batch_size: int = 4, seed: int = 0, **shared: int) -> list[list[Draw]]:
        recipe = make_recipe(canvases=CANVASES, batch_size=batch_size, seed=seed, repeat_threshold=0.0)
        return list(islice(Batches(samples, recipe, **shared), count))

    return take


def test_a_batch_has_one_canvas_the_best_for_its_images(batches, samples) -> None:
    found = set()
    for batch in batches(60):
        assert len(batch) == 4
        (canvas,) = {draw.canvas for draw in batch}
        best = {(480, 640): (64, 96), (640, 427): (96, 64), (500, 500): (80, 80)}
        assert {best[samples[draw.image].size] for draw in batch} == {canvas}
        found.add(canvas)
    assert found == set(CANVASES)


def test_grouping_does_not_change_how_often_an_image_comes_up(batches, samples, make_recipe) -> None:
    drawn = [draw for batch in batches(200) for draw in batch]
    assert len({draw.position for draw in drawn}) == len(drawn) == 800
    stream = list(islice(WeightedEpochs(image_weights(samples, 0.0), 0), max(d.position for d in drawn) + 1))
    assert all(stream[draw.position] == draw.image for draw in drawn)
    left = len(stream) - len(drawn)
    assert left < len(CANVASES) * 4, "all that was drawn is used, up to the batches being filled"


def test_one_canvas_keeps_the_order_of_the_stream(samples, make_recipe) -> None:
    recipe = make_recipe(batch_size=3)
    drawn = [draw for batch in islice(Batches(samples, recipe), 20) for draw in batch]
    assert [draw.position for draw in drawn] == list(range(60))


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_the_batches_of_one(world: int, batches) -> None:
    alone = batches(30, batch_size=8)
    shared = [batches(30, batch_size=8, rank=rank, world=world) for rank in range(world)]
    for whole, *parts in zip(alone, *shared, strict=True):
        assert [len(part) for part in parts] == [8 // world] * world
        assert sorted(draw for part in parts for draw in part) == sorted(whole)


def test_a_batch_that_cannot_be_shared(batches) -> None:
    with pytest.raises(ValueError, match="batch_size 4 must be a multiple of the 3 processes"):
        batches(1, world=3)


@pytest.mark.parametrize("start", [1, 7, 33])
def test_a_run_goes_on_where_it_stopped(start: int, batches) -> None:
    assert batches(20, start=start) == batches(20 + start)[start:]
    assert batches(20, start=start, rank=1, world=2) == batches(20 + start, rank=1, world=2)[start:]


def test_batches_are_seeded(batches) -> None:
    assert batches(20, seed=1) == batches(20, seed=1) != batches(20, seed=2)
