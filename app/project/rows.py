"""The only code that writes rows of images, classes, objects and documents.

It notes what takes every writing back, so that undo and redo work the same for all commands.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from app.project.counting import counted_at_the_end

Values = Mapping[str, Any]

# And all counts, n_...
_KEPT_BY_TRIGGERS = {"status", "min_score", "max_score"}


@dataclass(frozen=True, slots=True)
class RowChange:
    """What was done to one row. `payload` holds what takes it back, and nothing more.

    Attributes:
        action: "insert" (payload None), "update" (former values of the changed columns), "delete" (the row).
    """

    table: str
    row_id: int
    action: str
    payload: str | None


@dataclass
class Touched:
    """What the written rows belong to.

    Attributes:
        images, objects, classes: ids of images, uuids of objects, ids of classes.
        image_list: images were added, removed or renamed.
        info: info or licenses were written.
        settings: keys of settings.
        skipped: what was left out and why.
    """

    images: set[int] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    classes: set[int] = field(default_factory=set)
    image_list: bool = False
    info: bool = False
    settings: set[str] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.images or self.classes or self.info or self.settings or self.image_list)


class Rows:
    """Writes rows inside a transaction that somebody else began and ends.

    Attributes:
        connection: for reading.
        project: the file.
        classes_of_objects: ids of the classes that written objects have, had or get.
        changes: what was written, in order.
        touched: what it belongs to.
        makers: shared part of a provenance, as `repr` shows it -> its id, as far as it was asked for.
    """

    def __init__(self, connection: sqlite3.Connection, project: Path) -> None:
        self.connection = connection
        self.project = project
        self.changes: list[RowChange] = []
        self.touched = Touched()
        self.classes_of_objects: set[int] = set()
        self.makers: dict[str, int] = {}

    def one(self, sql: str, *parameters: Any) -> sqlite3.Row | None:
        """First row of a query, None if there is none."""
        row: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.connection.execute(sql, parameters).fetchall()

    def insert(self, table: str, values: Values) -> int:
        """Add a row and return its id."""
        row_id = self._insert(table, values)
        self.changes.append(RowChange(table, row_id, "insert", None))
        return row_id

    def insert_all(self, table: str, rows: Sequence[Values]) -> None:
        """Add rows that have the same columns, the id among them."""
        if not rows:
            return
        sql = _insert_sql(table, tuple(rows[0]))
        self.connection.executemany(sql, [tuple(values.values()) for values in rows])
        for values in rows:
            self._touch(table, values["id"], values)
            self.changes.append(RowChange(table, values["id"], "insert", None))
        self.touched.image_list |= table == "images"

    def next_id(self, table: str) -> int:
        """An id above all that were given so far."""
        row = self.one("SELECT seq FROM sqlite_sequence WHERE name = ?", table)
        return 1 if row is None else int(row["seq"]) + 1

    def counted_at_the_end(self) -> AbstractContextManager[None]:
        """While very many objects are added: they are counted when all are there."""
        return counted_at_the_end(self.connection, self.touched.images)

    def update(self, table: str, row_id: int, values: Values) -> bool:
        """Change columns of an existing row; returns whether any value is another than before."""
        before = self._read(table, row_id, tuple(values))
        changed = {column: value for column, value in values.items() if before[column] != value}
        if not changed:
            return False
        self._write(table, row_id, changed, before)
        former = {column: before[column] for column in changed}
        self.changes.append(RowChange(table, row_id, "update", _encoded(former)))
        return True

    def delete(self, table: str, row_id: int) -> None:
        """Remove an existing row."""
        self.changes.append(RowChange(table, row_id, "delete", self._delete(table, row_id)))

    def set_setting(self, key: str, value: str | None) -> None:
        """Write or, with None, remove a setting; nothing takes that back."""
        if value is None:
            self.connection.execute("DELETE FROM settings WHERE key = ?", (key,))
        else:
            self.connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))
        self.touched.settings.add(key)

    def set_root(self, root: str) -> None:
        """Write where the image folder is (see root.py); nothing takes that back."""
        self.connection.execute("UPDATE meta SET value = ? WHERE key = 'root'", (root,))
        self.touched.image_list = True

    def take_back(self, change: RowChange) -> RowChange:
        """Undo one change; taking back what this returns does it again."""
        table, row_id = change.table, change.row_id
        if change.action == "insert":
            return RowChange(table, row_id, "delete", self._delete(table, row_id))
        assert change.payload is not None
        values = _decoded(change.payload)
        if change.action == "delete":
            self._insert(table, values)
            return RowChange(table, row_id, "insert", None)
        before = self._read(table, row_id, tuple(values))
        self._write(table, row_id, values, before)
        return RowChange(table, row_id, "update", _encoded({column: before[column] for column in values}))

    def _insert(self, table: str, values: Values) -> int:
        row_id = self.connection.execute(_insert_sql(table, tuple(values)), tuple(values.values())).lastrowid
        assert row_id is not None
        self._touch(table, row_id, values)
        self.touched.image_list |= table == "images"
        return row_id

    def _read(self, table: str, row_id: int, columns: tuple[str, ...]) -> sqlite3.Row:
        """The columns, and what `_touch` needs."""
        row = self.one(_select_sql(table, columns), row_id)
        if row is None:
            raise KeyError(f"{table} has no row {row_id}")
        return row

    def _write(self, table: str, row_id: int, values: Values, before: sqlite3.Row) -> None:
        self.connection.execute(_update_sql(table, tuple(values)), (*values.values(), row_id))
        self._touch(table, row_id, before)
        if table == "objects" and "class_id" in values:
            self.classes_of_objects.add(values["class_id"])
        self.touched.image_list |= table == "images" and "name" in values

    def _delete(self, table: str, row_id: int) -> str:
        row = self.one(f"SELECT * FROM {table} WHERE id = ?", row_id)
        if row is None:
            raise KeyError(f"{table} has no row {row_id}")
        values = {
            column: value
            for column, value in dict(row).items()
            if not (table == "images" and (column in _KEPT_BY_TRIGGERS or column.startswith("n_")))
        }
        self.connection.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))
        self._touch(table, row_id, values)
        self.touched.image_list |= table == "images"
        return _encoded(values)

    def _touch(self, table: str, row_id: int, values: Values | sqlite3.Row) -> None:
        if table == "objects":
            self.touched.images.add(values["image_id"])
            self.touched.objects.add(values["uuid"])
            self.classes_of_objects.add(values["class_id"])
        elif table == "images":
            self.touched.images.add(row_id)
        elif table == "classes":
            self.touched.classes.add(row_id)
        else:
            self.touched.info = True


# Equal text lets sqlite3 use a statement that it has prepared before.
@cache
def _insert_sql(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


@cache
def _update_sql(table: str, columns: tuple[str, ...]) -> str:
    return f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"


@cache
def _select_sql(table: str, columns: tuple[str, ...]) -> str:
    needed = (*columns, "image_id", "class_id", "uuid") if table == "objects" else columns
    return f"SELECT {', '.join(dict.fromkeys(needed))} FROM {table} WHERE id = ?"


def _encoded(values: Values) -> str:
    return json.dumps(values, default=lambda data: {"base64": base64.b64encode(data).decode("ascii")})


def _decoded(payload: str) -> dict[str, Any]:
    return {
        column: base64.b64decode(value["base64"]) if isinstance(value, dict) else value
        for column, value in json.loads(payload).items()
    }
