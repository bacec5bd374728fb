"""A whole evaluation, from file names to `metrics.json`."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsi_core.coco import CocoFile, CocoImage, read_coco
from zsi_core.errors import AnnotationError, ImageError
from zsi_core.evaluation.ground_truth import Task
from zsi_core.evaluation.metrics import Mode
from zsi_core.evaluation.predict import predictions
from zsi_core.evaluation.prediction_file import (
    existing_predictions,
    header,
    new_predictions,
    require_same,
    results_of,
)
from zsi_core.evaluation.protocol import require_zero_shot
from zsi_core.evaluation.report import headline, provenance, results_of_tasks
from zsi_core.proposing.interruption import Interruption
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.progress import RunProgress
from zsi_core.semantics import ClassSplit, load_split

if TYPE_CHECKING:
    from zsi_core.inference import Segmenter


@dataclass(frozen=True)
class Settings:
    """What an evaluation is told.

    Attributes:
        images: folder of the photographs.
        annotations: COCO file of their objects.
        split: name of a class split, or its file.
        modes, tasks: what to evaluate, "zsi" and "segm" first.
        model: installed model or checkpoint folder.
        words: word-vector file; None for the bundled table.
        device: "cpu", "cuda" ...; None for the best.
        predictions: file to keep the predictions in, and to go on with; None to forget them.
        limit: evaluate the first so many images of the file; None for all.
        resamples: of the bootstrap; 0 for none.
        command: for the record.
    """

    images: Path
    annotations: Path
    split: str
    modes: Sequence[Mode] = ("zsi", "gzsi")
    tasks: Sequence[Task] = ("segm", "bbox")
    model: str = "starter"
    words: Path | None = None
    device: str | None = None
    predictions: Path | None = None
    limit: int | None = None
    resamples: int = 300
    command: str = ""


@dataclass(frozen=True)
class Outcome:
    """How an evaluation ended.

    Attributes:
        metrics: content of `metrics.json`; None where it was interrupted.
        left: images that were not reached.
    """

    metrics: dict[str, Any] | None
    left: int = 0


def run(settings: Settings, progress: RunProgress) -> Outcome:
    """Predict on all images, then evaluate; Ctrl+C and SIGTERM end it after an image.

    Raises:
        ZsiError: a file, the split or the model is not usable, or no image could be read.
    """
    split = load_split(settings.split)
    coco = read_coco(settings.annotations)
    images = _images(coco, settings)
    with ExitStack() as stack:
        path = settings.predictions
        if path is None:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zsi-")), "predictions")
        if earlier := existing_predictions(path):
            stack.enter_context(earlier)
        segmenter = _segmenter(settings, earlier)
        require_zero_shot(split, segmenter.checkpoint.info.seen)
        about = header(segmenter, coco, split)
        if earlier:
            require_same(earlier, about)
        journal = earlier or stack.enter_context(new_predictions(path, about, segmenter))
        if left := _predict(segmenter, coco, split, images, settings.images, journal, progress):
            return Outcome(None, left)
        progress.describe("measuring")
        found, skipped = _measure(coco, split, images, settings, journal)
    asked = {
        "split": split.name,
        "mode": settings.modes[0] if len(settings.modes) == 1 else "all",
        "task": settings.tasks[0] if len(settings.tasks) == 1 else "all",
        "limit": settings.limit,
        "command": settings.command,
    }
    return Outcome(
        {**asked, **provenance(segmenter, coco), **headline(found), "skipped": skipped, "results": found}
    )


def _images(coco: CocoFile, settings: Settings) -> list[CocoImage]:
    if not settings.images.is_dir():
        raise ImageError(f"{settings.images} is not a folder: name the folder of the images with --images")
    images = list(coco.images[: settings.limit])
    if not images:
        raise AnnotationError(f"{coco.path} lists no images: there is nothing to evaluate")
    repeated = [name for name, count in Counter(image.file_name for image in images).items() if count > 1]
    if repeated:
        raise AnnotationError(
            f"{coco.path} lists {repeated[0]} more than once: merge its objects into one image, or remove one"
        )
    return images


def _segmenter(settings: Settings, earlier: Journal | None) -> Segmenter:
    """The model; in the number format with which earlier predictions were made, so that nothing differs."""
    import torch

    from zsi_core.inference import Segmenter

    dtype = getattr(torch, earlier.header["precision"]) if earlier else None
    return Segmenter.load(settings.model, words=settings.words, device=settings.device, dtype=dtype)


def _predict(
    segmenter: Segmenter,
    coco: CocoFile,
    split: ClassSplit,
    images: Sequence[CocoImage],
    folder: Path,
    journal: Journal,
    progress: RunProgress,
) -> int:
    """Predict until all is done or the run is interrupted; returns how many images are left."""
    left = sum(image.file_name not in journal.done for image in images)
    with Interruption() as interruption:
        progress.start(len(images), len(images) - left)
        for finished in predictions(segmenter, coco, split, images, folder, journal):
            progress.advance(finished)
            left -= 1
            if interruption.requested:
                break
    return left


def _measure(
    coco: CocoFile, split: ClassSplit, images: Sequence[CocoImage], settings: Settings, journal: Journal
) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """`results` and `skipped` of the metrics."""
    done = [image for image in images if image.file_name in journal.done]
    skipped = [
        {"file_name": image.file_name, "reason": journal.skipped[image.file_name]}
        for image in images
        if image.file_name in journal.skipped
    ]
    if not done:
        raise ImageError(
            f"none of the {len(images)} images could be used ({skipped[0]['file_name']} "
            f"{skipped[0]['reason']}): check --images"
        )
    found = results_of_tasks(
        coco,
        done,
        split,
        lambda kind: results_of(journal, (image.file_name for image in done), kind),
        modes=settings.modes,
        tasks=settings.tasks,
        resamples=settings.resamples,
    )
    return found, skipped
