"""A whole run, from paths and names to the annotation file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from zsi_core.errors import ImageError
from zsi_core.images import FoundImage, find_images
from zsi_core.proposing.interruption import Interruption
from zsi_core.proposing.job import proposals
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.output import Summary, check_output, completed, journal_path, write_output
from zsi_core.proposing.previews import PreviewFolder, without_previews
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


def run(settings: Settings, progress: RunProgress) -> Summary:
    """Propose on all images and write the annotation file; Ctrl+C and SIGTERM end it after an image.

    Raises:
        ZsiError: a name, a path or the model is not usable, or a file cannot be written.
    """
    # What can be wrong with names and paths is told before the model is loaded, which takes seconds.
    resolved_names(
        WordTable.bundled() if settings.words is None else WordTable.load(settings.words), settings.names
    )
    check_output(settings.output, resume=settings.resume, overwrite=settings.overwrite)
    images = _images(settings.paths)
    previews = PreviewFolder(settings.previews) if settings.previews else None
    journal = _interrupted(settings)
    segmenter = _segmenter(settings, journal)
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
    else:
        precision = str(segmenter.dtype).removeprefix("torch.")
        journal = Journal.create(journal_path(settings.output), {**header, "precision": precision})
    with journal, Interruption() as interruption:
        progress.start(len(images), sum(image.name in journal.done for image in images))
        for finished in proposals(segmenter, images, request, journal, previews):
            progress.advance(finished)
            if interruption.requested:
                break
        summary = write_output(settings.output, request, images, journal)
    if not summary.left:
        journal.remove()
    return summary


def _images(paths: Sequence[Path]) -> list[FoundImage]:
    images = without_previews(find_images(paths))
    if not images:
        places = ", ".join(str(path) for path in paths)
        raise ImageError(f"no images in {places}: name photographs, or folders that hold some")
    return images


def _root(image: FoundImage) -> Path:
    """The folder below which images have their names."""
    return image.path.parents[len(PurePosixPath(image.name).parts) - 1]


def _interrupted(settings: Settings) -> Journal | None:
    path = journal_path(settings.output)
    return Journal.resume(path) if settings.resume and path.exists() else None


def _segmenter(settings: Settings, journal: Journal | None) -> Segmenter:
    """The model; in the number format with which an interrupted run began, so that nothing differs."""
    import torch

    from zsi_core.inference import Segmenter

    dtype = getattr(torch, journal.header["precision"]) if journal else None
    return Segmenter.load(settings.model, words=settings.words, device=settings.device, dtype=dtype)
