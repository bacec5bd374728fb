"""Counters: shares, times and the file they are written to."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from app.project.reviewing import WorkedOn
from app.proposals.counters import HEADER, PAUSE_SECONDS, count, write_csv

NAMES = {1: "cat", 2: "dog, small", 3: "never seen"}


def worked(state: str, *times: float, class_id: int = 1, iou: float | None = None) -> WorkedOn:
    return WorkedOn(class_id, state, times, iou)


def test_shares_and_times_of_each_class() -> None:
    cat, dog, total = count(
        [
            worked("accepted", 100.0),
            worked("corrected", 104.0, 110.0, iou=0.8),
            worked("rejected", 112.0),
            worked("rejected", 113.0, class_id=2),
            worked("drawn", 133.0, class_id=2),
        ],
        NAMES,
    )
    assert [cat.name, dog.name, total.name] == ["cat", "dog, small", "all classes"]
    assert (cat.accepted, cat.corrected, cat.rejected, cat.drawn) == (1, 1, 1, 0)
    assert cat.share(cat.rejected) == pytest.approx(1 / 3)
    assert cat.iou_of_corrected == 0.8
    # 4 and 6 seconds for the correction, 2 for the rejection; nothing is known before the first moment.
    assert cat.seconds_per_accepted == pytest.approx(12 / 2)
    assert dog.seconds_per_accepted is None and dog.seconds_per_drawn == 20.0
    assert (total.decided, total.seconds_per_accepted) == (4, pytest.approx(13 / 2))


def test_a_pause_is_no_work() -> None:
    just, longer = PAUSE_SECONDS, PAUSE_SECONDS + 1
    (_, within) = count([worked("accepted", 0.0), worked("accepted", just)], NAMES)
    (_, beyond) = count([worked("accepted", 0.0), worked("accepted", longer)], NAMES)
    assert within.seconds_per_accepted == just / 2
    assert beyond.seconds_per_accepted is None


def test_nothing_was_done() -> None:
    (total,) = count([], NAMES)
    assert total.row() == ("all classes", 0, 0, 0, None, None, None, None, None, 0, None)


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "counters.csv"
    write_csv(count([worked("accepted", 1.0), worked("rejected", 2.0, class_id=2)], NAMES), path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == HEADER
    assert [row["class"] for row in rows] == ["cat", "dog, small", "all classes"]
    assert rows[2]["rejected_share"] == "0.5" and rows[1]["seconds_per_accepted_mask"] == ""
