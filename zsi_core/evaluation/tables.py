"""Print the figures of a run as the paper's tables, in percent."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zsi_core.evaluation.matching import IOU_THRESHOLDS
from zsi_core.evaluation.report import headline_task

_WIDTH_WHEN_PIPED = 120
_TASKS = {"segm": "Masks", "bbox": "Boxes"}
_MODES = {"zsi": "ZSI", "gzsi": "GZSI"}
_GROUPS = {"seen": "seen", "unseen": "unseen", "harmonic_mean": "harmonic mean"}


def print_tables(metrics: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the content of `metrics.json` (see `zsi_core.evaluation.report`).

    Args:
        metrics: the content.
        console: where to; by default stdout.
    """
    console = console or Console(width=None if sys.stdout.isatty() else _WIDTH_WHEN_PIPED, highlight=False)
    for task, found in metrics["results"].items():
        console.print(_rows_table(task, found) if _measured(found) else Text(f"{_TASKS[task]}: none"))
        for line in _notes(found):
            console.print(Text(line))
        console.print()
    task = headline_task(metrics["results"])
    if _measured(metrics["results"][task]):
        console.print(_class_table(task, metrics["results"][task]))
    for image in metrics["skipped"]:
        console.print(Text(f"skipped: {image['file_name']} {image['reason']}"))


def _rows_table(task: str, found: Mapping[str, Any]) -> Table:
    table = Table(title=f"{_TASKS[task]}, percent", title_justify="left", box=box.SIMPLE)
    table.add_column("")
    for threshold in IOU_THRESHOLDS:
        table.add_column(f"R@100 {threshold}", justify="right")
    table.add_column("mAP 0.5", justify="right")
    table.add_column("95 % of mAP", justify="right")
    for mode in (mode for mode in _MODES if mode in found):
        for label, figures, ends in _rows(found[mode]):
            recall = [_percent(figures["recall@100"][str(threshold)]) for threshold in IOU_THRESHOLDS]
            interval = ends["map50"] if ends else None
            table.add_row(f"{_MODES[mode]} {label}", *recall, _percent(figures["map50"]), _interval(interval))
    return table


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]:
    """Label, figures and interval of every row of a mode."""
    intervals = found["bootstrap"] or {}
    frequent = found["frequent"]
    for group, label in _GROUPS.items():
        if found[group]:
            yield label, found[group], intervals.get(group)
    for group, label in _GROUPS.items():
        if frequent[group]:
            yield f"{label}, classes of {frequent['min_instances']} or more objects", frequent[group], None
    if found["seen"]:
        for group, label in _GROUPS.items():
            if found["strict"][group]:
                yield f"{label}, one list of 100 per image", found["strict"][group], None


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    for mode in (mode for mode in _MODES if mode in found):
        left_out = found[mode]["box_only_images"]
        yield f"{_MODES[mode]}: {found[mode]['images']} images" + (
            f"; {left_out} left out because they hold objects without a mask" if left_out else ""
        )
    if found["ar100_agnostic"] is not None:
        interval = found["ar100_agnostic_interval"]
        told = f" (95 %: {_interval(interval)})" if interval else ""
        yield f"class-agnostic AR@100 at 0.5: {_percent(found['ar100_agnostic'])}{told}"
    for group, values in found.get("box_to_mask", {}).items():
        yield (
            f"mean IoU of the mask given the box, {group}: {_percent(values['mean_iou'])} "
            f"({values['objects']} objects)"
        )


def _measured(found: Mapping[str, Any]) -> bool:
    return any(found[mode]["map50"] is not None for mode in _MODES if mode in found)


def _class_table(task: str, found: Mapping[str, Any]) -> Table:
    mode = next(mode for mode in _MODES if mode in found)
    title = f"{_TASKS[task]} by class, {_MODES[mode]}, percent"
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for column in ("", "group", "objects", "R@100 0.5", "mAP 0.5"):
        table.add_column(column, justify="left" if column in ("", "group") else "right")
    for name, values in found[mode]["per_class"].items():
        if values["instances"]:
            recall = _percent(values["recall@100"]["0.5"])
            table.add_row(name, values["group"], str(values["instances"]), recall, _percent(values["map50"]))
    return table


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _interval(ends: list[float] | None) -> str:
    return "–" if ends is None else f"{_percent(ends[0])} to {_percent(ends[1])}"
