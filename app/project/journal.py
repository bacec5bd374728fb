"""The undo journal: which step is next, whether later ones depend on it, and taking it back.

Every entry holds the inverse of its row changes (see rows.py); taking them back leaves the inverse of that.
Of the entries that wrote one row, those that are applied always come before those that are undone. An entry
that added a class or an image stays applied as long as one that wrote objects of it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from app.project.errors import UndoError
from app.project.rows import RowChange, Rows

MAX_BYTES = 256 * 1024 * 1024
"""Size of all entries together, above which the oldest are dropped."""

MAX_AGE_DAYS = 180

_ROW_BYTES = 40  # of a row change without payload, indexes included
_CHUNK = 1000

_DROP_UNDONE_OF_IMAGE = """
WITH gone AS (
    SELECT e.seq, e.group_id FROM entry_images i JOIN entries e ON e.seq = i.seq
    WHERE i.image_id = ? AND e.undone > 0)
DELETE FROM entries WHERE undone > 0 AND (
    seq IN (SELECT seq FROM gone) OR group_id IN (SELECT group_id FROM gone WHERE group_id IS NOT NULL))
"""

# A later entry whose objects have a class, or belong to an image, that a step added: it may even have deleted
# them, so that foreign keys would not notice.
_USERS = tuple(
    f"""
    SELECT e.label FROM temp.step s CROSS JOIN entry_rows c ON c.seq = s.seq
        CROSS JOIN {uses} u ON u.{key} = c.row_id AND u.seq > s.seq CROSS JOIN entries e ON e.seq = u.seq
    WHERE c.tbl != 'objects' AND c.tbl = '{table}' AND c.action = 'insert' AND e.undone = 0
        AND e.seq NOT IN temp.step LIMIT 1"""
    for table, uses, key in (("classes", "entry_classes", "class_id"), ("images", "entry_images", "image_id"))
)


CHANGED = """
SELECT 1 FROM entry_rows c JOIN entries e ON e.seq = c.seq
WHERE c.tbl = 'objects' AND c.row_id = ? AND c.action != 'insert' AND e.undone = 0"""
"""Whether an applied step changed the object with a row id, after it was added."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one undo or redo takes back: an entry, or all applied (undone) entries of a group."""

    label: str
    project_wide: bool
    seqs: tuple[int, ...]


