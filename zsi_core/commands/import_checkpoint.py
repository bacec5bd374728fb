"""`zsi import-checkpoint`: a checkpoint that the authors published, as one of this program."""

from __future__ import annotations

from pathlib import Path

import typer

from zsi_core.errors import ZsiError


def import_checkpoint(
    file: Path = typer.Argument(..., help="Published checkpoint, for example ZSI_65_15.pth."),
    output: Path = typer.Option(..., "--output", "-o", metavar="DIR", help="Checkpoint folder to write."),
    split: str = typer.Option(
        "coco_65_15", help="Class split it was trained with: 65_15, 48_17, or a .toml file."
    ),
    word_vectors: Path | None = typer.Option(
        None, "--word-vectors", metavar="FILE", help="The authors' word_w2v_withbg_65_15.txt (or 48_17)."
    ),
    vocabulary: Path | None = typer.Option(
        None,
        "--vocabulary",
        metavar="FILE",
        help="The authors' vocabulary_w2v.txt, which T_e passes through.",
    ),
) -> None:
    """Import a checkpoint of the paper's authors (mmdetection), so that it gives their results.

    Both text files lie in data/coco of the authors' repository. The new checkpoint knows the classes of the
    split and no other names.
    """
    if word_vectors is None or vocabulary is None:
        option = "--word-vectors" if word_vectors is None else "--vocabulary"
        raise ZsiError(
            f"{option} is missing: a published checkpoint does not hold these word vectors; name the file "
            "from data/coco of the authors' repository"
        )

    from zsi_core.checkpoint.published import import_published

    done = import_published(file, output, split, word_vectors, vocabulary)
    typer.echo(f"{output}: {done.used} of {done.entries} entries")
    for reason, count in done.dropped.items():
        typer.echo(f"left out: {count} entries, {reason}")
