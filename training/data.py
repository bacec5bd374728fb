"""Training images from COCO-format sets: reading, matching classes by name, batching.

Shapes
    B  images in a batch    S  side of the canvas    N  objects of an image    D  length of a word vector
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from training.recipe import DataSpec, Recipe
from training.transforms import random_colour, random_view
from zsi_core.coco.reader import CocoAnnotation, annotation_rle, image_path, read_coco
from zsi_core.errors import AnnotationError, TrainingError
from zsi_core.images import read_image
from zsi_core.instances import rle
from zsi_core.model.targets import Target
from zsi_core.semantics.names import class_key

TEACH_AGAIN = "write it again with `python -m training teach`"


@dataclass(frozen=True)
class Sample:
    """One training image before it is read.

    Attributes:
        path: image file.
        size: (height, width) in pixels that the annotations are made for.
        objects: its annotations of seen classes and the row of the vocabulary of each.
        ignored: boxes (M, 4) of regions that are neither object nor background: crowds, and objects of
            classes outside the split.
        spec: the set it comes from.
    """

    path: Path
    size: tuple[int, int]
    objects: tuple[tuple[CocoAnnotation, int], ...]
    ignored: np.ndarray
    spec: DataSpec


@dataclass(frozen=True)
class SetCounts:
    """What became of the images of a set.

    Attributes:
        name: of the set.
        images, objects: that are trained on.
        images_with_unseen: left out because an object of an unseen class is labelled in them.
        images_without_objects: left out because no object of a seen class is.
        other_objects: of classes outside the split, in the images trained on; their regions are ignored.
    """

    name: str
    images: int
    objects: int
    images_with_unseen: int
    images_without_objects: int
    other_objects: int


def read_samples(
    recipe: Recipe, root: Path, classes: Sequence[str], unseen: Sequence[str] = ()
) -> tuple[list[Sample], list[SetCounts]]:
    """Images of a recipe's sets that a zero-shot model may be trained on.

    An image in which an object of an unseen class is labelled is left out, as in section 5.1 of the paper: to
    teach that object as background would suppress the class, and to spare its box would use its label.

    Args:
        recipe: names the sets.
        root: folder that the sets' paths are relative to.
        classes: seen classes in the order of the vocabulary.
        unseen: classes of which the network must not learn anything.

    Returns:
        The images with at least one object of a seen class, and what was left out, set by set.

    Raises:
        AnnotationError: an annotation file is missing or damaged.
        TrainingError: nothing is left to train on.
    """
    rows = {class_key(name): row for row, name in enumerate(classes)}
    forbidden = {class_key(name) for name in unseen}
    sets = [_read_set(spec, root, rows, forbidden) for spec in recipe.datasets]
    samples = [sample for kept, _ in sets for sample in kept]
    counts = [count for _, count in sets]
    if not samples:
        raise TrainingError(
            f"no image of {', '.join(s.name for s in recipe.datasets)} is left to train on: "
            f"{sum(c.images_with_unseen for c in counts)} show an object of an unseen class, "
            f"{sum(c.images_without_objects for c in counts)} none of a seen one; check the split and the "
            "category names of the annotation files"
        )
    return samples, counts


def _read_set(
    spec: DataSpec, root: Path, rows: Mapping[str, int], forbidden: Set[str]
) -> tuple[list[Sample], SetCounts]:
    content = read_coco(root / spec.annotations)
    samples: list[Sample] = []
    with_unseen = without_objects = other_objects = 0
    for image in content.images:
        named = [(a, content.category_keys[a.category_id]) for a in content.annotations_of[image.id]]
        objects = tuple((a, rows[key]) for a, key in named if key in rows and not a.iscrowd)
        if any(key in forbidden for _, key in named):
            with_unseen += 1
        elif not objects:
            without_objects += 1
        else:
            other_objects += sum(key not in rows for _, key in named)
            ignored = [a.xyxy for a, key in named if key not in rows or a.iscrowd]
            samples.append(
                Sample(
                    image_path(root / spec.images, image),
                    (image.height, image.width),
                    objects,
                    np.array(ignored, dtype=np.float32).reshape(-1, 4),
                    spec,
                )
            )
    objects_kept = sum(len(sample.objects) for sample in samples)
    return samples, SetCounts(
        spec.name, len(samples), objects_kept, with_unseen, without_objects, other_objects
    )


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
        self.teachers = {} if teacher_dir is None else _read_teachers(recipe, teacher_dir, dimension)
        self.with_teacher = teacher_dir is not None

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, tuple[int, int], Target]:
        """Image (3, S, S) uint8, size (height, width) of its part of the canvas, and target.

        Raises:
            ImageError: the image cannot be read.
            TrainingError: it has another size than its annotations, or a segmentation is malformed.
        """
        cv2.setNumThreads(1)
        sample = self.samples[index]
        rng = np.random.default_rng(int(torch.randint(2**62, ())))
        pixels = read_image(sample.path)
        height, width = sample.size
        if pixels.shape[:2] != sample.size:
            raise TrainingError(
                f"{sample.path} has {pixels.shape[1]} x {pixels.shape[0]} pixels, but its annotations in "
                f"{sample.spec.annotations} are made for {width} x {height}: correct them, or "
                "replace the image"
            )
        view = random_view(height, width, self.recipe.canvas, self.recipe.scale_range, rng)
        boxes, worth = view.boxes(np.array([a.xyxy for a, _ in sample.objects], dtype=np.float32))
        ignored, _ = view.boxes(sample.ignored)
        kept = [pair for pair, keep in zip(sample.objects, worth, strict=True) if keep]
        masks = np.zeros((len(kept), view.canvas, view.canvas), dtype=np.uint8)
        has_mask = np.zeros(len(kept), dtype=bool)
        for i, (annotation, _) in enumerate(kept):
            if sample.spec.masks == "has_mask" and not annotation.raw.get("has_mask"):
                continue
            try:
                encoded = annotation_rle(annotation, height, width)
            except AnnotationError as error:
                raise TrainingError(f"{sample.spec.annotations}: {error}") from error
            if encoded is not None:
                masks[i] = view.mask(rle.decode(encoded))
                has_mask[i] = masks[i].any()
        target = Target(
            boxes=torch.from_numpy(boxes[worth]),
            labels=torch.tensor([row for _, row in kept], dtype=torch.int64),
            masks=torch.from_numpy(masks),
            has_mask=torch.from_numpy(has_mask),
            ignore=torch.from_numpy(np.concatenate([ignored, boxes[~worth]])),
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


def _read_teachers(recipe: Recipe, folder: Path, dimension: int) -> dict[str, dict[int, np.ndarray]]:
    teachers = {}
    for spec in recipe.datasets:
        path = folder / f"{spec.name}.npz"
        if path.is_file():
            try:
                with np.load(path, allow_pickle=False) as stored:
                    ids, vectors = stored["ids"], stored["vectors"]
            except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
                raise TrainingError(f"{path} cannot be read ({error}): {TEACH_AGAIN}") from error
            if vectors.shape != (len(ids), dimension):
                raise TrainingError(
                    f"{path} must hold vectors with shape ({len(ids)}, {dimension}), but got "
                    f"{vectors.shape}: {TEACH_AGAIN}"
                )
            teachers[spec.name] = dict(zip(ids.tolist(), vectors, strict=True))
    if not teachers:
        raise TrainingError(f"{folder} holds no teacher vectors: write them with `python -m training teach`")
    return teachers