class Journal:
    """The journal in an open project file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS step (seq INTEGER PRIMARY KEY)")
        self._size = self._number("SELECT coalesce(sum(size), 0) FROM entries")

    def record(self, rows: Rows, label: str, group: str | None) -> None:
        """Write the entry of what was just applied, inside its transaction; some redo is lost by it.

        Raises:
            ValueError: a group does anything but add, or delete what no other step has changed; then its undo
                could depend on what it depends on.
        """
        touched = rows.touched
        if group is not None and not all(self._fits_group(change, group) for change in rows.changes):
            raise ValueError("commands of a group must only add, or delete objects that nobody changed")
        shared = bool(touched.classes) or touched.info
        self._drop_undone(touched.images, everywhere=shared, project_wide=group is None)
        size = _size(rows.changes)
        project_wide = shared or group is not None or len(touched.images) != 1
        values = (label, time.time(), len(rows.changes), size)
        seq = self._newest_of_group(group)
        if seq is None:
            seq = self._connection.execute(
                "INSERT INTO entries (label, time, n_rows, size, project_wide, group_id) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*values, int(project_wide), group),
            ).lastrowid
        else:
            self._connection.execute(
                "UPDATE entries SET label = ?, time = ?, n_rows = n_rows + ?, size = size + ? WHERE seq = ?",
                (*values, seq),
            )
        self._connection.executemany(
            "INSERT OR IGNORE INTO entry_images (image_id, seq) VALUES (?, ?)",
            [(image_id, seq) for image_id in touched.images],
        )
        self._connection.executemany(
            "INSERT OR IGNORE INTO entry_classes (class_id, seq) VALUES (?, ?)",
            [(class_id, seq) for class_id in rows.classes_of_objects],
        )
        self._connection.executemany(
            "INSERT INTO entry_rows (seq, tbl, row_id, action, payload) VALUES (?, ?, ?, ?, ?)",
            [(seq, c.table, c.row_id, c.action, c.payload) for c in rows.changes],
        )
        self._size += size

    def _newest_of_group(self, group: str | None) -> int | None:
        """The newest entry, if it is an applied one of a group: thousands of entries would make undo slow."""
        newest = "SELECT seq, group_id, undone FROM entries ORDER BY seq DESC LIMIT 1"
        row = self._connection.execute(newest).fetchone() if group is not None else None
        return row["seq"] if row and row["group_id"] == group and not row["undone"] else None

    def rows_of_step(self, image_id: int | None, *, undo: bool) -> int:
        """How many rows the first step to try has written; 0 for none.

        Raises:
            UndoError: as `steps`.
        """
        step = next(self.steps(image_id, undo=undo), None)
        if step is None:
            return 0
        marks = ", ".join(str(seq) for seq in step.seqs)
        return self._number(f"SELECT sum(n_rows) FROM entries WHERE seq IN ({marks})")

    def steps(self, image_id: int | None, *, undo: bool) -> Iterator[Step]:
        """Steps to try for an image in view, best first (see `Project.undo`).

        Those that are sure to contradict others are passed over if they are project-wide.

        Raises:
            UndoError: there are steps, but each of them contradicts others.
        """
        blocked: tuple[str, str] | None = None
        tried = False
        for step in self._candidates(image_id, undo=undo):
            blocker = self._blocker(step, undo=undo)
            if blocker is None:
                tried = True
                yield step
            elif blocked is None:
                blocked = (step.label, blocker)
            if not step.project_wide:
                break
        if blocked and not tried:
            done = "undone" if undo else "redone"
            raise UndoError(f"“{blocked[0]}” cannot be {done} before {blocked[1]}")

    def label(self, image_id: int | None, *, undo: bool) -> str | None:
        """What a menu shows: the label of the first step to try, or of one that is blocked; None for none."""
        try:
            step = next(self.steps(image_id, undo=undo), None)
        except UndoError:
            step = next(self._candidates(image_id, undo=undo), None)
        return None if step is None else step.label

    def take_back(self, step: Step, rows: Rows, *, undo: bool) -> None:
        """Undo or redo a step, inside a transaction.

        Raises:
            sqlite3.IntegrityError: something refers to a row that would go, or a row would refer to nothing.
        """
        mark = self._number("SELECT coalesce(max(undone), 0) + 1 FROM entries") if undo else 0
        for seq in step.seqs:
            size = self._take_back_entry(seq, rows, undo=undo)
            (former,) = self._connection.execute("SELECT size FROM entries WHERE seq = ?", (seq,)).fetchone()
            self._connection.execute(
                "UPDATE entries SET undone = ?, size = ? WHERE seq = ?", (mark, size, seq)
            )
            self._size += size - former

    def prune(self) -> None:
        """Drop the oldest entries beyond the bounds, but never the newest one. Call it in a transaction."""
        oldest = time.time() - MAX_AGE_DAYS * 86400
        # With some room to spare, so that not every command from now on has to drop one.
        max_bytes = MAX_BYTES * 3 // 4 if self.too_large else MAX_BYTES
        last = None
        size = self._size
        newest = self._number("SELECT coalesce(max(seq), 0) FROM entries")
        for seq, age, entry_size in self._connection.execute(
            "SELECT seq, time, size FROM entries ORDER BY seq"
        ):
            if seq == newest or (size <= max_bytes and age >= oldest):
                break
            last = seq
            size -= entry_size
        if last is None:
            return
        # A step is undone as a whole or not at all, and only what came before it can be redone before it.
        if self._number("SELECT count(*) FROM entries WHERE undone > 0 AND seq <= ?", last):
            self._connection.execute("DELETE FROM entries WHERE undone > 0")
        self._connection.execute(
            "DELETE FROM entries WHERE seq <= ?1 OR group_id IN "
            "(SELECT group_id FROM entries WHERE seq <= ?1 AND group_id IS NOT NULL)",
            (last,),
        )
        self.reload()

    @property
    def too_large(self) -> bool:
        """Whether it is time to prune."""
        return self._size > MAX_BYTES

    def reload(self) -> None:
        """Read the size anew, after a transaction was rolled back."""
        self._size = self._number("SELECT coalesce(sum(size), 0) FROM entries")

    def _fits_group(self, change: RowChange, group: str) -> bool:
        if change.action == "insert":
            return True
        sql = f"SELECT NOT EXISTS ({CHANGED} AND e.group_id IS NOT ?)"
        return (change.action, change.table) == ("delete", "objects") and bool(
            self._connection.execute(sql, (change.row_id, group)).fetchone()[0]
        )

    def _candidates(self, image_id: int | None, *, undo: bool) -> Iterator[Step]:
        """Applied steps, newest first, or undone steps, last undone first; each group once."""
        if undo:
            place, state, of_image = "seq", "e.undone = 0", "entry_images i CROSS JOIN entries e"
        else:
            place, state, of_image = "undone", "e.undone > 0", "entries e CROSS JOIN entry_images i"
        order = "i.seq" if undo else "e.undone"  # of the table that the join is forced to begin with
        groups: list[str] = []
        limit = 2**63 - 1
        while True:
            other = f"(e.group_id IS NULL OR e.group_id NOT IN ({', '.join('?' * len(groups))}))"
            wanted = f"{state} AND e.{place} < {limit:d} AND {other}"
            every = f"{wanted} ORDER BY e.{place} DESC LIMIT 1"
            if image_id is None:
                sources = [f"SELECT e.* FROM entries e WHERE {every}"]
            else:
                sources = [
                    f"SELECT e.* FROM {of_image} ON e.seq = i.seq "
                    f"WHERE i.image_id = {image_id:d} AND {wanted} ORDER BY {order} DESC LIMIT 1",
                    f"SELECT e.* FROM entries e WHERE e.project_wide AND {every}",
                ]
            found = [row for sql in sources if (row := self._connection.execute(sql, groups).fetchone())]
            if not found:
                return
            entry = max(found, key=lambda row: int(row[place]))
            limit = entry[place]
            if entry["group_id"] is not None:
                groups.append(entry["group_id"])
            yield self._step(entry, undo=undo)

    def _step(self, entry: sqlite3.Row, *, undo: bool) -> Step:
        seqs: tuple[int, ...] = (entry["seq"],)
        if entry["group_id"] is not None:
            order = "DESC" if undo else "ASC"
            sql = f"SELECT seq FROM entries WHERE group_id = ? AND undone = ? ORDER BY seq {order}"
            found = self._connection.execute(sql, (entry["group_id"], entry["undone"]))
            seqs = tuple(row["seq"] for row in found)
        return Step(entry["label"], bool(entry["project_wide"]), seqs)

    def _blocker(self, step: Step, *, undo: bool) -> str | None:
        """What has to be taken back before a step; None if nothing is known that must."""
        self._connection.execute("DELETE FROM temp.step")
        self._connection.executemany("INSERT INTO temp.step VALUES (?)", [(seq,) for seq in step.seqs])
        beyond, other = (">", "undone = 0") if undo else ("<", "undone > 0")
        bound = min(step.seqs) if undo else max(step.seqs)
        others = f"e.{other} AND e.seq {beyond} {bound:d} AND e.seq NOT IN temp.step"
        n_others = self._number(f"SELECT coalesce(sum(n_rows), 0) FROM entries e WHERE {others}")
        if n_others == 0:
            return None
        for sql in _USERS if undo else ():
            if row := self._connection.execute(sql).fetchone():
                return f"“{row['label']}”, which uses what it added"
        n_mine = self._number("SELECT sum(n_rows) FROM entries WHERE seq IN temp.step")
        same = f"a.tbl = b.tbl AND a.row_id = b.row_id AND b.seq {beyond} a.seq AND a.seq IN temp.step"
        if n_mine < n_others:
            tables = "entry_rows a CROSS JOIN entry_rows b CROSS JOIN entries e ON e.seq = b.seq"
        else:
            tables = "entries e CROSS JOIN entry_rows b ON b.seq = e.seq CROSS JOIN entry_rows a"
        sql = f"SELECT e.label FROM {tables} WHERE {same} AND {others} LIMIT 1"
        row = self._connection.execute(sql).fetchone()
        when = "later" if undo else "earlier"
        return None if row is None else f"“{row['label']}”, which came {when}"

    def _take_back_entry(self, seq: int, rows: Rows, *, undo: bool) -> int:
        """Returns the size of the entry afterwards."""
        size = 0
        beyond, order = ("<", "DESC") if undo else (">", "ASC")
        sql = f"SELECT * FROM entry_rows WHERE seq = ? AND id {beyond} ? ORDER BY id {order} LIMIT {_CHUNK}"
        place = 2**63 - 1 if undo else -1
        while chunk := self._connection.execute(sql, (seq, place)).fetchall():
            place = chunk[-1]["id"]
            changes = [
                rows.take_back(RowChange(row["tbl"], row["row_id"], row["action"], row["payload"]))
                for row in chunk
            ]
            self._connection.executemany(
                "UPDATE entry_rows SET action = ?, payload = ? WHERE id = ?",
                [(c.action, c.payload, row["id"]) for c, row in zip(changes, chunk, strict=True)],
            )
            size += _size(changes)
        return size

    def _drop_undone(self, images: set[int], *, everywhere: bool, project_wide: bool) -> None:
        """A new entry ends the redo of what it may contradict.

        A background job must not end the redo of what it has nothing to do with (`project_wide` False).
        """
        if not self._number("SELECT EXISTS (SELECT 1 FROM entries WHERE undone > 0)"):
            return
        if everywhere:
            self._connection.execute("DELETE FROM entries WHERE undone > 0")
        else:
            for image_id in images:
                self._connection.execute(_DROP_UNDONE_OF_IMAGE, (image_id,))
            if project_wide:
                self._connection.execute("DELETE FROM entries WHERE undone > 0 AND project_wide")
        self.reload()

    def _number(self, sql: str, *parameters: object) -> int:
        (number,) = self._connection.execute(sql, parameters).fetchone()
        return int(number)


def _size(changes: list[RowChange]) -> int:
    return sum(_ROW_BYTES + len(change.payload or "") for change in changes)
