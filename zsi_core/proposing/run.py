"""A whole run, from paths and names to the annotation file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from zsi_core.errors import AnnotationError, ImageError
from zsi_core.images import FoundImage, find_images
from zsi_core.proposing.dealing import deal_out
from zsi_core.proposing.interruption import Interruption
from zsi_core.proposing.job import proposals
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.output import Summary, check_output, completed, journal_path, write_output
from zsi_core.proposing.previews import PreviewFolder, without_previews
from zsi_core.proposing.processes import Processes
from zsi_core.proposing.progress import RunProgress
from zsi_core.proposing.request import Request, resolved_names
from zsi_core.semantics import WordTable

if TYPE_CHECKING:
    from zsi_core.inference import Segmenter
    from zsi_core.inference.vocabulary import Mode


@dataclass(frozen=True)
class Settings:
    """What a run is told.

    Attributes:
        paths: photographs, and folders of them.
        names: typed class names, no class twice.
        output: COCO file to write.
        previews: folder for preview pictures, or None.
        mode: "zsi" proposes the names only, "gzsi" also the seen classes.
        threshold: smallest score; None for the model's.
        max_per_image: most proposals for an image.
        model: installed model or checkpoint folder.
        words: word-vector file; None for the bundled table.
        device: "cpu", "cuda" ...; None for the best.
        resume: go on with the journal of an interrupted run, if there is one.
        overwrite: replace earlier results.
    """

    paths: Sequence[Path]
    names: Sequence[str]
    output: Path
    previews: Path | None = None
    mode: Mode = "zsi"
    threshold: float | None = None
    max_per_image: int = 100
    model: str = "starter"
    words: Path | None = None
    device: str | None = None
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class _Job:
    """A run that can begin."""

    images: list[FoundImage]
    request: Request
    segmenter: Segmenter
    journal: Journal
    previews: PreviewFolder | None


def run(settings: Settings, progress: RunProgress, processes: Processes | None = None) -> Summary | None:
    """Propose on all images and write the annotation file; Ctrl+C and SIGTERM end it after an image.

    Args:
        processes: those that the images are dealt out to; by default this one alone.

    Returns:
        What the file holds; None in all processes but the main one, which writes it.

    Raises:
        ZsiError: a name, a path or the model is not usable, or a file cannot be written.
    """
    processes = processes or Processes()
    with ExitStack() as stack:
        with processes.main_first():
            job = _prepared(settings, processes, stack)
        if isinstance(job, Summary):
            return job if processes.is_main else None
        left = [image for image in job.images if image.name not in job.journal.done]
        processes.require_same([image.name for image in left], _not_shared(settings))
        interruption = stack.enter_context(Interruption())
        progress.start(len(job.images), len(job.images) - len(left))
        deal_out(
            left,
            lambda images: proposals(job.segmenter, images, job.request, job.journal, job.previews),
            job.journal,
            processes,
            progress,
            interruption,
        )
        if not processes.is_main:
            return None
        summary = write_output(settings.output, job.request, job.images, job.journal)
        if not summary.left:
            job.journal.remove()
        return summary


def _prepared(settings: Settings, processes: Processes, stack: ExitStack) -> _Job | Summary:
    """A run that can begin, its journal open on the stack; or the end of one that has finished before."""
    if processes.is_main:
        # What can be wrong with names and paths is told before the model is loaded, which takes seconds.
        table = WordTable.bundled() if settings.words is None else WordTable.load(settings.words)
        resolved_names(table, settings.names)
        check_output(settings.output, resume=settings.resume, overwrite=settings.overwrite)
    images = _images(settings.paths)
    previews = PreviewFolder(settings.previews) if settings.previews else None
    journal = _existing(settings, processes)
    if journal:
        stack.enter_context(journal)
    segmenter = _segmenter(settings, journal, processes)
    request = Request.of(
        segmenter,
        settings.names,
        mode=settings.mode,
        threshold=settings.threshold,
        max_per_image=settings.max_per_image,
    )
    header: dict[str, Any] = {**request.to_dict(), "folder": str(_root(images[0]))}
    if journal:
        journal.require(header)
    elif settings.resume and (summary := completed(settings.output, request, images)):
        return summary
    elif processes.is_main:
        precision = str(segmenter.dtype).removeprefix("torch.")
        journal = Journal.create(journal_path(settings.output), {**header, "precision": precision})
        stack.enter_context(journal)
    else:
        raise AnnotationError(_not_shared(settings))
    return _Job(images, request, segmenter, journal, previews)


def _images(paths: Sequence[Path]) -> list[FoundImage]:
    images = without_previews(find_images(paths))
    if not images:
        places = ", ".join(str(path) for path in paths)
        raise ImageError(f"no images in {places}: name photographs, or folders that hold some")
    return images


def _root(image: FoundImage) -> Path:
    """The folder below which images have their names."""
    return image.path.parents[len(PurePosixPath(image.name).parts) - 1]


def _existing(settings: Settings, processes: Processes) -> Journal | None:
    """The journal to go on with, or this process's part of the one that the main process has."""
    path = journal_path(settings.output)
    if not path.exists():
        return None
    if not processes.is_main:
        return Journal.part(path, processes.number)
    return Journal.resume(path) if settings.resume else None


def _segmenter(settings: Settings, journal: Journal | None, processes: Processes) -> Segmenter:
    """The model; in the number format with which the run began, so that nothing differs."""
    import torch

    from zsi_core.inference import Segmenter

    dtype = getattr(torch, journal.header["precision"]) if journal else None
    device = processes.device(settings.device)
    return Segmenter.load(settings.model, words=settings.words, device=device, dtype=dtype)


def _not_shared(settings: Settings) -> str:
    return (
        f"the processes do not find the same photographs, or not the same {journal_path(settings.output)}: "
        "several machines must share the photographs and the folder of -o"
    )
