"""Colours of classes that people with any kind of colour vision can tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

PALETTE = (
    # Okabe and Ito, "Color Universal Design" (2008), without black
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    # Paul Tol, "Colour Schemes" (2021), muted
    "#332288",
    "#88ccee",
    "#44aa99",
    "#117733",
    "#999933",
    "#ddcc77",
    "#cc6677",
    "#882255",
    "#aa4499",
)


def next_color(used: Iterable[str]) -> str:
    """The first colour of the palette among those used least."""
    times = Counter(used)
    return min(PALETTE, key=lambda color: times[color])
