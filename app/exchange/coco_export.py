"""Write a project as COCO: an annotation file, or one each for training and validation; detection results."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app.exchange.outgoing import Outgoing
from zsi_core.coco.file_stream import coco_file, writing
from zsi_core.coco.formats.common import copy_image
from zsi_core.coco.segmentation import segmentation_rle
from zsi_core.errors import AnnotationError

IMAGES = "images"
"""Folder of copied images, beside the annotation file."""


def export_coco(outgoing: Outgoing, target: Path, *, split: bool, copy_images: bool) -> list[Path]:
    """Write annotation files, complete or not at all.

    Args:
        split: write `NAME_train.json` and `NAME_val.json`.
        copy_images: copy the images to a folder `images` beside the file.

    Returns:
        The files.

    Raises:
        AnnotationError: a file cannot be written.
    """
    targets = [target]
    if split:
        targets = [target.with_stem(f"{target.stem}_{part}") for part in ("train", "val")]
    head = {
        "info": outgoing.info,
        "licenses": outgoing.licenses,
        "categories": outgoing.categories,
        "extra": outgoing.extra,
    }
    with ExitStack() as stack:
        files = [stack.enter_context(coco_file(path, **head)) for path in targets]  # type: ignore[arg-type]
        for image in outgoing.images():
            file = files[split and image.in_val]
            file.add_image(image.entry)
            file.add_annotations(image.annotations)
            if copy_images:
                copy_image(image, target.parent / IMAGES / image.name, outgoing.tally)
    return targets


def export_results(outgoing: Outgoing, target: Path) -> list[Path]:
    """Write the objects that a model scored as a COCO results file: a list, masks as RLE.

    Raises:
        AnnotationError: the file cannot be written, or no object has a score.
    """
    written = 0
    with writing(target) as stream:
        for image in outgoing.images():
            for annotation in image.annotations:
                if "score" not in annotation:
                    outgoing.tally.objects -= 1
                    outgoing.tally.skip("objects without a score: made by hand", image.name)
                    continue
                stream.write((",\n" if written else "[") + json.dumps(_result(annotation, image.size)))
                written += 1
        if not written:
            raise AnnotationError(
                f"{target} is not written: no object of the chosen states has a score of a model"
            )
        stream.write("]\n")
    return [target]


def _result(annotation: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    result = {key: annotation[key] for key in ("image_id", "category_id", "bbox", "score")}
    if mask := segmentation_rle(annotation["segmentation"], *size):
        result["segmentation"] = mask
    return result
