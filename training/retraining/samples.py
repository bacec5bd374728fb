"""Smaller annotation files, so that what is measured takes minutes however large a project is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from zsi_core.coco import read_coco
from zsi_core.coco.writer import write_json

T = TypeVar("T")


def write_sample(source: Path, target: Path, most: int) -> int:
    """Write an annotation file with at most `most` images, evenly spread over those of another file.

    Returns:
        How many images it has.

    Raises:
        AnnotationError: a file cannot be read or written.
    """
    content = read_coco(source)
    chosen = spread(content.images, most)
    document: dict[str, Any] = {
        "images": [image.raw for image in chosen],
        "annotations": [a.raw for image in chosen for a in content.annotations_of[image.id]],
        "categories": [category.raw for category in content.categories],
    }
    write_json(target, document)
    return len(chosen)


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many items, evenly spread."""
    count = min(most, len(items))
    return [items[i * len(items) // count] for i in range(count)]
