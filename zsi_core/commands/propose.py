"""`zsi propose`: instance masks of typed names in photographs, as a COCO file."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zsi_core.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_SOME_SKIPPED
from zsi_core.files import resources_dir

if TYPE_CHECKING:
    from zsi_core.proposing.output import Summary

DEMO_OUTPUT = Path("zsi-demo", "proposals.json")
DEMO_PREVIEWS = Path("zsi-demo", "previews")
_NAMES_TOLD = 10


class ModeChoice(StrEnum):
    ZSI = "zsi"
    GZSI = "gzsi"


def propose(
    paths: list[Path] = typer.Argument(None, help="Photographs, and folders of them.", show_default=False),
    classes: str = typer.Option(
        "", "--classes", "-c", metavar="NAMES", help="Names with commas between, or @FILE, one name a line."
    ),
    output: Path | None = typer.Option(None, "--output", "-o", metavar="FILE", help="COCO file to write."),
    preview: Path | None = typer.Option(
        None, "--preview", metavar="DIR", help="Folder for copies of the photographs with the masks drawn."
    ),
    threshold: float | None = typer.Option(
        None, min=0.0, max=1.0, help="Smallest score of a proposal; by default the model's."
    ),
    max_per_image: int = typer.Option(100, min=1, metavar="N", help="Most proposals for an image."),
    mode: ModeChoice = typer.Option(
        ModeChoice.ZSI, help="zsi: the names only; gzsi: also the classes that the model was trained on."
    ),
    model: str = typer.Option("starter", help="An installed model, or a checkpoint folder."),
    words: Path | None = typer.Option(
        None, "--words", metavar="FILE", help="Word-vector file, if the model was trained with another one."
    ),
    device: str | None = typer.Option(None, help="cpu, cuda, cuda:1 ...; by default cuda if there is one."),
    resume: bool = typer.Option(False, "--resume", help="Go on with a run that was interrupted or killed."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the results of an earlier run."),
    demo: bool = typer.Option(False, "--demo", help="Propose on the pictures that ship with the program."),
) -> None:
    """Propose an instance mask for everything found under the typed names.

    The COCO file lists every image; `info.zsi` in it holds the request and the images that were skipped.
    Ctrl+C leaves a valid file of what is done, and --resume goes on from there.

    Several processes and machines: torchrun -m zsi_core.cli propose ..., or accelerate launch. The machines
    must share the photographs and the folder of -o. --resume works with any number of processes. The launcher
    ends with 1 whenever the run does not end with 0.

    Exit code 0: all done; 1: done, but images were skipped; 2: wrong input; 130: interrupted.
    """
    if resume and overwrite:
        raise typer.BadParameter("--resume goes on, --overwrite starts again: give one of them")
    if demo:
        if paths:
            raise typer.BadParameter("--demo has photographs of its own: leave out PATHS, or --demo")
        paths, prompt = _demo_request()
        classes = classes or prompt
        if output is None:
            output, preview, overwrite = DEMO_OUTPUT, preview or DEMO_PREVIEWS, not resume
    if not paths:
        raise typer.BadParameter("name photographs or folders", param_hint="PATHS")
    if output is None:
        raise typer.BadParameter("name the file to write, for example proposals.json", param_hint="-o")

    from zsi_core.proposing.processes import launched
    from zsi_core.proposing.progress import RunProgress
    from zsi_core.proposing.request import split_names
    from zsi_core.proposing.run import Settings, run
    from zsi_core.semantics.names import synonyms

    names = split_names(classes)
    if not names and mode is ModeChoice.ZSI:
        raise typer.BadParameter('say what to look for, for example "cat, fork"', param_hint="--classes")
    settings = Settings(
        paths=paths,
        names=names,
        output=output,
        previews=preview,
        mode=mode.value,
        threshold=threshold,
        max_per_image=max_per_image,
        model=model,
        words=words,
        device=device,
        resume=resume,
        overwrite=overwrite,
    )
    with launched() as processes, RunProgress(enabled=processes.is_main) as progress:
        summary = run(settings, progress, processes)
    if summary is None:
        return  # the main process tells how the run ended
    typer.echo(f"{output}: {_told(summary)}")
    if nothing := [name for name in names if not {name, synonyms(name)[0]} & summary.found.keys()]:
        shown = ", ".join(nothing[:_NAMES_TOLD]) + (", ..." if len(nothing) > _NAMES_TOLD else "")
        typer.echo(f"nothing sure for {shown}: a lower --threshold finds more, and more that is wrong")
    if preview:
        typer.echo(f"{preview}: the photographs with the masks drawn")
    if summary.left:
        typer.echo(f"interrupted, {summary.left} images are left: --resume goes on", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
    raise typer.Exit(EXIT_SOME_SKIPPED if summary.skipped else EXIT_DONE)


def _demo_request() -> tuple[list[Path], str]:
    """Photographs and class names of the demo."""
    folder = resources_dir() / "demo"
    listing = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    return [folder / entry["file"] for entry in listing["images"]], ", ".join(listing["prompt"])


def _told(summary: Summary) -> str:
    """Figures of a run in one line, most frequent names first."""
    found = sorted(summary.found.items(), key=lambda item: -item[1])
    parts = [f"{name} {count}" for name, count in found[:_NAMES_TOLD]]
    if len(found) > _NAMES_TOLD:
        parts.append(f"{len(found) - _NAMES_TOLD} more names")
    names = f" ({', '.join(parts)})" if parts else ""
    skipped = f", {len(summary.skipped)} skipped" if summary.skipped else ""
    return f"{summary.images} images, {sum(summary.found.values())} proposals{names}{skipped}"
