"""Polygons of many annotations as arrays at once: one by one, numpy is called more than it computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from zsi_core.instances.polygons import MAX_OUTLINE

MAX_COORDINATE = 2e7
"""Largest absolute coordinate that is taken over, in pixels."""

_NUMBERS = 8192
"""So many coordinates, and at most a hundred annotations, are looked at together: memory must stay small."""

_LEAST = _NUMBERS // 100


def with_rings(annotations: Iterable[Any]) -> Iterator[tuple[Any, list[np.ndarray] | None]]:
    """Annotations of unknown origin, each with its rings (P, 2) float64.

    The rings are None where there are no polygons, or where they need a closer look, one by one.
    """
    batch: list[tuple[Any, list[Any]]] = []
    size = 0
    for annotation in annotations:
        polygons = _polygons(annotation)
        batch.append((annotation, polygons))
        size += _LEAST + sum(map(len, polygons))
        if size >= _NUMBERS:
            yield from _read(batch)
            batch, size = [], 0
    yield from _read(batch)


def _polygons(annotation: Any) -> list[Any]:
    """The flat polygons of an annotation, if they are lists of the right lengths."""
    polygons = annotation.get("segmentation") if isinstance(annotation, dict) else None
    if not isinstance(polygons, list):
        return []
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            return []
    return polygons


def _read(batch: list[tuple[Any, list[Any]]]) -> Iterator[tuple[Any, list[np.ndarray] | None]]:
    rings, sound = _rings([polygon for _, polygons in batch for polygon in polygons])
    start = 0
    for annotation, polygons in batch:
        end = start + len(polygons)
        yield annotation, rings[start:end] if polygons and all(sound[start:end]) else None
        start = end


def _rings(polygons: list[list[Any]]) -> tuple[list[np.ndarray], list[bool]]:
    """Flat polygons as rings, and which of them are sure to be without fault."""
    numbers = list(chain.from_iterable(polygons))
    if not numbers or not set(map(type, numbers)) <= {int, float}:
        return [], [False] * len(polygons)
    try:
        points = np.array(numbers, dtype=np.float64).reshape(-1, 2)
    except OverflowError:  # an integer of hundreds of digits
        return [], [False] * len(polygons)
    lengths = np.array([len(polygon) // 2 for polygon in polygons])
    ends = lengths.cumsum()
    starts = ends - lengths
    low = np.minimum.reduceat(points, starts).min(axis=1)
    high = np.maximum.reduceat(points, starts).max(axis=1)
    # NaN fails every comparison. A ring cannot be longer than the last product: most need no measuring.
    sound = (low >= -MAX_COORDINATE) & (high <= MAX_COORDINATE) & (2 * lengths * (high - low) <= MAX_OUTLINE)
    rings = [points[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    return rings, sound.tolist()
