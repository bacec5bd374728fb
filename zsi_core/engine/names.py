"""What typed names become, for the name inspector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zsi_core.engine.replies import NameReport, NamesReport
from zsi_core.semantics import Resolution, WordTable, expectation, near_duplicates, nearest_classes, resolve
from zsi_core.semantics.plurals import singular

NEAREST = 3


def describe_names(
    table: WordTable, names: Sequence[str], seen: Sequence[str], seen_vectors: np.ndarray
) -> NamesReport:
    """Report on typed names.

    Args:
        table: word table of the model.
        names: as typed.
        seen: n seen classes.
        seen_vectors: (n, D) unit rows.
    """
    resolutions = [resolve(table, name) for name in names]
    found = [(r.phrase, r.vector) for r in resolutions if r.vector is not None]
    pairs: list[tuple[str, str, float]] = []
    if found:
        pairs = near_duplicates([name for name, _ in found], np.stack([vector for _, vector in found]))
    return NamesReport(
        tuple(_report(table, resolution, seen, seen_vectors) for resolution in resolutions), tuple(pairs)
    )


def _report(
    table: WordTable, resolution: Resolution, seen: Sequence[str], seen_vectors: np.ndarray
) -> NameReport:
    nearest: list[tuple[str, float]] = []
    outlook, text = None, ""
    if resolution.vector is not None:
        nearest = nearest_classes(resolution.vector, seen, seen_vectors, NEAREST)
        forecast = expectation(nearest)
        outlook, text = str(forecast.outlook), forecast.text
    return NameReport(
        name=resolution.phrase,
        step=str(resolution.step),
        explanation=resolution.explanation(),
        used=resolution.used,
        missing=resolution.missing,
        suggestions=resolution.suggestions,
        problem=resolution.problem,
        singular=_singular(table, resolution),
        nearest_seen=tuple(nearest),
        outlook=outlook,
        expectation=text,
    )


def _singular(table: WordTable, resolution: Resolution) -> str | None:
    """The singular of a plural that is an entry of the table itself."""
    if len(resolution.used) != 1:
        return None
    folded = singular(resolution.used[0])
    return folded if folded and folded in table else None
