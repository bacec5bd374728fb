"""`python -m training`: train a recipe, write the teacher vectors it distils, ship its checkpoint."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import typer

from zsi_core.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, ZsiError

app = typer.Typer(
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    recipe: str | None = typer.Option(None, help="Recipe name or TOML file."),
    data: Path | None = typer.Option(None, help="Folder that the recipe's data sets are relative to."),
    out: Path | None = typer.Option(
        None, help="New folder for log, state and checkpoint; machines share it."
    ),
    resume: Path | None = typer.Option(None, help="Go on with the run in this folder."),
    start: str | None = typer.Option(None, "--from", help="Checkpoint to start from: name or folder."),
    changes: list[str] = typer.Option(
        [], "--set", help="Change a value of the recipe: steps=500, model.background=constant; repeatable."
    ),
    max_steps: int | None = typer.Option(None, min=1, help="End after so many steps, schedule included."),
    teacher: Path | None = typer.Option(None, help="Folder of teacher vectors, if not to be computed."),
    backbone: Path | None = typer.Option(None, help="File with ImageNet weights of the backbone."),
    checkpoint_every: int | None = typer.Option(
        None, min=1, help="Steps between two checkpoints.", show_default="250"
    ),
    device: str = typer.Option("auto", help="cpu, or auto for the best there is."),
    threads: int | None = typer.Option(None, min=1, help="Threads of this process."),
    workers: int = typer.Option(0, min=0, help="Processes that read images."),
) -> None:
    """Train a recipe, or go on with a run; subcommands write teacher vectors and ship a checkpoint.

    Ctrl+C finishes the step and saves; a second one ends at once. So does the word stop in OUT/control;
    pause and resume work as well.
    """
    if context.invoked_subcommand is not None:
        return
    if recipe is None and resume is None:
        typer.echo(context.get_help())
        raise typer.Exit
    if device not in ("auto", "cpu"):
        raise typer.BadParameter(f"{device!r}: choose cpu or auto", param_hint="--device")
    if resume is None and (data is None or out is None):
        raise typer.BadParameter("--recipe needs --data and --out")
    fixed = (recipe, out, start, max_steps, teacher, backbone, checkpoint_every, *changes)
    if resume is not None and any(value is not None for value in fixed):
        raise typer.BadParameter(
            "a run goes on as it was started: only --data, --device, --threads and --workers may differ"
        )

    # At once, so that a wish for this run is not taken for one left from an earlier run.
    from training.control import clear_control

    folder = resume or out
    assert folder is not None
    clear_control(folder)

    from training import loop
    from training.recipe import load_recipe

    machine = loop.Machine(device, threads, workers)
    try:
        if resume is not None:
            checkpoint = loop.resume(resume, data_root=data, machine=machine)
        else:
            assert recipe is not None
            assert data is not None
            checkpoint = loop.train(
                load_recipe(recipe, changes),
                data,
                folder,
                start=None if start is None else Path(start),
                backbone_weights=backbone,
                teacher_dir=teacher,
                max_steps=max_steps,
                checkpoint_every=checkpoint_every or loop.CHECKPOINT_EVERY,
                machine=machine,
            )
    except KeyboardInterrupt:
        typer.echo(f"interrupted: go on with --resume {folder}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    from accelerate import PartialState

    if PartialState().is_main_process:
        done = f"stopped: go on with --resume {folder}" if checkpoint is None else f"checkpoint: {checkpoint}"
        typer.echo(done)


@app.command()
def teach(
    recipe: str = typer.Argument(..., help="Recipe name or TOML file."),
    data: Path = typer.Option(..., help="Folder that the recipe's data sets are relative to."),
    out: Path = typer.Option(..., help="Folder for the teacher vectors."),
    regions_from: str | None = typer.Option(
        None, help="Checkpoint that finds regions nobody labelled: name or folder. They are taught too."
    ),
) -> None:
    """Write what an ImageNet classifier makes of every labelled box, as word vectors."""
    from training.backbone_weights import find_efficientnet_lite0
    from training.recipe import load_recipe
    from training.teacher import ImageNetTeacher, write_teacher_vectors
    from zsi_core.checkpoint import find_checkpoint, load_checkpoint
    from zsi_core.inference import Segmenter
    from zsi_core.semantics.table import WordTable

    table = WordTable.bundled()
    teacher = ImageNetTeacher(find_efficientnet_lite0(), table)
    segmenter = None
    if regions_from is not None:
        segmenter = Segmenter(load_checkpoint(find_checkpoint(regions_from)), table)
    out.mkdir(parents=True, exist_ok=True)
    for spec in load_recipe(recipe).datasets:
        file = out / f"{spec.name}.npz"
        count = write_teacher_vectors(
            data / spec.annotations, data / spec.images, file, teacher, segmenter=segmenter
        )
        typer.echo(f"{file}: {count} boxes")


@app.command()
def report(
    folder: Path = typer.Argument(..., metavar="RUN", help="Folder of the run."),
    before: Path | None = typer.Option(None, help="metrics.json of the model trained from."),
    after: Path | None = typer.Option(None, help="metrics.json of the trained model."),
    annotations: Path | None = typer.Option(None, help="COCO file with examples to show the model on."),
    images: Path | None = typer.Option(None, help="Its image folder."),
) -> None:
    """Write report.html of a run again, with figures and examples."""
    from training.report import Examples, write_report

    if (annotations is None) != (images is None):
        raise typer.BadParameter("--annotations needs --images, and the other way round")
    examples = None if annotations is None or images is None else Examples(annotations, images)
    typer.echo(write_report(folder, before=before, after=after, examples=examples))


@app.command()
def retrain(
    folder: Path = typer.Argument(..., metavar="RUN", help="Run folder that a project was written into."),
    probe: bool = typer.Option(False, "--probe", help="Only find out how long it will take."),
    device: str = typer.Option("auto", help="cpu, or auto for the best there is."),
    threads: int | None = typer.Option(None, min=1, help="Threads of this process."),
) -> None:
    """Retrain a model on the labels of a project, or go on with it; `zsi retrain` and the window start this.

    Ctrl+C, or the word stop in RUN/control, finishes the step and saves.
    """
    from training.loop import Machine
    from training.retraining import process

    machine = Machine(device, threads)
    if probe:
        typer.echo(f"{process.probe(folder, machine).seconds:.0f} s")
    elif not process.retrain(folder, machine):
        typer.echo(f"stopped: the same command goes on with {folder}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command()
def average(
    checkpoints: list[Path] = typer.Argument(..., help="Checkpoint folders of runs of the same network."),
    out: Path = typer.Option(..., help="Folder to write."),
) -> None:
    """Write the mean of the weights of several runs, which depends less on a seed than each of them."""
    from training.averaging import average_checkpoints

    average_checkpoints(checkpoints, out)


@app.command("fit-iou")
def fit_iou(
    checkpoint: Path = typer.Argument(..., help="Checkpoint folder."),
    out: Path = typer.Option(..., help="Folder to write."),
    recipe: str = typer.Option(..., help="Recipe name or TOML file, whose images are looked at."),
    data: Path = typer.Option(..., help="Folder that the recipe's data sets are relative to."),
    count: int = typer.Option(600, min=1, help="Images to look at."),
) -> None:
    """Fit a head that predicts how well a region's box fits; names and masks stay as they are."""
    from training.iou_head import fit_iou_head
    from training.recipe import load_recipe

    fit_iou_head(checkpoint, out, load_recipe(recipe), data, count)


