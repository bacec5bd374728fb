"""Teacher vectors: what an ImageNet classifier makes of every labelled box, as a word vector.

Naming suffers most from little data. A classifier that knows 1,000 names says, for the crop of a labelled
box, which of them fit; the mean of their word vectors, weighted by probability, is a target for the semantic
feature e of regions on that object. It costs nothing at inference. ImageNet's names include some that a
zero-shot split calls unseen ("airliner", "tabby"): no box or mask of them is used, but a card must say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import timm
import torch
from timm.data import ImageNetInfo
from torch import Tensor, nn

from training.backbone_weights import read_efficientnet_lite0
from zsi_core.coco.reader import image_path, read_coco
from zsi_core.files import atomic_write
from zsi_core.images import read_image
from zsi_core.model.backbone import normalise
from zsi_core.semantics.resolve import resolve
from zsi_core.semantics.table import WordTable

CROP = 224
MARGIN = 0.15
TOP = 10
SMALLEST_SIDE = 16.0
BATCH = 32


class ImageNetTeacher:
    """EfficientNet-Lite0 with its classifier, and the word vectors of its 1,000 names."""

    def __init__(self, weights: Path, table: WordTable) -> None:
        self.network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
        self.network.load_state_dict(read_efficientnet_lite0(weights, self.network))
        self.network = self.network.to(memory_format=torch.channels_last)
        self.names = torch.from_numpy(_imagenet_vectors(table))

    @torch.inference_mode()
    def vectors(self, crops: list[np.ndarray]) -> Tensor:
        """Unit word vectors (N, D) of crops (224, 224, 3) uint8 RGB."""
        images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.network(normalise(images).contiguous(memory_format=torch.channels_last))
        weight, which = scores.float().softmax(dim=1).topk(TOP)
        return nn.functional.normalize((weight[:, :, None] * self.names[which]).sum(dim=1), dim=1)


def write_teacher_vectors(
    annotations: Path,
    images: Path,
    out: Path,
    teacher: ImageNetTeacher,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write teacher vectors of every box of a COCO file whose sides are long enough to recognise anything.

    Args:
        annotations: COCO file.
        images: its image folder.
        out: `.npz` with `ids` (N,) int64, annotation ids, and `vectors` (N, D) float16.
        teacher: whom to ask.
        tell: is told how many images are done, and of how many.

    Returns:
        N.
    """
    ids: list[int] = []
    vectors = [np.empty((0, teacher.names.shape[1]), dtype=np.float16)]
    batch: list[tuple[int, np.ndarray]] = []

    def flush() -> None:
        if batch:
            ids.extend(identity for identity, _ in batch)
            vectors.append(teacher.vectors([crop for _, crop in batch]).numpy().astype(np.float16))
            batch.clear()

    for entry in _crops(annotations, images, tell):
        batch.append(entry)
        if len(batch) == BATCH:
            flush()
    flush()
    with atomic_write(out) as stream:
        np.savez(stream, ids=np.array(ids, dtype=np.int64), vectors=np.concatenate(vectors))
    return len(ids)


def _crops(
    annotations: Path, images: Path, tell: Callable[[int, int], None]
) -> Iterator[tuple[int, np.ndarray]]:
    content = read_coco(annotations)
    for done, image in enumerate(content.images):
        tell(done, len(content.images))
        boxes = [
            a for a in content.annotations_of[image.id] if not a.iscrowd and min(a.bbox[2:]) >= SMALLEST_SIDE
        ]
        if not boxes:
            continue
        pixels = read_image(image_path(images, image))
        height, width = pixels.shape[:2]
        for annotation in boxes:
            x, y, w, h = annotation.bbox
            x1, x2 = max(0, int(x - MARGIN * w)), min(width, int(x + (1 + MARGIN) * w) + 1)
            y1, y2 = max(0, int(y - MARGIN * h)), min(height, int(y + (1 + MARGIN) * h) + 1)
            if x1 < x2 and y1 < y2:
                crop = cv2.resize(pixels[y1:y2, x1:x2], (CROP, CROP), interpolation=cv2.INTER_AREA)
                yield annotation.id, crop


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
