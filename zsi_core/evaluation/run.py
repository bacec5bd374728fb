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
from zsi_core.proposing.dealing import deal_out
from zsi_core.proposing.interruption import Interruption
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.processes import Processes
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


@dataclass(frozen=True)
class _Job:
    """A run that can begin."""

    split: ClassSplit
    coco: CocoFile
    images: list[CocoImage]
    segmenter: Segmenter
    journal: Journal


def run(settings: Settings, progress: RunProgress, processes: Processes | None = None) -> Outcome | None:
    """Predict on all images, then evaluate; Ctrl+C and SIGTERM end it after an image.

    Args:
        processes: those that the images are dealt out to; by default this one alone.

    Returns:
        How it ended; None in all processes but the main one, which evaluates.

    Raises:
        ZsiError: a file, the split or the model is not usable, or no image could be read.
    """
    processes = processes or Processes()
    with ExitStack() as stack:
        with processes.main_first():
            job = _prepared(settings, processes, stack)
        left = _predict(job, settings, progress, processes)
        if not processes.is_main:
            return None
        if left:
            return Outcome(None, left)
        progress.describe("measuring")
        found, skipped = _measure(job, settings)
    asked = {
        "split": job.split.name,
        "mode": settings.modes[0] if len(settings.modes) == 1 else "all",
        "task": settings.tasks[0] if len(settings.tasks) == 1 else "all",
        "limit": settings.limit,
        "command": settings.command,
    }
    about = provenance(job.segmenter, job.coco)
    return Outcome({**asked, **about, **headline(found), "skipped": skipped, "results": found})


def _prepared(settings: Settings, processes: Processes, stack: ExitStack) -> _Job:
    """A run that can begin, its predictions open on the stack."""
    split = load_split(settings.split)
    coco = read_coco(settings.annotations)
    images = _images(coco, settings)
    path = settings.predictions
    if path is None:
        if processes.count > 1:
            raise AnnotationError(
                "several processes bring their predictions together in a file: name it with --predictions"
            )
        path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zsi-")), "predictions")
    if earlier := existing_predictions(path, processes):
        stack.enter_context(earlier)
    elif not processes.is_main:
        raise AnnotationError(_not_shared(settings))
    segmenter = _segmenter(settings, earlier, processes)
    require_zero_shot(split, segmenter.checkpoint.info.seen)
    about = header(segmenter, coco, split)
    if earlier:
        require_same(earlier, about)
    journal = earlier or stack.enter_context(new_predictions(path, about, segmenter))
    return _Job(split, coco, images, segmenter, journal)


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


def _segmenter(settings: Settings, earlier: Journal | None, processes: Processes) -> Segmenter:
    """The model; in the number format with which earlier predictions were made, so that nothing differs."""
    import torch

    from zsi_core.inference import Segmenter

    dtype = getattr(torch, earlier.header["precision"]) if earlier else None
    device = processes.device(settings.device)
    return Segmenter.load(settings.model, words=settings.words, device=device, dtype=dtype)


def _predict(job: _Job, settings: Settings, progress: RunProgress, processes: Processes) -> int:
    """Predict until all is done or the run is interrupted; returns how many images are left."""
    left = [image for image in job.images if image.file_name not in job.journal.done]
    processes.require_same([image.file_name for image in left], _not_shared(settings))
    with Interruption() as interruption:
        progress.start(len(job.images), len(job.images) - len(left))
        deal_out(
            left,
            lambda images: predictions(
                job.segmenter, job.coco, job.split, images, settings.images, job.journal
            ),
            job.journal,
            processes,
            progress,
            interruption,
        )
    return sum(image.file_name not in job.journal.done | job.journal.skipped.keys() for image in left)


def _not_shared(settings: Settings) -> str:
    return (
        f"the processes do not evaluate the same images, or do not find the same {settings.predictions}: "
        "start all with the same options; several machines must share the folder of --predictions"
    )


def _measure(job: _Job, settings: Settings) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """`results` and `skipped` of the metrics."""
    coco, images, journal = job.coco, job.images, job.journal
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
        job.split,
        lambda kind: results_of(journal, (image.file_name for image in done), kind),
        modes=settings.modes,
        tasks=settings.tasks,
        resamples=settings.resamples,
    )
    return found, skipped
