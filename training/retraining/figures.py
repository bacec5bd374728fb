"""How good a model is on the held-out part of a project, and how much of what it knew is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zsi_core.coco import CocoFile, CocoImage, detection_results, image_path, read_coco
from zsi_core.errors import ImageError
from zsi_core.evaluation.ground_truth import has_mask
from zsi_core.evaluation.matching import MAX_DETECTIONS
from zsi_core.evaluation.metrics import mode_metrics
from zsi_core.evaluation.predict import category_ids
from zsi_core.evaluation.protocol import vocabularies
from zsi_core.files import resources_dir
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.inference.scoring import PROTOCOL
from zsi_core.instances import Instances, rle
from zsi_core.semantics import ClassSplit, class_key

GROUPS = ("seen", "unseen", "harmonic_mean")

KEPT_AMONG = 3
"""Best instances of the new model among which one of the old model's must be found again."""

SAME_MASK = 0.5
"""Overlap of masks from which they show the same object."""

Tell = Callable[[int, int], None]
"""Told how many images are done, of how many; what it raises ends the work."""


def held_out_figures(
    segmenter: Segmenter, annotations: Path, images: Path, split: ClassSplit, tell: Tell
) -> dict[str, Any]:
    """Figures on the held-out images, as in `metrics.json`, by the paper's protocol for GZSI.

    Trained names compete among themselves, and so do the left-out ones; there are no distractors.

    Args:
        split: trained classes as seen ones, left-out ones as unseen.

    Raises:
        AnnotationError: the file is missing or damaged.
    """
    coco = read_coco(annotations)
    lists = vocabularies(segmenter.vocabularies.table, split)
    asked = [lists.seen, lists.zsi] if split.unseen else [lists.seen]
    ids = category_ids(coco, split)
    results: list[dict[str, Any]] = []
    read: list[CocoImage] = []
    for done, image in enumerate(coco.images, start=1):
        try:
            encoded = segmenter.encode(read_image(image_path(images, image)))
        except ImageError:
            continue  # the number of images says so
        for vocabulary in asked:
            found = segmenter.find(
                encoded, vocabulary, threshold=0.0, max_instances=MAX_DETECTIONS, suppression=PROTOCOL
            )
            results += detection_results(image.id, found, ids)
        read.append(image)
        tell(done, len(coco.images))
    task = "segm" if _any_masks(coco, read) else "bbox"
    figures = mode_metrics(coco, read, split, results, mode="gzsi", task=task, resamples=0)  # type: ignore[arg-type]
    return {"split": split.name, "task": task, "model": {"sha256": segmenter.checkpoint.sha256}, **figures}


def group_rows(figures: dict[str, Any]) -> dict[str, float | None]:
    """AP50 of the groups."""
    return {group: figures[group]["map50"] if figures[group] else None for group in GROUPS}


def kept_share(old: Segmenter, new: Segmenter) -> float | None:
    """Share of what the old model finds on the demonstration photographs that the new one finds as well.

    Asked for are the names in each photograph that the old model was never trained on. Its best instance of
    each must be among the new model's best three, by the overlap of masks. No labels are needed, and none of
    the photographs is trained on.

    Returns:
        None where there is nothing to be kept.
    """
    folder = resources_dir() / "demo"
    listing = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    trained = {class_key(name) for name in new.checkpoint.info.seen}
    kept: list[bool] = []
    for entry in listing["images"]:
        names = [name for name in entry["names"] if class_key(name) not in trained]
        if not names:
            continue
        pixels = read_image(folder / entry["file"])
        before, after = old.encode(pixels), new.encode(pixels)
        for name in names:
            wanted = old.query(before, [name], threshold=0.0, max_instances=1)
            found = new.query(after, [name], threshold=0.0, max_instances=KEPT_AMONG)
            if len(wanted):
                kept.append(_found_again(wanted, found))
    return sum(kept) / len(kept) if kept else None


def _found_again(wanted: Instances, found: Instances) -> bool:
    return bool(len(found)) and bool(rle.iou(list(found.masks), list(wanted.masks)).max() >= SAME_MASK)


def _any_masks(coco: CocoFile, images: Sequence[CocoImage]) -> bool:
    """Whether masks can be evaluated on any of the images (see `mode_metrics`)."""
    return any((objects := coco.annotations_of[image.id]) and all(map(has_mask, objects)) for image in images)
