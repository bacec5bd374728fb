"""What reviewing asks of a project as a whole. Slow for large ones: ask a reader, in a job's thread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from app.project.connection import sqlite_errors
from app.project.queries import Queries

# The threshold of a class is that which a person has set (see `threshold_key`), else that of the model.
_TO_REVIEW = """
WITH waiting (image_id, score, runner_up, threshold) AS (
    SELECT o.image_id, coalesce(o.score, 1), coalesce(json_extract(o.made_by, '$.runner_up_score'), 0),
        coalesce(CAST(s.value AS REAL), json_extract(m.value, '$.threshold'), 0)
    FROM objects o JOIN makers m ON m.id = o.maker_id
        LEFT JOIN settings s ON s.key = 'threshold/' || o.class_id
    WHERE o.state = 'proposed' AND NOT o.hidden AND NOT o.locked
        AND o.class_id = coalesce(:class_id, o.class_id)),
shown (image_id, margin) AS (
    SELECT image_id, min(min(score - threshold, score - runner_up)) FROM waiting
    WHERE score >= threshold GROUP BY image_id)
SELECT i.id FROM shown JOIN images i ON i.id = shown.image_id WHERE NOT i.finished ORDER BY {order}
"""

_ORDERS = {
    "file": "i.sort_key <= coalesce((SELECT sort_key FROM images WHERE id = :after), x''), i.sort_key",
    "uncertain": "shown.margin, i.sort_key",
}
ORDERS = tuple(_ORDERS)
"""By file name, or the image with the most uncertain proposal first."""

# What was imported is nobody's work here, and without a model there was no proposal.
_WORKED_ON = """
SELECT o.class_id, o.state, o.created, o.decided, o.edits FROM objects o JOIN makers m ON m.id = o.maker_id
WHERE (o.state IN ('accepted', 'corrected', 'rejected') AND json_extract(m.value, '$.model') IS NOT NULL)
    OR (o.state = 'drawn' AND json_extract(m.value, '$.tool') IS NOT 'import')
"""


@dataclass(frozen=True, slots=True)
class WorkedOn:
    """An object that a person drew, or a model's proposal that a person decided about.

    Attributes:
        class_id: what it is now.
        state: one of `STATES` but "proposed".
        times: when a person did something to it, in seconds since 1970, unsorted.
        iou_to_proposal: of the last edit; None where there is none.
    """

    class_id: int
    state: str
    times: tuple[float, ...]
    iou_to_proposal: float | None


def images_to_review(
    project: Queries, order: str, *, class_id: int | None = None, after: int | None = None
) -> list[int]:
    """Ids of the unfinished images with proposals that are shown and wait for a decision.

    Args:
        order: one of `ORDERS`. A proposal is uncertain where its score lies little above the threshold, or
            little above the score of its runner-up.
        class_id: count the proposals of this class alone.
        after: with the order "file", begin behind this image and end with it.
    """
    sql = _TO_REVIEW.format(order=_ORDERS[order])
    with sqlite_errors(project.path):
        found = project._connection.execute(sql, {"after": after, "class_id": class_id})
        return [row[0] for row in found]


def worked_on(project: Queries) -> Iterator[WorkedOn]:
    """All objects that a person had a hand in, one by one."""
    with sqlite_errors(project.path):
        for row in project._connection.execute(_WORKED_ON):
            edits = () if row["edits"] == "[]" else json.loads(row["edits"])
            stamps = [edit.get("time") for edit in edits]
            stamps.append(row["created"] if row["state"] == "drawn" else row["decided"])
            yield WorkedOn(
                row["class_id"],
                row["state"],
                tuple(time for stamp in stamps if stamp and (time := _seconds(stamp)) is not None),
                edits[-1].get("iou_to_proposal") if edits else None,
            )


def _seconds(stamp: str) -> float | None:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None  # of a file that another program wrote
