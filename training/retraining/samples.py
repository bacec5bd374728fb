"""Smaller annotation files, so that what is measured takes minutes however large a project is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zsi_core.coco import read_coco
from zsi_core.coco.writer import write_json


def write_sample(source: Path, target: Path, most: int) -> int:
    """Write an annotation file with at most `most` images, evenly spread over those of another file.

    Returns:
        How many images it has.

    Raises:
        AnnotationError: a file cannot be read or written.
    """
    content = read_coco(source)
    count = min(most, len(content.images))
    chosen = [content.images[i * len(content.images) // count] for i in range(count)]
    document: dict[str, Any] = {
        "images": [image.raw for image in chosen],
        "annotations": [a.raw for image in chosen for a in content.annotations_of[image.id]],
        "categories": [category.raw for category in content.categories],
    }
    write_json(target, document)
    return len(chosen)
