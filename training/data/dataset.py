"""Training images as the network takes them: decoded, transformed at random, batched.

Shapes
    B  images in a batch    h, w  size of the canvas    N  objects of an image    D  length of a word vector
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from training.data.copy_paste import random_paste
from training.data.example import Example
from training.data.image_cache import ImageCache
from training.data.samples import Sample, Skipped
from training.data.sampling import Draw
from training.data.teacher_file import TeacherVectors, read_teachers
from training.recipe import Recipe
from training.transforms import GREY, View, best_canvas, fitted_view, random_colour, random_view, useful_size
from zsi_core.errors import ImageError, TrainingError
from zsi_core.images import read_image
from zsi_core.model.targets import Target

STRIDE = 32
"""Sides of a batch are multiples of this, so that every level of the pyramid has whole cells."""

MOST_LOST = 20
"""After so many unreadable images in a row the images as a whole are gone, not a few of them."""

TAUGHT_VISIBLE = 0.5
"""Share of a region that a view must show, for what the teacher made of the whole of it to hold."""


class Item(NamedTuple):
    """One training image.

    Attributes:
        image: (3, h, w) uint8.
        size: (height, width) of the photograph within it.
        target: its labels.
        lost: images that could not be read in its place.
    """

    image: Tensor
    size: tuple[int, int]
    target: Target
    lost: tuple[Skipped, ...]


class Batch(NamedTuple):
    """Images of one step.

    Attributes:
        images: (B, 3, h, w) uint8 in channels-last order.
        sizes: (height, width) of each photograph within its image.
        targets: one per image.
        lost: images that could not be read any more and were replaced by others, to be reported.
    """

    images: Tensor
    sizes: list[tuple[int, int]]
    targets: list[Target]
    lost: list[Skipped]


class TrainingImages(Dataset[Item]):
    """Randomly transformed images with their targets.

    What comes of a `Draw` depends on the recipe and the draw alone, not on the process that asks or on what
    it was asked before.
    """

    def __init__(
        self, samples: Sequence[Sample], recipe: Recipe, dimension: int, teacher_dir: Path | None = None
    ) -> None:
        """
        Args:
            samples: what there is.
            recipe: canvases, augmentation and seed.
            dimension: D.
            teacher_dir: folder of `NAME.npz` teacher files, one per set (see `training.data.teacher_file`).
        """
        self.samples = samples
        self.recipe = recipe
        self.dimension = dimension
        self.teachers = (
            None if teacher_dir is None else read_teachers(recipe.datasets, teacher_dir, dimension)
        )
        self.sizes = [_kept_size(sample.size, recipe) for sample in samples]
        self.cache = ImageCache(self.sizes, [sample.size for sample in samples], recipe.cache_megabytes)
        self.with_masks: defaultdict[str, list[int]] = defaultdict(list)
        for index, sample in enumerate(samples):
            if any(o.mask is not None for o in sample.objects):
                self.with_masks[sample.spec.name].append(index)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, draw: Draw) -> Item:
        """The image of a draw, or another at random if its file cannot be read any more.

        Raises:
            TrainingError: `MOST_LOST` images in a row cannot be read.
        """
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.recipe.seed, draw.position, draw.image))
        lost: list[Skipped] = []
        index, pixels = self._readable(draw.image, rng, lost)
        example = self._example(index, pixels, self._view(index, draw.canvas, rng))
        if self.recipe.copy_paste and rng.random() < self.recipe.copy_paste:
            example = self._pasted(example, self.samples[index].spec.name, rng, lost)
        if self.recipe.colour_jitter:  # not of the margin, which a network finds grey later on as well
            covered = example.image[: example.size[0], : example.size[1]]
            covered[:] = random_colour(covered, self.recipe.colour_jitter, rng)
        target = replace(example.target(), seed=int(rng.integers(2**63)))
        return Item(torch.from_numpy(example.image).permute(2, 0, 1), example.size, target, tuple(lost))

    def _readable(self, index: int, rng: np.random.Generator, lost: list[Skipped]) -> tuple[int, np.ndarray]:
        """Index and pixels of an image, or else of the next one drawn that can be read."""
        while True:
            try:
                return index, self._pixels(index)
            except (ImageError, TrainingError) as error:
                lost.append(Skipped(str(self.samples[index].path), str(error)))
                if len(lost) == MOST_LOST:
                    raise TrainingError(
                        f"{MOST_LOST} images in a row cannot be read any more, the last because {error}; "
                        "make the image folders available again and resume the run"
                    ) from error
            index = int(rng.integers(len(self.samples)))

    def _pixels(self, index: int) -> np.ndarray:
        """The photograph, shrunk where no view needs more of it, (height, width, 3) uint8."""
        return self.cache.get(index, lambda: self._decoded(index))

    def _decoded(self, index: int) -> np.ndarray:
        sample, size = self.samples[index], self.sizes[index]
        pixels = read_image(sample.path)
        if pixels.shape[:2] != sample.size:
            raise TrainingError(
                f"{sample.path} has {pixels.shape[1]} x {pixels.shape[0]} pixels, but its annotations are "
                f"made for {sample.size[1]} x {sample.size[0]}: correct them, or replace the image"
            )
        if size == sample.size:
            return pixels
        return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA)

    def _pasted(self, example: Example, name: str, rng: np.random.Generator, lost: list[Skipped]) -> Example:
        """An example with objects of another image of the same set, if that can be read."""
        if not self.with_masks[name]:
            return example
        index = int(rng.choice(self.with_masks[name]))
        try:
            pixels = self._pixels(index)
        except (ImageError, TrainingError) as error:
            lost.append(Skipped(str(self.samples[index].path), str(error)))
            return example
        height, width = example.image.shape[:2]
        view = replace(self._view(index, (height, width), rng), canvas=(height, width))
        return random_paste(example, self._example(index, pixels, view), rng)

    def _view(self, index: int, canvas: tuple[int, int], rng: np.random.Generator) -> View:
        if self.recipe.resize == "fit":
            return fitted_view(self.samples[index].size, canvas, rng)
        return random_view(self.samples[index].size, canvas, self.recipe.scale_range, rng)

    def _example(self, index: int, pixels: np.ndarray, view: View) -> Example:
        """What a view shows of an image."""
        sample = self.samples[index]
        boxes, worth = view.boxes(np.array([o.box for o in sample.objects], dtype=np.float32))
        ignored, _ = view.boxes(sample.ignored)
        kept = [o for o, keep in zip(sample.objects, worth, strict=True) if keep]
        masks = np.zeros((len(kept), *view.canvas), dtype=np.uint8)
        for mask, thing in zip(masks, kept, strict=True):
            if thing.mask is not None:
                mask[:] = view.mask(thing.mask)
        teacher, taught_boxes, taught_vectors = self._taught(sample, [o.id for o in kept], view)
        return Example(
            image=view.image(pixels),
            size=view.size,
            boxes=boxes[worth],
            labels=np.array([o.row for o in kept], dtype=np.int64),
            masks=masks,
            has_mask=np.array([mask.any() for mask in masks], dtype=bool),
            ignored=np.concatenate([ignored, boxes[~worth]]),
            complete=sample.spec.labelled == "all",
            rehearsed=sample.spec.rehearsed,
            teacher=teacher,
            taught_boxes=taught_boxes,
            taught_vectors=taught_vectors,
        )

    def _taught(
        self, sample: Sample, ids: Sequence[int], view: View
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray] | tuple[None, None, None]:
        """What the teacher says of some objects (N, D), and boxes (M, 4) and vectors (M, D) of what else it
        says of a view."""
        if self.teachers is None:
            return None, None, None
        said = self.teachers.get(sample.spec.name, TeacherVectors({}, {}))
        teacher = np.zeros((len(ids), self.dimension), dtype=np.float32)
        for row, identity in zip(teacher, ids, strict=True):
            row[:] = said.objects.get(identity, 0.0)
        nothing = (np.zeros((0, 4), np.float32), np.zeros((0, self.dimension), np.float16))
        boxes, vectors = said.regions.get(sample.id, nothing)
        boxes, worth = view.boxes(boxes, TAUGHT_VISIBLE)
        return teacher, boxes[worth], vectors[worth].astype(np.float32)


def _kept_size(photograph: tuple[int, int], recipe: Recipe) -> tuple[int, int]:
    """(height, width) that a photograph (H, W) is kept with once it is decoded."""
    largest_scale = recipe.scale_range[1] if recipe.resize == "jitter" else 1.0
    return useful_size(photograph, best_canvas(photograph, recipe.canvases), largest_scale)


def collate(items: Sequence[Item]) -> Batch:
    """Images of a batch on one grey canvas, as large as the largest of them rounded up to `STRIDE`."""
    height, width = (-(-max(item.image.shape[axis] for item in items) // STRIDE) * STRIDE for axis in (1, 2))
    return Batch(
        torch.stack([_padded(item.image, (height, width), GREY) for item in items]).contiguous(
            memory_format=torch.channels_last
        ),
        [item.size for item in items],
        [replace(item.target, masks=_padded(item.target.masks, (height, width), 0)) for item in items],
        [lost for item in items for lost in item.lost],
    )


def _padded(planes: Tensor, size: tuple[int, int], value: int) -> Tensor:
    """Planes (..., h, w) with `value` to the right and below, up to (height, width)."""
    height, width = planes.shape[-2:]
    return F.pad(planes, (0, size[1] - width, 0, size[0] - height), value=value)
