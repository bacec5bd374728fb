"""In which order the proposals of an image are reviewed. Qt-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from app.project import ClassRecord, ObjectRecord

ChosenThreshold = Callable[[int], float | None]
"""Class id -> score from which a person wants its proposals shown; None: that of the model."""


def margin(record: ObjectRecord, chosen: float | None) -> float:
    """How sure a proposal is: what its score has over the threshold, or over its runner-up if that is less.

    Args:
        chosen: threshold of its class, see `ChosenThreshold`.

    Returns:
        The most there is, 1, for one without a score.
    """
    if record.score is None:
        return 1.0
    threshold = record.made_by.get("threshold", 0.0) if chosen is None else chosen
    return float(min(record.score - threshold, record.score - (record.made_by.get("runner_up_score") or 0.0)))


def in_order(
    records: Iterable[ObjectRecord],
    order: str,
    classes: Mapping[int, ClassRecord],
    chosen: ChosenThreshold,
) -> list[ObjectRecord]:
    """Proposals as they come one after the other.

    Args:
        order: "uncertain": the least sure one first; "file": class by class, the surest first.
    """
    if order == "uncertain":
        return sorted(records, key=lambda record: margin(record, chosen(record.class_id)))
    places = {class_id: place for place, class_id in enumerate(classes)}
    return sorted(
        records,
        key=lambda record: (places[record.class_id], -(1.0 if record.score is None else record.score)),
    )


def following(uuid: str | None, before: Sequence[str], now: Sequence[str]) -> str | None:
    """Which of `now` comes after `uuid`, when the order was `before`; None where none is left.

    The first of those that came after it, else the first of all.
    """
    left = set(now)
    start = before.index(uuid) + 1 if uuid in before else 0
    return next((each for each in before[start:] if each in left), next(iter(now), None))
