"""Teacher vectors: what an ImageNet classifier makes of every labelled box, as a word vector.

Naming suffers most from little data. A classifier that knows 1,000 names says, for the crop of a labelled
box, which of them fit; the mean of their word vectors, weighted by probability, is a target for the semantic
feature e of regions on that object. It costs nothing at inference. ImageNet's names include some that a
zero-shot split calls unseen ("airliner", "tabby"): no box or mask of them is used, but a card must say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import timm
import torch
from timm.data import ImageNetInfo
from torchvision.ops import box_iou, nms

from training.backbone_weights import read_efficientnet_lite0
from zsi_core.coco.reader import image_path, read_coco
from zsi_core.files import atomic_write
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.inference.classifier import NamedClassifier, crop
from zsi_core.semantics.resolve import resolve
from zsi_core.semantics.table import WordTable

NETWORK = "tf_efficientnet_lite0"
CROP = 224
SMALLEST_SIDE = 16.0
BATCH = 32

REGIONS = 12
"""Most regions without a label that are shown to the teacher, of an image."""

SMALLEST_REGION = 24.0
COVERED = 0.7
"""Overlap from which a region is that of a label."""


class ImageNetTeacher(NamedClassifier):
    """EfficientNet-Lite0 with its classifier, and the word vectors of its 1,000 names."""

    def __init__(self, weights: Path, table: WordTable) -> None:
        network = timm.create_model(NETWORK, pretrained=False)
        network.load_state_dict(read_efficientnet_lite0(weights, network))
        super().__init__(network, torch.from_numpy(_imagenet_vectors(table)))


def write_teacher_vectors(
    annotations: Path,
    images: Path,
    out: Path,
    teacher: NamedClassifier,
    tell: Callable[[int, int], None] = lambda done, total: None,
    *,
    segmenter: Segmenter | None = None,
) -> int:
    """Write teacher vectors of every box of a COCO file whose sides are long enough to recognise anything.

    Args:
        annotations: COCO file.
        images: its image folder.
        out: `.npz` with `ids` (N,) int64, annotation ids, and `vectors` (N, D) float16; of regions without a
            label `region_image` (M,) int64, image ids, `region_boxes` (M, 4) float32, x1, y1, x2, y2 in
            pixels, and `region_vectors` (M, D) float16.
        teacher: whom to ask.
        tell: is told how many images are done, and of how many.
        segmenter: finds regions that no label covers; none without it.

    Returns:
        N + M.
    """
    content = read_coco(annotations)
    asked = _Asked(teacher)
    for done, image in enumerate(content.images):
        tell(done, len(content.images))
        labelled = [a for a in content.annotations_of[image.id] if not a.iscrowd]
        large = [a for a in labelled if min(a.bbox[2:]) >= SMALLEST_SIDE]
        if not large and segmenter is None:
            continue
        pixels = read_image(image_path(images, image))
        for annotation in large:
            asked.add(pixels, annotation.xyxy, annotation.id, None)
        if segmenter is not None:
            for box in _unlabelled(segmenter, pixels, [a.xyxy for a in labelled]):
                asked.add(pixels, box, image.id, box)
    asked.write(out)
    return len(asked.ids)


class _Asked:
    """Crops on their way to the teacher, in batches, and its answers."""

    def __init__(self, teacher: NamedClassifier) -> None:
        self.teacher = teacher
        self.ids: list[int] = []
        self.boxes: list[Sequence[float] | None] = []
        self.vectors = [np.empty((0, teacher.names.shape[1]), dtype=np.float16)]
        self._waiting: list[np.ndarray] = []

    def add(self, pixels: np.ndarray, box: Sequence[float], id: int, region: Sequence[float] | None) -> None:
        shown = crop(pixels, box, CROP)
        if shown is None:
            return
        self._waiting.append(shown)
        self.ids.append(id)
        self.boxes.append(region)
        if len(self._waiting) == BATCH:
            self._ask()

    def _ask(self) -> None:
        if self._waiting:
            self.vectors.append(self.teacher.vectors(self._waiting).numpy().astype(np.float16))
            self._waiting.clear()

    def write(self, out: Path) -> None:
        self._ask()
        vectors, ids = np.concatenate(self.vectors), np.array(self.ids, dtype=np.int64)
        is_region = np.array([box is not None for box in self.boxes], dtype=bool)
        regions = [box for box in self.boxes if box is not None]
        with atomic_write(out) as stream:
            np.savez(
                stream,
                ids=ids[~is_region],
                vectors=vectors[~is_region],
                region_image=ids[is_region],
                region_boxes=np.array(regions, dtype=np.float32).reshape(-1, 4),
                region_vectors=vectors[is_region],
            )


def _unlabelled(
    segmenter: Segmenter, pixels: np.ndarray, labelled: Sequence[Sequence[float]]
) -> list[list[float]]:
    """Boxes of the most object-like regions that no label covers."""
    encoded = segmenter.encode(pixels)
    boxes, objectness = encoded.boxes.cpu(), encoded.regions.objectness.cpu()
    large = ((boxes[:, 2:] - boxes[:, :2]).amin(dim=1) >= SMALLEST_REGION).nonzero()[:, 0]
    best = large[nms(boxes[large], objectness[large], 0.5)][:REGIONS]
    if labelled and len(best):
        known = torch.tensor(np.array(labelled), dtype=torch.float32)
        best = best[box_iou(boxes[best], known).amax(dim=1) < COVERED]
    return boxes[best].tolist()


def _imagenet_vectors(table: WordTable) -> np.ndarray:
    """(1000, D) float32: mean word vector of the lemmas of each ImageNet class, zero where none is known."""
    info = ImageNetInfo()
    rows = np.zeros((info.num_classes(), table.dimension), dtype=np.float32)
    for index in range(len(rows)):
        found = [resolve(table, lemma).vector for lemma in info.index_to_description(index).split(", ")]
        known = [vector for vector in found if vector is not None]
        if known:
            mean = np.mean(known, axis=0)
            rows[index] = mean / np.linalg.norm(mean)
    return rows
