"""Smaller annotation files, so that what is measured takes minutes however large a project is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from zsi_core.coco import read_coco
from zsi_core.coco.writer import write_json

T = TypeVar("T")


def write_sample(sources: Sequence[Path], target: Path, most: int) -> int:
    """Write an annotation file with at most `most` images, evenly spread over those of some files.

    Args:
        sources: of one project: ids do not collide, and categories are the same.

    Returns:
        How many images it has.

    Raises:
        AnnotationError: a file cannot be read or written.
    """
    contents = [read_coco(path) for path in sources]
    images = [(content, image) for content in contents for image in content.images]
    chosen = spread(images, most)
    document: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    for content, image in chosen:
        document["images"].append(image.raw)
        document["annotations"] += [a.raw for a in content.annotations_of[image.id]]
    if contents:
        document["categories"] = [category.raw for category in contents[0].categories]
    write_json(target, document)
    return len(chosen)


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many items, evenly spread."""
    count = min(most, len(items))
    return [items[i * len(items) // count] for i in range(count)]