@app.command()
def ship(
    checkpoint: Path = typer.Argument(..., help="Checkpoint folder of a run."),
    out: Path = typer.Option(..., help="Folder to write, for example resources/models/starter."),
    annotations: Path = typer.Option(..., help="COCO file of the development set for the calibration."),
    images: Path = typer.Option(..., help="Its image folder."),
    split: str = typer.Option("coco_65_15", help="Class split whose unseen names are asked for."),
    card: Path | None = typer.Option(None, help="Model card in Markdown; by default the one of the run."),
    metrics: Path | None = typer.Option(None, help="metrics.json of `zsi evaluate`, to be stored."),
    second_opinion: float = typer.Option(
        0.0, min=0.0, help="Weight of an ImageNet classifier put beside the network; 0: none."
    ),
) -> None:
    """Calibrate a checkpoint and write it without what only training needs."""
    from training.shipping import ship as ship_checkpoint

    figures = ship_checkpoint(
        checkpoint,
        out,
        annotations=annotations,
        images=images,
        split=split,
        card=card,
        metrics=metrics,
        second_opinion=second_opinion,
    )
    for name, value in figures.items():
        typer.echo(f"{name}: {value:.3f}")


def main() -> None:
    """Run the command line; known errors become one line on stderr and an exit code."""
    try:
        app(prog_name="python -m training")
    except ZsiError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception:
        traceback.print_exc()
        sys.exit(EXIT_INTERNAL)


if __name__ == "__main__":
    main()
