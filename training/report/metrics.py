"""Figures of `zsi evaluate` before and after a run, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.report.page import Block, Heading, Table, Text
from zsi_core.coco.json_file import load_json
from zsi_core.errors import TrainingError

GROUPS = {"seen": "seen", "unseen": "unseen", "harmonic_mean": "harmonic mean"}

Metrics = Mapping[str, Any]


def read_metrics(path: Path | None) -> Metrics | None:
    """A `metrics.json`.

    Raises:
        AnnotationError: the file is missing or not valid JSON.
        TrainingError: it holds something else.
    """
    if path is None:
        return None
    content = load_json(path)
    if not isinstance(content, dict) or not {"map50", "recall@100", "per_class"} <= set(content):
        raise TrainingError(f"{path} holds no figures: write it with `zsi evaluate`")
    return content


def metrics_blocks(before: Metrics | None, after: Metrics | None) -> Iterator[Block]:
    """The figures of the groups of classes and of every class, in per cent."""
    given = next(metrics for metrics in (after, before) if metrics is not None)
    yield Heading(2, "Figures")
    yield Text(
        f"In per cent, on {given.get('images', '?')} images, split {given.get('split', '?')}: recall by 100 "
        "results an image, and mean average precision (mAP) at IoU 0.5."
    )
    columns = [name for name, metrics in (("before", before), ("after", after)) if metrics is not None]
    if len(columns) == 2:
        columns.append("change")
    rows = [
        [
            f"{measure}, {GROUPS[group]}",
            *_cells(columns, _figure(before, group, key), _figure(after, group, key)),
        ]
        for group in GROUPS
        for measure, key in (*((f"recall {t}", t) for t in given["recall@100"]), ("mAP", "map50"))
    ]
    shown = [row for row in rows if set(row[1:]) != {"-"}]
    yield Table(("", *columns), shown)
    yield Heading(2, "Figures of each class")
    classes = sorted(given["per_class"], key=lambda name: (given["per_class"][name]["group"], name))
    yield Table(
        ("class", "group", "objects", *(f"recall 0.5 {c}" for c in columns), *(f"mAP {c}" for c in columns)),
        [
            [
                name,
                given["per_class"][name]["group"],
                str(given["per_class"][name]["instances"]),
                *_cells(columns, _of_class(before, name, "0.5"), _of_class(after, name, "0.5")),
                *_cells(columns, _of_class(before, name, "map50"), _of_class(after, name, "map50")),
            ]
            for name in classes
        ],
    )


def _figure(metrics: Metrics | None, group: str, key: str) -> float | None:
    return _value(metrics and metrics.get(group), key)


def _of_class(metrics: Metrics | None, name: str, key: str) -> float | None:
    return _value(metrics and metrics["per_class"].get(name), key)


def _value(figures: Metrics | None, key: str) -> float | None:
    """Recall at an IoU, or `map50`, of figures that may be missing."""
    if not figures:
        return None
    # A class without an object in the images has no recall at all.
    value: float | None = figures["map50"] if key == "map50" else (figures["recall@100"] or {}).get(key)
    return value


def _cells(columns: Sequence[str], before: float | None, after: float | None) -> list[str]:
    """What the columns ask for: "before", "after", and "change" in points."""
    cells = {"before": _percent(before), "after": _percent(after), "change": _change(before, after)}
    return [cells[column] for column in columns]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _change(before: float | None, after: float | None) -> str:
    return "-" if before is None or after is None else f"{100 * (after - before):+.1f}"
