"""Why a region is named as it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """Why a region is named as it is.

    Attributes:
        names: best names, best first.
        scores: their scores.
        margin: score of the first minus score of the second.
        background: probability that the region is background.
    """

    names: tuple[str, ...]
    scores: tuple[float, ...]
    margin: float
    background: float
