"""`python -m training`: train a recipe, write the teacher vectors it distils, ship its checkpoint."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import typer

from zsi_core.errors import EXIT_INTERNAL, ZsiError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train a recipe, or write the teacher vectors it distils.",
)


@app.command()
def run(
    recipe: str = typer.Argument(..., help="Recipe name or TOML file."),
    data: Path = typer.Option(..., help="Folder that the recipe's data sets are relative to."),
    out: Path = typer.Option(..., help="Folder for the log and the checkpoint."),
    start: Path | None = typer.Option(None, "--from", help="Checkpoint to start from: name or folder."),
    teacher: Path | None = typer.Option(None, help="Folder of teacher vectors, from `teach`."),
    steps: int | None = typer.Option(None, min=1, help="Override the number of steps."),
    workers: int = typer.Option(0, min=0, help="Processes that read images."),
    threads: int | None = typer.Option(None, min=1, help="Threads of this process."),
) -> None:
    """Train a recipe."""
    import dataclasses

    import torch

    from training.loop import train
    from training.recipe import load_recipe

    resolved = load_recipe(recipe)
    if steps is not None:
        resolved = dataclasses.replace(resolved, steps=steps)
    if threads is not None:
        torch.set_num_threads(threads)
    checkpoint = train(resolved, data, out, start=start, teacher_dir=teacher, workers=workers)
    typer.echo(f"checkpoint: {checkpoint}")


@app.command()
def teach(
    recipe: str = typer.Argument(..., help="Recipe name or TOML file."),
    data: Path = typer.Option(..., help="Folder that the recipe's data sets are relative to."),
    out: Path = typer.Option(..., help="Folder for the teacher vectors."),
) -> None:
    """Write what an ImageNet classifier makes of every labelled box, as word vectors."""
    from training.backbone_weights import find_efficientnet_lite0
    from training.recipe import load_recipe
    from training.teacher import ImageNetTeacher, write_teacher_vectors
    from zsi_core.semantics.table import WordTable

    teacher = ImageNetTeacher(find_efficientnet_lite0(), WordTable.bundled())
    out.mkdir(parents=True, exist_ok=True)
    for spec in load_recipe(recipe).datasets:
        file = out / f"{spec.name}.npz"
        count = write_teacher_vectors(data / spec.annotations, data / spec.images, file, teacher)
        typer.echo(f"{file}: {count} boxes")


@app.command()
def ship(
    checkpoint: Path = typer.Argument(..., help="Checkpoint folder of a run."),
    out: Path = typer.Option(..., help="Folder to write, for example resources/models/starter."),
    annotations: Path = typer.Option(..., help="COCO file of the development set for the calibration."),
    images: Path = typer.Option(..., help="Its image folder."),
    split: str = typer.Option("coco_65_15", help="Class split whose unseen names are asked for."),
    card: Path | None = typer.Option(None, help="Model card in Markdown; by default the one of the run."),
    metrics: Path | None = typer.Option(None, help="metrics.json of `zsi evaluate`, to be stored."),
) -> None:
    """Calibrate a checkpoint and write it without what only training needs."""
    from training.shipping import ship as ship_checkpoint

    figures = ship_checkpoint(
        checkpoint, out, annotations=annotations, images=images, split=split, card=card, metrics=metrics
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
