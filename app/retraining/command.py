"""`zsi retrain`: the retraining of the window, from the command line."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zsi_core.errors import EXIT_INTERRUPTED, TrainingError

if TYPE_CHECKING:
    from app.retraining.run import RetrainingRun
    from zsi_core.retraining import Result, RetrainingPlan

POLL = 0.5
"""Seconds between two looks at the run."""


def retrain(
    project: Path = typer.Argument(..., help="Project file (.zsip)."),
    recipe: str = typer.Option("fast", help="fast: minutes; full: the whole network, an hour or more."),
    model: str = typer.Option("starter", help="Model to start from: installed name or checkpoint folder."),
    keep: bool = typer.Option(False, "--keep", help="Install the new model when it is finished."),
    last: bool = typer.Option(
        False, "--last", help="Go on with the newest run of the project, or --keep it, instead of a new one."
    ),
    all_complete: bool = typer.Option(
        False, "--all-complete", help="Take every image as labelled completely, whatever its mark says."
    ),
    threads: int | None = typer.Option(None, min=1, help="Threads of the training process."),
) -> None:
    """Train a model further on the labels of a project, and say how much better it is.

    A fifth of the images never trains: before and after are measured on it. Ctrl+C stops after the step;
    --last goes on.

    Exit code 0: finished; 2: wrong usage or input; 130: stopped.
    """
    from app.project import ProjectError, Queries
    from app.retraining.plan import make_plan
    from app.retraining.run import find_runs, prepare
    from zsi_core.retraining import RECIPES

    if recipe not in RECIPES:
        raise TrainingError(f"--recipe must be one of {', '.join(RECIPES)}, but is {recipe}")
    if not project.exists():
        raise ProjectError(f"{project} does not exist: check the spelling, or whether it was moved")
    if last:
        runs = find_runs(project)
        if not runs:
            raise TrainingError(f"{project} has no earlier retraining: leave --last out to start one")
        run = runs[0]
    else:
        with Queries.open_for_reading(project) as queries:
            plan = make_plan(queries, model=model, recipe=recipe, all_complete=all_complete)
            _tell_plan(plan)
            run = prepare(queries, plan)
    if run.result is None:
        _follow(run, threads)
    result = run.result
    assert result is not None
    _tell_result(run, result)
    if keep:
        typer.echo(f"installed as {run.keep()}")
    elif not result.installed:
        typer.echo("not installed: `zsi retrain PROJECT --last --keep` does that")


def _follow(run: RetrainingRun, threads: int | None) -> None:
    """Run the process to its end, and show how far it is.

    Raises:
        TrainingError: it failed.
        typer.Exit: somebody stopped it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from app.retraining.status import State

    run.start(threads=threads)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("getting ready", total=None, left="")
        try:
            while run.alive:
                status = run.status()
                left = "" if status.seconds_left is None else f"{status.seconds_left / 60:.0f} min left"
                total = status.steps_total or None
                bar.update(task, description=status.doing, completed=status.step, total=total, left=left)
                time.sleep(POLL)
        except KeyboardInterrupt:
            run.stop()
            bar.update(task, description="finishing the step", left="")
            run.wait()
    status = run.status()
    if status.state is State.FAILED:
        raise TrainingError(f"{status.doing} (go on with --last)")
    if status.state is not State.FINISHED:
        typer.echo("stopped: the same command with --last goes on", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)


def _tell_plan(plan: RetrainingPlan) -> None:
    typer.echo(
        f"{plan.training_images} images train, {plan.complete_images} of them labelled completely; "
        f"{plan.held_out_images} are held out. Trained: {', '.join(plan.trained) or 'nothing'}"
    )
    for warning in plan.warnings:
        typer.echo(f"note: {warning}")


def _tell_result(run: RetrainingRun, result: Result) -> None:
    typer.echo(f"finished after {result.seconds / 60:.1f} min; report: {run.report}")
    for group, label in (
        ("seen", "trained classes"),
        ("unseen", "left-out classes"),
        ("harmonic_mean", "harmonic mean"),
    ):
        if result.after.get(group) is not None:
            typer.echo(f"AP50, {label}: {_percent(result.before, group)} -> {_percent(result.after, group)}")
    if result.kept is not None:
        typer.echo(f"found as before under other names: {100 * result.kept:.0f} %")


def _percent(figures: Mapping[str, float | None], group: str) -> str:
    value = figures.get(group)
    return "-" if value is None else f"{100 * value:.1f}"
