"""`zsi export` and `zsi import`: annotations out of and into a project file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zsi_core.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_SOME_SKIPPED, ZsiError

if TYPE_CHECKING:
    from zsi_core.coco.tally import Tally


def export(
    project: Path = typer.Argument(..., help="Project file (.zsip)."),
    output: Path = typer.Option(
        ..., "--output", "-o", help="File to write; a folder for formats of many files."
    ),
    format: str = typer.Option("coco", "--format", help="coco, results, yolo, labelme, voc or masks."),
    states: str = typer.Option(
        "accepted,corrected,drawn", "--states", help="States of the objects to write, comma-separated."
    ),
    scores: bool = typer.Option(True, help="Write the model's scores."),
    provenance: bool = typer.Option(
        True, help="Write who made an object, colours and keys of classes, marks of images (key zsi)."
    ),
    rle: bool = typer.Option(False, "--rle", help="Write every mask as RLE."),
    copy_images: bool = typer.Option(False, "--copy-images", help="Copy the images beside the annotations."),
    val: int = typer.Option(
        0, "--val", metavar="PERCENT", min=0, max=99, help="Put so many of the images into a validation set."
    ),
) -> None:
    """Write the annotations of a project as COCO or another format.

    Exit code 0: all done; 1: something was left out, which is listed; 2: wrong usage or input.
    """
    from app.exchange.formats import EXPORT_FORMATS, export_project
    from app.exchange.options import ExportOptions
    from app.project import ProjectError, Queries

    if format not in EXPORT_FORMATS:
        raise UsageError(f"--format must be one of {', '.join(EXPORT_FORMATS)}, but is {format}")
    try:
        options = ExportOptions(
            states=tuple(state.strip() for state in states.split(",") if state.strip()),
            scores=scores,
            provenance=provenance,
            force_rle=rle,
            copy_images=copy_images,
            val_percent=val,
        )
    except ValueError as error:
        raise UsageError(f"--{error}") from error
    if not project.exists():
        raise ProjectError(f"{project} does not exist: check the spelling, or whether it was moved")
    try:
        with Queries.open_for_reading(project) as queries, _bar("images") as progress:
            tally, written = export_project(queries, output, format, options, progress)
    except KeyboardInterrupt:
        typer.echo(f"stopped: {output} is not written", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _tell(tally, f"{', '.join(map(str, written))}: {tally.totals} written")


def import_annotations(
    file: Path = typer.Argument(..., help="Annotation file or folder."),
    images: Path | None = typer.Option(
        None, "--images", metavar="DIR", help="Folder of the images [default: images/ beside the file]."
    ),
    output: Path = typer.Option(
        ..., "--output", "-o", metavar="PROJECT", help="Project file (.zsip), made if there is none."
    ),
    format: str | None = typer.Option(
        None, "--format", help="coco, labelme, yolo, masks [default: found out]."
    ),
) -> None:
    """Read annotations into a project: all of the file or, when it cannot be read, nothing.

    Exit code 0: all done; 1: something was left out, which is listed; 2: wrong usage or input.
    """
    from app.exchange.importing import IMPORT_FORMATS, images_dir_of, import_new

    if format is not None and format not in IMPORT_FORMATS:
        raise UsageError(f"--format must be one of {', '.join(IMPORT_FORMATS)}, but is {format}")
    try:
        with _bar("objects") as progress:
            folder = images or images_dir_of(file)
            tally = import_new(file, output, folder, format, lambda done, total, _: progress(done, total))
    except KeyboardInterrupt:
        typer.echo(f"stopped: {output} is as it was", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _tell(tally, f"{output}: {tally.totals} read")


class UsageError(ZsiError):
    """An option makes no sense."""


@contextmanager
def _bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; yields what tells it (done, total), total 0 when it is not known."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _tell(tally: Tally, summary: str) -> None:
    for line in tally.lines():
        typer.echo(line)
    typer.echo(summary)
    raise typer.Exit(EXIT_SOME_SKIPPED if tally.skipped else EXIT_DONE)
