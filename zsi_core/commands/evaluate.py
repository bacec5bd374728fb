"""`zsi evaluate`: the rows of the paper's tables for a model and an annotated set of images."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zsi_core.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_SOME_SKIPPED, ZsiError

if TYPE_CHECKING:
    from zsi_core.evaluation.ground_truth import Task
    from zsi_core.evaluation.metrics import Mode


class ModeChoice(StrEnum):
    ZSI = "zsi"
    GZSI = "gzsi"
    ALL = "all"


class TaskChoice(StrEnum):
    SEGM = "segm"
    BBOX = "bbox"
    ALL = "all"


_MODES: dict[ModeChoice, tuple[Mode, ...]] = {
    ModeChoice.ZSI: ("zsi",),
    ModeChoice.GZSI: ("gzsi",),
    ModeChoice.ALL: ("zsi", "gzsi"),
}
_TASKS: dict[TaskChoice, tuple[Task, ...]] = {
    TaskChoice.SEGM: ("segm",),
    TaskChoice.BBOX: ("bbox",),
    TaskChoice.ALL: ("segm", "bbox"),
}


def evaluate(
    images: Path = typer.Option(..., "--images", metavar="DIR", help="Folder of the photographs."),
    annotations: Path = typer.Option(
        ..., "--annotations", metavar="FILE", help="COCO file of their objects."
    ),
    output: Path = typer.Option(
        ..., "--output", "-o", metavar="FILE", help="JSON file of the figures to write."
    ),
    split: str = typer.Option("coco_65_15", help="Class split: 65_15, 48_17, or a .toml file."),
    mode: ModeChoice = typer.Option(
        ModeChoice.ALL, help="zsi: find unseen classes; gzsi: seen and unseen ones together."
    ),
    task: TaskChoice = typer.Option(TaskChoice.ALL, help="segm: compare masks; bbox: compare boxes."),
    model: str = typer.Option("starter", help="An installed model, or a checkpoint folder."),
    predictions: Path | None = typer.Option(
        None,
        "--predictions",
        metavar="FILE",
        help="Keep the predictions there; if it exists, use them, and predict only what is missing.",
    ),
    limit: int | None = typer.Option(
        None, min=1, metavar="N", help="Only the first N images of the annotation file."
    ),
    resamples: int = typer.Option(
        300, min=0, metavar="N", help="Resamples of the images for the 95 % intervals; 0 for no intervals."
    ),
    words: Path | None = typer.Option(
        None, "--words", metavar="FILE", help="Word-vector file that the model was trained with."
    ),
    device: str | None = typer.Option(None, help="cpu, cuda, cuda:1 ...; by default cuda if there is one."),
) -> None:
    """Measure a model by the protocol of the paper: Recall@100, mAP, harmonic mean.

    Each image is encoded once, whatever the modes and tasks. The protocol differs from what `zsi propose`
    does: only the split's classes compete for a region, without distractors.

    Several processes and machines: torchrun -m zsi_core.cli evaluate ... --predictions FILE, or accelerate
    launch. The machines must share the photographs and the folder of --predictions. The launcher ends with 1
    whenever the run does not end with 0.

    Exit code 0: all done; 1: done, but images were skipped; 2: wrong input; 130: interrupted.
    """
    for file in (output, predictions):
        if file is not None:
            _require_writable(file)  # before the work, not after it

    from zsi_core.coco.writer import write_json
    from zsi_core.evaluation.run import Settings, run
    from zsi_core.evaluation.tables import print_tables
    from zsi_core.proposing.processes import launched
    from zsi_core.proposing.progress import RunProgress

    settings = Settings(
        images=images,
        annotations=annotations,
        split=split,
        modes=_MODES[mode],
        tasks=_TASKS[task],
        model=model,
        words=words,
        device=device,
        predictions=predictions,
        limit=limit,
        resamples=resamples,
        command=shlex.join(["zsi", *sys.argv[1:]]),
    )
    with (
        launched() as processes,
        RunProgress(doing="predicting", enabled=processes.is_main) as progress,
    ):
        outcome = run(settings, progress, processes)
    if outcome is None:
        return  # the main process tells how the run ended
    if outcome.metrics is None:
        kept = "the same command goes on" if predictions else "nothing is kept without --predictions"
        typer.echo(f"interrupted, {outcome.left} images are left: {kept}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
    write_json(output, outcome.metrics)
    print_tables(outcome.metrics)
    typer.echo(f"{output}: all figures")
    raise typer.Exit(EXIT_SOME_SKIPPED if outcome.metrics["skipped"] else EXIT_DONE)


def _require_writable(file: Path) -> None:
    """Make the folder of a file that is to be written."""
    if file.is_dir():
        raise ZsiError(f"{file} is a folder: name a file")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZsiError(f"{file.parent} cannot be made ({error.strerror}): choose another folder") from error
