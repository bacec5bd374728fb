"""Write the report of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from training.log import RunLog
from training.report.charts import chart_grid
from training.report.examples import Examples, example_pictures
from training.report.history import History, read_history
from training.report.metrics import metrics_blocks, read_metrics
from training.report.page import Block, Code, Heading, Picture, Table, Text, to_html, to_markdown
from zsi_core.checkpoint import CheckpointInfo, read_info
from zsi_core.files import atomic_write

HTML, MARKDOWN, PICTURES = "report.html", "report.md", "report_pictures"

COUNTS = {
    "images": "images",
    "objects": "objects",
    "images_with_unseen": "images with unseen classes",
    "images_without_objects": "images without seen classes",
    "other_objects": "objects of other classes",
    "faulty_images": "faulty images",
    "faulty_objects": "faulty objects",
}
"""Counts of a data set in the log, and what the report calls them."""

MOST_FAULTS = 20


def write_report(
    run: Path,
    *,
    before: Path | None = None,
    after: Path | None = None,
    examples: Examples | None = None,
) -> Path:
    """Write `report.html`, which needs no other file, and `report.md` with its pictures, and log it.

    Args:
        run: folder of the run, finished or not.
        before, after: `metrics.json` of `zsi evaluate` for the model trained from and the trained one.
        examples: photographs to show the trained model on.

    Returns:
        The HTML file.

    Raises:
        ZsiError: the run, a metrics file or an example cannot be read; an older report stays as it was.
    """
    history = read_history(run)
    checkpoint = run / "checkpoint"
    info = read_info(checkpoint) if checkpoint.is_dir() else None
    title = f"Training run {history.started.get('message') or run.resolve().name}"
    blocks: list[Block] = [Heading(1, title), *_summary(history, info)]
    if after is not None or before is not None:
        blocks += metrics_blocks(read_metrics(before), read_metrics(after))
    blocks += _curves(history)
    if examples is not None:
        blocks += [Heading(2, "Examples"), *example_pictures(examples.checkpoint or checkpoint, examples)]
    blocks += _data(history)
    if info is not None:
        blocks += [Heading(2, "Recipe"), Code("\n".join(_flat(info.recipe)))]
    _write(run, title, blocks)
    RunLog(run).write("report", message=str(run / HTML))
    return run / HTML


def _write(run: Path, title: str, blocks: Sequence[Block]) -> None:
    folder = run / PICTURES
    folder.mkdir(exist_ok=True)
    pictures = [block for block in blocks if isinstance(block, Picture)]
    for picture in pictures:
        with atomic_write(folder / picture.name) as stream:
            stream.write(picture.content)
    for path in folder.iterdir():  # of an older report
        if path.name not in {picture.name for picture in pictures}:
            path.unlink()
    with atomic_write(run / MARKDOWN, "w") as stream:
        stream.write(to_markdown(blocks, PICTURES))
    with atomic_write(run / HTML, "w") as stream:
        stream.write(to_html(title, blocks))


def _summary(history: History, info: CheckpointInfo | None) -> Iterator[Block]:
    began = datetime.fromtimestamp(history.began, UTC)
    sessions = f" in {history.sessions} sessions" if history.sessions > 1 else ""
    facts = [
        ("Outcome", history.outcome + (f": {history.message}" if history.message else "")),
        ("Started", f"{began:%Y-%m-%d %H:%M} UTC"),
        ("Duration", f"{timedelta(seconds=round(history.seconds))}{sessions}"),
        ("Steps", f"{history.steps} of {history.steps_total}"),
    ]
    if history.images_per_second is not None:
        facts.append(("Images per second", f"{history.images_per_second:.2f}"))
    facts += [(topic.capitalize(), text) for topic, text in history.started.get("machine", {}).items()]
    if info is not None:
        facts.append(("Seen classes", str(len(info.seen))))
        facts.append(("Trained from", f"weights {info.parent[:12]}" if info.parent else "ImageNet weights"))
    yield Table(("", ""), facts, words=True)


def _curves(history: History) -> Iterator[Block]:
    for title, name, curves in (
        ("Figures during training", "metrics.svg", history.metrics),
        ("Losses", "losses.svg", history.losses),
    ):
        if curves:
            yield Heading(2, title)
            order = sorted(curves, key=lambda key: (key != "loss", key))  # the sum first
            svg = chart_grid({key.replace("_", " "): curves[key] for key in order})
            caption = f"{title} by step; the dark line is a running mean"
            yield Picture(name, svg.encode(), caption)


def _data(history: History) -> Iterator[Block]:
    sets: list[Mapping[str, Any]] = list(history.started.get("sets", ()))
    if not sets:
        return
    shown = [key for key in COUNTS if key in ("images", "objects") or any(s.get(key) for s in sets)]
    rows = [[str(s["name"]), *(str(s.get(key, 0)) for key in shown)] for s in sets]
    if len(sets) > 1:
        rows.append(["all", *(str(sum(s.get(key, 0) for s in sets)) for key in shown)])
    yield Heading(2, "Data")
    yield Text(
        "Trained on are the images and objects of the first columns. Images with an object of an unseen "
        "class, images without an object of a seen class and faulty images are left out. Objects of other "
        "classes and faulty objects are ignored where they lie: neither object nor background."
    )
    yield Table(("set", *(COUNTS[key] for key in shown)), rows)
    faults = [fault for s in sets for fault in s.get("skipped", ())] + list(history.lost)
    if faults:
        yield Text(f"Files with faults, {min(len(faults), MOST_FAULTS)} of {len(faults)} listed:")
        listed = [[str(fault["path"]), str(fault["reason"])] for fault in faults[:MOST_FAULTS]]
        yield Table(("file", "fault"), listed, words=True)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Lines "key = value", those of tables as "table.key = value"."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key} = {json.dumps(value)}"
