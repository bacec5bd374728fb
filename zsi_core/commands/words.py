"""`zsi words`: which word vector does a class name get, and what may be expected of it?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zsi_core.errors import EXIT_DONE, EXIT_SOME_SKIPPED

if TYPE_CHECKING:
    import numpy as np

    from zsi_core.semantics import Resolution, WordTable

_SHOWN = 3
_WIDTH_WHEN_PIPED = 200


def words(
    names: list[str] = typer.Argument(..., help="Class names, phrases in quotes.", show_default=False),
    table: Path | None = typer.Option(
        None, help="Word-vector file (.npz, word2vec .bin or .txt, GloVe .txt) instead of the bundled one."
    ),
    split: str = typer.Option("coco_65_15", help="Class split, by name or .toml file: its seen classes."),
) -> None:
    """Show how class names resolve: entries used, nearest seen classes, what to expect.

    Exits with 0 when every name has a vector, with 1 when some have none.
    """
    import sys

    from rich.console import Console
    from rich.text import Text

    from zsi_core.semantics import WordTable, load_split, near_duplicates, resolve

    console = Console(width=None if sys.stdout.isatty() else _WIDTH_WHEN_PIPED, highlight=False)
    classes = load_split(split)
    word_table = WordTable.load(table) if table else WordTable.bundled()
    seen_names, seen_vectors = _resolvable(word_table, classes.seen)
    console.print(
        Text(
            f"{len(word_table)} words of {word_table.dimension} dimensions in {word_table.source.name}; "
            f"{len(seen_names)} of {len(classes.seen)} seen classes of {classes.name} are in it"
        )
    )

    resolutions = [resolve(word_table, name) for name in names]
    for resolution in resolutions:
        console.print()
        console.print(Text(resolution.phrase, style="bold"))
        console.print(_rows(_findings(word_table, resolution, seen_names, seen_vectors)))
    typed_names, typed_vectors = _resolvable(word_table, names)
    for first, second, cosine in near_duplicates(typed_names, typed_vectors):
        warning = (
            f"\nwarning: {first!r} and {second!r} nearly coincide (cosine {cosine:.2f}): keep one of them"
        )
        console.print(Text(warning, style="yellow"))
    unresolved = any(resolution.vector is None for resolution in resolutions)
    raise typer.Exit(EXIT_SOME_SKIPPED if unresolved else EXIT_DONE)


def _resolvable(table: WordTable, names: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Those of `names` that have a vector, and their vectors (K, D)."""
    from zsi_core.semantics import resolve, resolve_all

    found = [name for name in names if resolve(table, name).vector is not None]
    return found, resolve_all(table, found)


def _findings(
    table: WordTable, resolution: Resolution, seen_names: Sequence[str], seen_vectors: np.ndarray
) -> list[tuple[str, str]]:
    """Label and text of each line about one name."""
    from zsi_core.semantics import expectation, nearest_classes
    from zsi_core.semantics.plurals import singular

    if resolution.vector is None:
        return [("not found", resolution.problem)]
    lines = [("vector", f"{resolution.explanation()}: {' + '.join(resolution.used)}")]
    if resolution.missing:
        lines.append(("ignored", ", ".join(resolution.missing)))
    if resolution.suggestions:
        lines.append(("misspelled?", ", ".join(resolution.suggestions)))
    entry = resolution.used[-1]
    if len(resolution.used) == 1 and (folded := singular(entry)) and folded in table:
        cosine = float(table.vector(folded) @ resolution.vector)
        lines.append(
            ("singular", f"{folded} is an entry too (cosine {cosine:.2f}); models learn singular names")
        )
    if not seen_names:
        return [*lines, ("expect", "unknown: no seen class of the split is in this word table")]
    nearest = nearest_classes(resolution.vector, seen_names, seen_vectors, _SHOWN)
    lines.append(("nearest seen", ", ".join(f"{name} {cosine:.2f}" for name, cosine in nearest)))
    lines.append(("expect", expectation(nearest).text))
    return lines


def _rows(lines: list[tuple[str, str]]) -> object:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for label, text in lines:
        grid.add_row(Text(f"  {label}", style="dim"), Text(text, overflow="fold"))
    return grid
