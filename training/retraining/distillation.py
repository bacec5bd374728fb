"""What the model that a retraining starts from makes of a project's images, as targets to hold on to.

Its semantic features e of regions that nobody labelled, and of all regions of everyday photographs, take the
place of a teacher's vectors: training pulls the new features of these regions towards them
(`zsi_core.model.distillation`), so that names which the project does not show keep their meaning (Li and
Hoiem, Learning without Forgetting, ECCV 2016).

Shapes
    R  regions of an image    M  regions kept of all images    D  length of a word vector
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torchvision.ops import box_iou, nms

from training.retraining.samples import spread
from zsi_core.checkpoint import Checkpoint
from zsi_core.coco import image_path, read_coco
from zsi_core.errors import ImageError, TrainingError
from zsi_core.files import atomic_write
from zsi_core.images import read_image
from zsi_core.inference import EncodedImage, Segmenter
from zsi_core.semantics.table import WordTable

REGIONS = 12
"""Most regions that are kept, of an image of a project."""

EVERYDAY_REGIONS = 24
"""Of a photograph that the former model was trained on."""

IMAGES = 400
"""Most images of a set whose regions are kept, evenly spread: of more, the fast recipe would see few."""

COVERED = 0.5
"""Overlap from which a region is that of a label, whose name it is to learn."""

DISTINCT = 0.7


def write_former_features(
    annotations: Path,
    images: Path,
    out: Path,
    segmenter: Segmenter,
    tell: Callable[[int, int], None],
    *,
    everyday: bool = False,
) -> None:
    """Write a teacher file (`training.data.teacher_file`) without vectors of labels.

    Args:
        annotations, images: COCO file and its image folder.
        out: `.npz` file; `region_vectors` (M, D) float16 are unit features.
        segmenter: the former model, see `without_second_opinion`.
        tell: told how many images are done, of how many.
        everyday: the former model was trained on these labels: what it makes of labelled objects, more than
            their names alone, is to be held as well.

    Raises:
        AnnotationError: the annotation file is missing or damaged.
        TrainingError: the file cannot be written.
    """
    content = read_coco(annotations)
    region_image: list[int] = []
    boxes = [np.empty((0, 4), dtype=np.float32)]
    vectors = [np.empty((0, segmenter.model.config.semantic_dimension), dtype=np.float16)]
    chosen = spread(content.images, IMAGES)
    for done, image in enumerate(chosen, start=1):
        try:
            pixels = read_image(image_path(images, image))
        except ImageError:
            continue  # reported when the training reads its images
        encoded = segmenter.encode(pixels)
        if everyday:
            rows = _most_object_like(encoded, [], EVERYDAY_REGIONS)
        else:
            labelled = [a.xyxy for a in content.annotations_of[image.id]]
            rows = _most_object_like(encoded, labelled, REGIONS)
        region_image += [image.id] * len(rows)
        boxes.append(encoded.boxes[rows].cpu().numpy().astype(np.float32))
        vectors.append(F.normalize(encoded.regions.features[rows], dim=1).cpu().numpy().astype(np.float16))
        tell(done, len(chosen))
    try:
        with atomic_write(out) as stream:
            np.savez(
                stream,
                ids=np.empty(0, dtype=np.int64),
                vectors=vectors[0],
                region_image=np.array(region_image, dtype=np.int64),
                region_boxes=np.concatenate(boxes),
                region_vectors=np.concatenate(vectors),
            )
    except OSError as error:
        raise TrainingError(f"{out} cannot be written ({error.strerror}): free some space") from error


def without_second_opinion(checkpoint: Checkpoint, table: WordTable, device: str | None) -> Segmenter:
    """The network of a checkpoint alone: what joins its features later on is no target for them."""
    info = replace(checkpoint.info, second_opinion=None)
    return Segmenter(replace(checkpoint, info=info), table, device=device or "cpu")


def _most_object_like(
    encoded: EncodedImage, labelled: Sequence[tuple[float, float, float, float]], most: int
) -> list[int]:
    """Rows of the most object-like regions that no labelled box covers."""
    boxes, objectness = encoded.boxes.float().cpu(), encoded.regions.objectness.float().cpu()
    covered = box_iou(boxes, boxes.new_tensor(labelled).reshape(-1, 4)) >= COVERED
    free = (~covered.any(dim=1)).nonzero()[:, 0]
    kept = nms(boxes[free], objectness[free], DISTINCT)[:most]
    rows: list[int] = free[kept].tolist()
    return rows
