"""In which order the proposals of an image are reviewed. Qt-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from app.project import ClassRecord, ObjectRecord

Threshold = Callable[[int], float]
"""Class id -> smallest score that is shown."""


def margin(record: ObjectRecord, threshold: float) -> float:
    """How sure a proposal is: what its score lies above the threshold, or above its runner-up if that is less.

    One without a score is as sure as can be.
    """
    score = 1.0 if record.score is None else record.score
    return min(score - threshold, score - float(record.made_by.get("runner_up_score") or 0.0))


def in_order(
    records: Iterable[ObjectRecord], order: str, classes: Mapping[int, ClassRecord], threshold: Threshold
) -> list[ObjectRecord]:
    """Proposals as they come one after the other.

    Args:
        order: "uncertain": the least sure one first; "file": class by class, the surest first.
    """
    if order == "uncertain":
        return sorted(records, key=lambda record: margin(record, threshold(record.class_id)))
    places = {class_id: place for place, class_id in enumerate(classes)}
    return sorted(
        records,
        key=lambda record: (places[record.class_id], -(1.0 if record.score is None else record.score)),
    )


def following(uuid: str | None, before: Sequence[str], now: Sequence[str]) -> str | None:
    """Which of `now` comes next, when the order was `before` and `uuid` was reviewed; None where none is left.

    The first of those that came after it, else the first of all.
    """
    left = set(now)
    start = before.index(uuid) + 1 if uuid in before else 0
    return next((each for each in before[start:] if each in left), next(iter(now), None))
