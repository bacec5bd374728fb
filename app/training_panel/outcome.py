"""What came of a finished run, read from its folder for a person to look at. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.retraining.run import RetrainingRun
from zsi_core.coco.json_file import load_json
from zsi_core.errors import TrainingError
from zsi_core.retraining import AFTER, BEFORE, PICTURES, Comparison, Result

GROUPS = {
    "seen": "Trained classes",
    "unseen": "Left-out classes",
    "harmonic_mean": "Harmonic mean of both",
}


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: of a group, or of a class of it.
        is_group: which of the two.
        objects: held-out ones; None for a group.
        before, after: AP50 from 0 to 1; None where there is nothing to be found.
    """

    name: str
    is_group: bool
    objects: int | None
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        result: as the process wrote it.
        rows: before and after on the held-out part; empty where there is none.
        images: how many held-out images were measured.
        of_masks: the figures are of masks; otherwise of boxes.
        comparisons: pictures of some of them, in `pictures`.
        pictures: folder.
    """

    result: Result
    rows: tuple[Row, ...]
    images: int
    of_masks: bool
    comparisons: tuple[Comparison, ...]
    pictures: Path


def read_outcome(run: RetrainingRun) -> Outcome:
    """Read a finished run.

    Raises:
        AnnotationError, TrainingError: a file is missing or damaged.
    """
    result = run.result
    if result is None:
        raise TrainingError(f"{run.folder} has no result yet: wait until the retraining is finished")
    before, after = load_json(run.folder / BEFORE), load_json(run.folder / AFTER)
    try:
        rows = tuple(_rows(result, before, after)) if "map50" in after else ()
    except (KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{run.folder / AFTER} is damaged ({error!r}): start the retraining anew"
        ) from error
    return Outcome(
        result,
        rows,
        int(after.get("images", 0)),
        after.get("task") == "segm",
        Comparison.read(run.folder),
        run.folder / PICTURES,
    )


def _rows(result: Result, before: dict[str, Any], after: dict[str, Any]) -> list[Row]:
    rows = []
    for group, title in GROUPS.items():
        if result.after.get(group) is None and result.before.get(group) is None:
            continue
        rows.append(Row(title, True, None, result.before.get(group), result.after.get(group)))
        for name, figures in after["per_class"].items():
            if figures["group"] == group:
                former = before["per_class"][name]["map50"]
                rows.append(Row(name, False, figures["instances"], former, figures["map50"]))
    return rows
