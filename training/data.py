"""Training images from COCO-format sets: reading, matching classes by name, batching.

Shapes
    B  images in a batch    S  side of the canvas    N  objects of an image    D  length of a word vector
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from training.recipe import DataSpec, Recipe
from training.transforms import random_colour, random_view
from zsi_core.coco.reader import CocoAnnotation, annotation_rle, image_path, read_coco
from zsi_core.errors import TrainingError
from zsi_core.images import read_image
from zsi_core.instances import rle
from zsi_core.model.targets import Target
from zsi_core.semantics.names import class_key


@dataclass(frozen=True)
class Sample:
    """One training image before it is read.

    Attributes:
        path: image file.
        objects: its annotations of seen classes and the row of the vocabulary of each.
        crowds: boxes (M, 4) of regions that are neither object nor background.
        spec: the set it comes from.
    """

    path: Path
    objects: tuple[tuple[CocoAnnotation, int], ...]
    crowds: np.ndarray
    spec: DataSpec


def read_samples(recipe: Recipe, root: Path, classes: Sequence[str]) -> list[Sample]:
    """All images of a recipe's sets that have at least one object of a seen class.

    Args:
        recipe: names the sets.
        root: folder that the sets' paths are relative to.
        classes: seen classes in the order of the vocabulary.

    Raises:
        TrainingError: nothing is left to train on.
    """
    rows = {class_key(name): row for row, name in enumerate(classes)}
    samples = []
    for spec in recipe.datasets:
        content = read_coco(root / spec.annotations)
        for image in content.images:
            annotations = content.annotations_of[image.id]
            seen = [(a, rows.get(content.category_keys[a.category_id])) for a in annotations]
            objects = tuple((a, row) for a, row in seen if row is not None and not a.iscrowd)
            crowds = [a.xyxy for a in annotations if a.iscrowd]
            if objects:
                crowd_boxes = np.array(crowds, dtype=np.float32).reshape(-1, 4)
                samples.append(Sample(image_path(root / spec.images, image), objects, crowd_boxes, spec))
    if not samples:
        raise TrainingError(
            f"no image of {', '.join(s.name for s in recipe.datasets)} has an object of a seen class: "
            "check the split and the category names of the annotation files"
        )
    return samples


def image_weights(samples: Sequence[Sample], threshold: float) -> np.ndarray:
    """How often each image counts in an epoch, (len(samples),) float64.

    Repeat-factor sampling: max(1, sqrt(threshold / share of images with the class)) of an image's rarest
    class (Gupta et al., LVIS, CVPR 2019, section 4.2), times the `repeat` of its set.
    """
    images_with = Counter(row for sample in samples for row in {row for _, row in sample.objects})
    factor = {
        row: max(1.0, float(np.sqrt(threshold * len(samples) / count))) for row, count in images_with.items()
    }
    return np.array([s.spec.repeat * max(factor[row] for _, row in s.objects) for s in samples])


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


class TrainingImages(Dataset[tuple[Tensor, tuple[int, int], Target]]):
    """Randomly transformed images with their targets."""

    def __init__(
        self, samples: Sequence[Sample], recipe: Recipe, dimension: int, teacher_dir: Path | None = None
    ) -> None:
        """
        Args:
            samples: what there is.
            recipe: canvas, scales and seed.
            dimension: D.
            teacher_dir: folder of `NAME.npz` teacher files, one per set (see `training.teacher`).
        """
        self.samples = samples
        self.recipe = recipe
        self.dimension = dimension
        self.teachers = {} if teacher_dir is None else _read_teachers(recipe, teacher_dir)
        self.with_teacher = teacher_dir is not None

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[int, int], Target]:
        """Image (3, S, S) uint8, size (height, width) of its part of the canvas, and target."""
        cv2.setNumThreads(1)
        sample = self.samples[index]
        rng = np.random.default_rng(int(torch.randint(2**62, ())))
        pixels = read_image(sample.path)
        height, width = pixels.shape[:2]
        view = random_view(height, width, self.recipe.canvas, self.recipe.scale_range, rng)
        boxes, worth = view.boxes(np.array([a.xyxy for a, _ in sample.objects], dtype=np.float32))
        crowds = sample.crowds
        if len(crowds):
            crowds, _ = view.boxes(crowds)
        kept = [pair for pair, keep in zip(sample.objects, worth, strict=True) if keep]
        masks = np.zeros((len(kept), view.canvas, view.canvas), dtype=np.uint8)
        has_mask = np.zeros(len(kept), dtype=bool)
        for i, (annotation, _) in enumerate(kept):
            if sample.spec.masks == "has_mask" and not annotation.raw.get("has_mask"):
                continue
            encoded = annotation_rle(annotation, height, width)
            if encoded is not None:
                masks[i] = view.mask(rle.decode(encoded))
                has_mask[i] = masks[i].any()
        target = Target(
            boxes=torch.from_numpy(boxes[worth]),
            labels=torch.tensor([row for _, row in kept], dtype=torch.int64),
            masks=torch.from_numpy(masks),
            has_mask=torch.from_numpy(has_mask),
            ignore=torch.from_numpy(np.concatenate([crowds, boxes[~worth]])),
            complete=sample.spec.labelled == "all",
            teacher=self._teacher(sample.spec.name, [a for a, _ in kept]),
        )
        image = random_colour(view.image(pixels), rng)
        return torch.from_numpy(image).permute(2, 0, 1), view.size, target

    def _teacher(self, name: str, annotations: list[CocoAnnotation]) -> Tensor | None:
        if not self.with_teacher:
            return None
        vectors = self.teachers.get(name, {})
        nothing = np.zeros(self.dimension, dtype=np.float32)
        rows = [vectors.get(a.id, nothing) for a in annotations]
        return torch.from_numpy(np.array(rows, dtype=np.float32).reshape(-1, self.dimension))


def collate(
    batch: list[tuple[Tensor, tuple[int, int], Target]],
) -> tuple[Tensor, list[tuple[int, int]], list[Target]]:
    """Images (B, 3, S, S) uint8 in channels-last order, sizes, targets."""
    images, sizes, targets = zip(*batch, strict=True)
    return torch.stack(images).contiguous(memory_format=torch.channels_last), list(sizes), list(targets)


def _read_teachers(recipe: Recipe, folder: Path) -> dict[str, dict[int, np.ndarray]]:
    teachers = {}
    for spec in recipe.datasets:
        path = folder / f"{spec.name}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                teachers[spec.name] = dict(zip(stored["ids"].tolist(), stored["vectors"], strict=True))
    if not teachers:
        raise TrainingError(f"{folder} holds no teacher vectors: write them with `python -m training teach`")
    return teachers
