"""`zsi benchmark-split`: the benchmark's annotation files from COCO's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zsi_core.errors import ZsiError

if TYPE_CHECKING:
    from rich.progress import Progress

    from zsi_core.coco.benchmark_split import CheckValue, SetCounts
    from zsi_core.semantics import ClassSplit

TRAINING, ZSI_TEST, GZSI_TEST = "train.json", "zsi_test.json", "gzsi_test.json"


def benchmark_split(
    output: Path = typer.Option(
        ..., "--output", "-o", metavar="DIR", help=f"Folder for {TRAINING}, {ZSI_TEST} and {GZSI_TEST}."
    ),
    split: str = typer.Option("coco_65_15", help="Class split: 65_15, 48_17, or a .toml file."),
    train: Path | None = typer.Option(
        None, "--train", metavar="FILE", help="instances_train2014.json, or the file of another release."
    ),
    val: Path | None = typer.Option(
        None, "--val", metavar="FILE", help="instances_val2014.json, or the file of another release."
    ),
) -> None:
    """Make the training and test files of the zero-shot benchmark from COCO's annotation files.

    Training keeps the images that show no unseen class. The ZSI test has the images that show one. The GZSI
    test has the same images for 65/15, else all that show any class of the split. Only the figures of the
    2014 release compare with the paper's.
    """
    if train is None and val is None:
        raise ZsiError("there is nothing to split: name --train, --val, or both")

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from zsi_core.semantics import load_split

    classes = load_split(split)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZsiError(f"{output} cannot be made ({error.strerror}): choose another folder") from error
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        if train is not None:
            _training(train, classes, output / TRAINING, progress)
        if val is not None:
            _tests(val, classes, output, progress)


def _training(source: Path, split: ClassSplit, target: Path, progress: Progress) -> None:
    from zsi_core.coco.benchmark_split import PASSES_TRAINING, BenchmarkSource

    on_read = _Bar(progress, source, PASSES_TRAINING)
    counts = BenchmarkSource(source, split, on_read).write_training_set(target)
    on_read.finish()
    _tell(
        target, f"{counts.images:,} images, {counts.seen:,} objects of {len(split.seen)} seen classes", counts
    )


def _tests(source: Path, split: ClassSplit, folder: Path, progress: Progress) -> None:
    from zsi_core.coco.benchmark_split import PASSES_TEST, BenchmarkSource

    on_read = _Bar(progress, source, PASSES_TEST)
    sets = BenchmarkSource(source, split, on_read)
    expected = sets.check_value()
    zsi, gzsi = sets.write_test_sets(folder / ZSI_TEST, folder / GZSI_TEST)
    on_read.finish()
    told = f"{zsi.images:,} images, {zsi.unseen:,} objects of {len(split.unseen)} unseen classes"
    _tell(folder / ZSI_TEST, told, zsi)
    told = f"{gzsi.images:,} images, {gzsi.seen:,} objects of seen and {gzsi.unseen:,} of unseen classes"
    _tell(folder / GZSI_TEST, told, gzsi)
    if expected:
        typer.echo(_check_line(expected, zsi, gzsi))


def _tell(target: Path, told: str, counts: SetCounts) -> None:
    crowds = f", {counts.crowds:,} crowd regions" if counts.crowds else ""
    only = f"; on {counts.crowd_only_images:,} images as crowds only" if counts.crowd_only_images else ""
    typer.echo(f"{target}: {told}{crowds}{only}")


def _check_line(expected: CheckValue, zsi: SetCounts, gzsi: SetCounts) -> str:
    """Whether the counts are the published ones."""
    found = (zsi.images, zsi.unseen, gzsi.seen + gzsi.unseen)
    wanted = (expected.images, expected.unseen, expected.objects)
    text = "{:,} images, {:,} unseen objects, {:,} objects in all"
    verdict = "agrees" if found == wanted else f"does not agree: this file gives {text.format(*found)}"
    return f"check against the published lists of val2014 ({text.format(*wanted)}): {verdict}"


class _Bar:
    """Tells a bar how many bytes of a file were read, over all passes."""

    def __init__(self, progress: Progress, source: Path, passes: int) -> None:
        size = source.stat().st_size if source.is_file() else 0
        self._progress = progress
        self._total = size * passes
        self._task = progress.add_task(source.name, total=self._total)

    def __call__(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def finish(self) -> None:
        self._progress.update(self._task, completed=self._total)
