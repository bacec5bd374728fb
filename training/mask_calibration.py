"""Choose the probability from which on a pixel belongs to a mask.

Outlines of training masks lie inside the objects here and there (those of Pascal VOC by a pixel or two), and
a network that was trained for a short time is unsure at edges. Both make masks too small at one half.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from zsi_core.coco.reader import annotation_rle, image_path, read_coco
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.instances import rle
from zsi_core.instances.rle import Rle

MASK_THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


def best_mask_threshold(segmenter: Segmenter, annotations: Path, images: Path) -> tuple[float, float]:
    """The threshold with the best mean IoU of masks given the true box, and that IoU.

    Args:
        segmenter: the model.
        annotations, images: COCO file and its image folder; objects without a mask are left out.

    Returns:
        0.5 and 0.0 where no object has a mask.
    """
    content = read_coco(annotations)
    given = segmenter.calibration
    overlaps: list[np.ndarray] = []
    for image in content.images:
        masks = [
            (a, mask)
            for a in content.annotations_of[image.id]
            if not a.iscrowd and (mask := annotation_rle(a, image.height, image.width)) is not None
        ]
        if not masks:
            continue
        encoded = segmenter.encode(read_image(image_path(images, image)))
        for annotation, truth in masks:
            name = content.category_names[annotation.category_id]
            found: list[Rle] = []
            for threshold in MASK_THRESHOLDS:
                segmenter.calibration = replace(given, mask_threshold=threshold)
                found += segmenter.segment_box(encoded, annotation.xyxy, name).masks
            overlaps.append(rle.iou(found, [truth])[:, 0])
    segmenter.calibration = given
    if not overlaps:
        return 0.5, 0.0
    mean = np.mean(overlaps, axis=0)
    return MASK_THRESHOLDS[int(mean.argmax())], float(mean.max())
