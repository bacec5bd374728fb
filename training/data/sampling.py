"""Which images make up which batch: an endless, seeded stream that can be entered anywhere and shared out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from training.data.samples import Sample
from training.recipe import Recipe
from training.transforms import best_canvas


class Draw(NamedTuple):
    """One image of a batch.

    Attributes:
        position: in the stream of the run, from 0; with `image` it decides every random choice.
        image: its index among the samples.
        canvas: (height, width) it is shown on.
    """

    position: int
    image: int
    canvas: tuple[int, int]


def image_weights(samples: Sequence[Sample], threshold: float) -> np.ndarray:
    """How often each image counts in an epoch, (len(samples),) float64.

    Repeat-factor sampling: max(1, sqrt(threshold / share of images with the class)) of an image's rarest
    class (Gupta et al., LVIS, CVPR 2019, section 4.2), times the `repeat` of its set, which the shares
    count as well.
    """
    total = sum(sample.spec.repeat for sample in samples)
    weight_with: defaultdict[int, float] = defaultdict(float)
    for sample in samples:
        for row in {o.row for o in sample.objects}:
            weight_with[row] += sample.spec.repeat
    factor = {
        row: max(1.0, float(np.sqrt(threshold * total / weight))) for row, weight in weight_with.items()
    }
    return np.array([s.spec.repeat * max(factor[o.row] for o in s.objects) for s in samples])


class WeightedEpochs(Sampler[int]):
    """An endless stream of image indices: seeded epochs in which image i appears weight[i] times on average.

    The fraction of a weight decides at random whether it is rounded up, anew in every epoch.
    """

    def __init__(self, weights: np.ndarray, seed: int) -> None:
        self.weights = weights
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng(self.seed)
        while True:
            whole = np.floor(self.weights)
            times = (whole + (rng.random(len(whole)) < self.weights - whole)).astype(int)
            epoch = np.repeat(np.arange(len(times)), times)
            rng.shuffle(epoch)
            yield from epoch.tolist()


class Batches(Sampler[list[Draw]]):
    """The batches of a run, endlessly: images of one canvas each, in the order of the stream.

    Every image goes to the batch that is being filled for its canvas, so that grouping changes the order a
    little and never how often an image appears. The rows of a batch are dealt out to the processes of a run:
    together they see what a single one would. A `DataLoader` takes this as its `batch_sampler`.
    """

    def __init__(
        self, samples: Sequence[Sample], recipe: Recipe, *, rank: int = 0, world: int = 1, start: int = 0
    ) -> None:
        """
        Args:
            samples: what there is.
            recipe: canvases, weights, seed and `batch_size`, the rows of all processes together.
            rank, world: of this process and how many there are.
            start: batches (of all processes together) that the run has done already.

        Raises:
            ValueError: the processes cannot share a batch evenly.
        """
        if recipe.batch_size % world:
            raise ValueError(f"batch_size {recipe.batch_size} must be a multiple of the {world} processes")
        self.stream = WeightedEpochs(image_weights(samples, recipe.repeat_threshold), recipe.seed)
        self.canvases = [best_canvas(sample.size, recipe.canvases) for sample in samples]
        self.batch_size = recipe.batch_size
        self.rank = rank
        self.world = world
        self.start = start

    def __iter__(self) -> Iterator[list[Draw]]:
        for batch in islice(self._batches(), self.start, None):
            yield batch[self.rank :: self.world]

    def _batches(self) -> Iterator[list[Draw]]:
        filling: defaultdict[tuple[int, int], list[Draw]] = defaultdict(list)
        for position, index in enumerate(self.stream):
            canvas = self.canvases[index]
            filling[canvas].append(Draw(position, index, canvas))
            if len(filling[canvas]) == self.batch_size:
                yield filling.pop(canvas)
