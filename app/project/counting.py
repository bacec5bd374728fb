"""What is counted in the project file, and the triggers that keep it right.

Images know how many objects they have by state, their `status`, and the range of their proposals' scores;
`class_counts` knows how many objects a class has by state. The triggers do it row by row, for commands, undo
and redo alike; an import of a hundred thousand objects is counted once instead (`counted_at_the_end`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from zsi_core.coco.provenance import STATES

_RECOUNT_IMAGE = """
UPDATE images SET ({columns}) = (SELECT {counts}, {scores} FROM objects WHERE image_id = images.id)
WHERE id = ?""".format(
    columns=", ".join([*(f"n_{state}" for state in STATES), "min_score", "max_score"]),
    counts=", ".join(f"count(CASE state WHEN '{state}' THEN 1 END)" for state in STATES),
    scores=", ".join(f"{which}(CASE state WHEN 'proposed' THEN score END)" for which in ("min", "max")),
)


@contextmanager
def counted_at_the_end(connection: sqlite3.Connection, images: Collection[int]) -> Iterator[None]:
    """Objects that the body adds are counted when it ends: many at once take a tenth of the time so.

    The trigger is away in this transaction alone, which must be rolled back if the body raises.

    Args:
        images: ids of the images whose objects are to be counted; the body may add to it.
    """
    found = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'counted_insert'"
    (trigger,) = connection.execute(found).fetchone()
    connection.execute("DROP TRIGGER counted_insert")
    yield
    connection.execute(trigger)
    connection.executemany(_RECOUNT_IMAGE, [(image_id,) for image_id in images])
    connection.execute("DELETE FROM class_counts")
    connection.execute(
        "INSERT INTO class_counts SELECT class_id, state, count(*) FROM objects GROUP BY class_id, state"
    )


def counting_triggers() -> str:
    """The SQL that creates the triggers."""
    return (
        _counting("INSERT", ("NEW", 1))
        + _counting("DELETE", ("OLD", -1))
        + _counting("UPDATE OF state, class_id", ("OLD", -1), ("NEW", 1))
        + _status("INSERT")
        + _status(f"UPDATE OF finished, {', '.join(f'n_{state}' for state in STATES)}")
    )


def _counting(event: str, *versions: tuple[str, int]) -> str:
    """A trigger that adds `step` for every (version of the row, step) and renews the scores of the image."""
    row = versions[0][0]
    counts = ", ".join(
        f"n_{state} = n_{state} + " + " + ".join(f"{step} * ({v}.state = '{state}')" for v, step in versions)
        for state in STATES
    )
    proposals = f"FROM objects WHERE image_id = {row}.image_id AND state = 'proposed'"
    classes = "".join(
        f"""INSERT INTO class_counts VALUES ({v}.class_id, {v}.state, {step})
            ON CONFLICT DO UPDATE SET n = n + {step};"""
        for v, step in versions
    )
    return f"""
CREATE TRIGGER counted_{event.split()[0].lower()} AFTER {event} ON objects BEGIN
    UPDATE images SET {counts},
        min_score = (SELECT min(score) {proposals}), max_score = (SELECT max(score) {proposals})
        WHERE id = {row}.image_id;
    {classes}
END;
"""


def _status(event: str) -> str:
    """A trigger that renews `status`. (An index of a generated column does not spare reading the rows.)"""
    status = (
        "CASE WHEN NEW.finished THEN 'finished' WHEN NEW.n_proposed THEN 'proposals' "
        f"WHEN {' + '.join(f'NEW.n_{state}' for state in STATES)} THEN 'started' ELSE 'new' END"
    )
    return f"""
CREATE TRIGGER status_{event.split()[0].lower()} AFTER {event} ON images WHEN NEW.status != {status} BEGIN
    UPDATE images SET status = {status} WHERE id = NEW.id;
END;
"""
