"""Pictures of held-out images with what the old and the new model find in them, for the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from training.report.examples import Examples, jpeg, spread
from zsi_core.coco import image_path, read_coco
from zsi_core.coco.writer import write_json
from zsi_core.errors import ImageError, TrainingError
from zsi_core.files import atomic_write
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.preview import draw_instances
from zsi_core.retraining import COMPARISONS, PICTURES, Comparison


def write_comparisons(
    folder: Path,
    examples: Examples,
    before: Segmenter,
    after: Segmenter,
    tell: Callable[[int, int], None],
) -> None:
    """Ask both models for the names that are labelled in an image, each with its own threshold.

    Args:
        folder: of the run; gets `pictures/`.
        examples: the held-out images.
        tell: told how many images are done, of how many.

    Raises:
        AnnotationError: the annotation file is damaged, or the list cannot be written.
        TrainingError: a picture cannot be written.
    """
    content = read_coco(examples.annotations)
    chosen = spread(content, examples.count)
    listed: list[Comparison] = []
    for number, image in enumerate(chosen, start=1):
        try:
            pixels = read_image(image_path(examples.images, image))
        except ImageError:
            continue  # the figures say how many images could be read
        labelled = content.annotations_of[image.id]
        names = tuple(dict.fromkeys(content.category_names[a.category_id] for a in labelled))
        found = [model.query(model.encode(pixels), names) for model in (before, after)]
        files = (f"{number}_before.jpg", f"{number}_after.jpg")
        for file, instances in zip(files, found, strict=True):
            _write(folder / PICTURES / file, jpeg(draw_instances(pixels, instances)))
        listed.append(Comparison(image.file_name, names, len(labelled), len(found[0]), len(found[1]), *files))
        tell(number, len(chosen))
    write_json(folder / COMPARISONS, [asdict(comparison) for comparison in listed])


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path) as stream:
            stream.write(content)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror}): free some space") from error
