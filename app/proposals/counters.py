"""Counters of the review: what became of the proposals of each class, and how long a mask took. Qt-free.

Nothing is counted beside the project: all figures come from the states of its objects and the times that are
kept with them, so undo, redo and a second machine change them as they change the objects.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.project.reviewing import WorkedOn
from zsi_core.files import atomic_write

PAUSE_SECONDS = 60.0
"""Between two things that a person did; a longer time counts as a pause, not as work."""

HEADER = (
    "class", "accepted", "corrected", "rejected", "accepted_share", "corrected_share", "rejected_share",
    "iou_of_corrected", "seconds_per_accepted_mask", "drawn", "seconds_per_drawn_mask",
)  # fmt: skip


@dataclass
class Counter:
    """Figures of one class, or of all.

    Attributes:
        name: of the class.
        accepted, corrected, rejected: proposals by what became of them.
        drawn: objects that a person made, by hand or from a click or a box.
        review_seconds: of work on proposals; each time counts for the object that ended it.
        drawing_seconds: of work on the drawn ones.
        ious: of the corrected masks with what was proposed.
    """

    name: str
    accepted: int = 0
    corrected: int = 0
    rejected: int = 0
    drawn: int = 0
    review_seconds: float = 0.0
    drawing_seconds: float = 0.0
    ious: list[float] = field(default_factory=list)

    @property
    def decided(self) -> int:
        """Proposals that a person decided about."""
        return self.accepted + self.corrected + self.rejected

    def share(self, number: int) -> float | None:
        """Of the proposals that were decided about; None without any."""
        return number / self.decided if self.decided else None

    @property
    def iou_of_corrected(self) -> float | None:
        """Mean IoU of the corrected masks with what was proposed."""
        return sum(self.ious) / len(self.ious) if self.ious else None

    @property
    def seconds_per_accepted(self) -> float | None:
        """Time that a kept proposal took, rejected ones included; None where none was measured."""
        kept = self.accepted + self.corrected
        return self.review_seconds / kept if kept and self.review_seconds else None

    @property
    def seconds_per_drawn(self) -> float | None:
        """Time that a drawn object took; None where none was measured."""
        return self.drawing_seconds / self.drawn if self.drawn and self.drawing_seconds else None

    def row(self) -> tuple[str | int | float | None, ...]:
        """The values below `HEADER`."""
        shares = (self.share(number) for number in (self.accepted, self.corrected, self.rejected))
        return (
            self.name, self.accepted, self.corrected, self.rejected, *shares, self.iou_of_corrected,
            self.seconds_per_accepted, self.drawn, self.seconds_per_drawn,
        )  # fmt: skip


def count(objects: Iterable[WorkedOn], names: Mapping[int, str]) -> list[Counter]:
    """A counter for each class that was worked on, in the order of `names`, and one of all at the end."""
    counters = {class_id: Counter(name) for class_id, name in names.items()}
    total = Counter("all classes")
    moments: list[tuple[float, int, bool]] = []
    for worked in objects:
        reviewed = worked.state != "drawn"
        moments += ((time, worked.class_id, reviewed) for time in worked.times)
        for counter in (counters[worked.class_id], total):
            if reviewed:
                setattr(counter, worked.state, getattr(counter, worked.state) + 1)
                if worked.state == "corrected" and worked.iou_to_proposal is not None:
                    counter.ious.append(worked.iou_to_proposal)
            else:
                counter.drawn += 1
    moments.sort()
    before = None
    for time, class_id, reviewed in moments:
        seconds = time - before if before is not None else 0.0
        before = time
        if seconds > PAUSE_SECONDS:
            continue
        for counter in (counters[class_id], total):
            if reviewed:
                counter.review_seconds += seconds
            else:
                counter.drawing_seconds += seconds
    return [counter for counter in counters.values() if counter.decided or counter.drawn] + [total]


def write_csv(counters: Sequence[Counter], path: Path) -> None:
    """Write the counters as comma-separated values, UTF-8; what was not measured stays empty.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_write(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for counter in counters:
            writer.writerow(
                [round(value, 4) if isinstance(value, float) else value for value in counter.row()]
            )
