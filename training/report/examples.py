"""Example predictions: photographs of an evaluation set with what the trained model finds in them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.report.page import Picture
from zsi_core.checkpoint import load_checkpoint
from zsi_core.coco.reader import CocoFile, CocoImage, image_path, read_coco
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.preview import draw_instances
from zsi_core.semantics.table import WordTable

LONGEST = 960
"""Longer side of a picture in pixels."""

QUALITY = 85


@dataclass(frozen=True)
class Examples:
    """Where example predictions come from.

    Attributes:
        annotations, images: COCO file and its image folder.
        count: how many, spread evenly over the images that hold objects.
        checkpoint: whose predictions; by default that of the run.
    """

    annotations: Path
    images: Path
    count: int = 6
    checkpoint: Path | None = None


def example_pictures(checkpoint: Path, examples: Examples) -> Iterator[Picture]:
    """Ask the model for the names that are labelled in an image, and draw what it finds.

    Raises:
        ZsiError: checkpoint, annotations or an image cannot be read, or a name has no word vector.
    """
    segmenter = Segmenter(load_checkpoint(checkpoint), WordTable.bundled())
    content = read_coco(examples.annotations)
    for number, image in enumerate(spread(content, examples.count), start=1):
        labelled = content.annotations_of[image.id]
        names = list(dict.fromkeys(content.category_names[a.category_id] for a in labelled))
        pixels = read_image(image_path(examples.images, image))
        found = segmenter.query(segmenter.encode(pixels), names)
        caption = (
            f"{image.file_name}: asked for {', '.join(names)}; {len(found)} found, {len(labelled)} labelled"
        )
        yield Picture(f"example_{number}.jpg", jpeg(draw_instances(pixels, found)), caption)


def spread(content: CocoFile, count: int) -> list[CocoImage]:
    """At most so many images that hold objects, evenly over the file."""
    with_objects = [image for image in content.images if content.annotations_of[image.id]]
    chosen = np.linspace(0, len(with_objects) - 1, min(count, len(with_objects))).round().astype(int)
    return [with_objects[i] for i in chosen]


def jpeg(picture: np.ndarray) -> bytes:
    """A (H, W, 3) uint8 picture as a JPEG file, made smaller if it is large."""
    image = Image.fromarray(picture)
    image.thumbnail((LONGEST, LONGEST))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()
