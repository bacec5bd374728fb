"""Tables of the project file, and how older files are brought up to date.

What is counted (`images.n_...`, `status`, `min_score`, `class_counts`) is kept by triggers: see counting.py.
Ids of images, classes, objects and journal entries are never given twice (AUTOINCREMENT).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from app.project.counting import counting_triggers
from zsi_core.coco.provenance import STATES

APPLICATION_ID = 0x5A534950
"""Marks the file as a project: "ZSIP"."""

SCHEMA_VERSION = 2


def _add_time_of_decision(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE objects ADD COLUMN decided TEXT")


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _add_time_of_decision}
"""Version of a file -> what makes it one version newer, inside a transaction."""

_COUNTS = ", ".join(f"n_{state} INTEGER NOT NULL DEFAULT 0" for state in STATES)
_STATES = ", ".join(f"'{state}'" for state in STATES)

_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (id INTEGER PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    folded TEXT NOT NULL,
    sort_key BLOB NOT NULL,
    width INTEGER, height INTEGER, orientation INTEGER, file_size INTEGER, sha256 TEXT,
    finished INTEGER NOT NULL DEFAULT 0,
    labelled_completely INTEGER NOT NULL DEFAULT 0,
    license INTEGER,
    extra TEXT NOT NULL DEFAULT '{{}}',
    {_COUNTS},
    min_score REAL, max_score REAL,
    status TEXT NOT NULL DEFAULT 'new'
);
CREATE INDEX images_by_name ON images (sort_key);
CREATE INDEX images_by_status ON images (status, sort_key);
CREATE INDEX images_unfinished ON images (sort_key) WHERE finished = 0;
CREATE INDEX images_uncertain ON images (min_score, sort_key) WHERE n_proposed > 0;

CREATE TABLE classes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    supercategory TEXT NOT NULL,
    color TEXT NOT NULL,
    hotkey TEXT NOT NULL,
    position INTEGER NOT NULL,
    extra TEXT NOT NULL
);
CREATE TABLE retired_classes (id INTEGER PRIMARY KEY);
CREATE TABLE class_counts (
    class_id INTEGER NOT NULL, state TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (class_id, state)
) WITHOUT ROWID;

CREATE TABLE makers (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE);
CREATE TABLE objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    image_id INTEGER NOT NULL REFERENCES images (id),
    class_id INTEGER NOT NULL REFERENCES classes (id),
    state TEXT NOT NULL CHECK (state IN ({_STATES})),
    z INTEGER NOT NULL,
    iscrowd INTEGER NOT NULL,
    locked INTEGER NOT NULL,
    hidden INTEGER NOT NULL,
    score REAL,
    maker_id INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    created TEXT NOT NULL,
    decided TEXT,
    edits TEXT NOT NULL,
    extra TEXT NOT NULL,
    geometry BLOB NOT NULL,
    proposal BLOB,
    coco TEXT
);
CREATE INDEX objects_by_image ON objects (image_id, z);
CREATE INDEX objects_by_class ON objects (class_id, image_id, state);
CREATE INDEX objects_proposed ON objects (image_id, score) WHERE state = 'proposed';

CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL,
    time REAL NOT NULL,
    project_wide INTEGER NOT NULL,
    group_id TEXT,
    n_rows INTEGER NOT NULL,
    size INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entries_project_wide ON entries (seq) WHERE project_wide;
CREATE INDEX entries_by_group ON entries (group_id, seq) WHERE group_id IS NOT NULL;
CREATE INDEX entries_undone ON entries (undone) WHERE undone > 0;
CREATE TABLE entry_images (
    image_id INTEGER NOT NULL, seq INTEGER NOT NULL REFERENCES entries (seq) ON DELETE CASCADE,
    PRIMARY KEY (image_id, seq)
) WITHOUT ROWID;
CREATE INDEX entry_images_by_entry ON entry_images (seq);
CREATE TABLE entry_classes (
    class_id INTEGER NOT NULL, seq INTEGER NOT NULL REFERENCES entries (seq) ON DELETE CASCADE,
    PRIMARY KEY (class_id, seq)
) WITHOUT ROWID;
CREATE INDEX entry_classes_by_entry ON entry_classes (seq);
CREATE TABLE entry_rows (
    id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL REFERENCES entries (seq) ON DELETE CASCADE,
    tbl TEXT NOT NULL,
    row_id INTEGER NOT NULL,
    action TEXT NOT NULL,
    payload TEXT
);
CREATE INDEX entry_rows_by_entry ON entry_rows (seq);
CREATE INDEX entry_rows_by_row ON entry_rows (tbl, row_id, seq);
CREATE INDEX entry_rows_not_of_objects ON entry_rows (seq) WHERE tbl != 'objects';

CREATE TRIGGER class_retired AFTER DELETE ON classes BEGIN
    INSERT OR IGNORE INTO retired_classes VALUES (OLD.id);
END;
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Fill an empty file."""
    connection.executescript(
        "BEGIN;"
        + _TABLES
        + counting_triggers()
        + f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file of an older version up to date, one transaction for each version."""
    for older in range(version, SCHEMA_VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            MIGRATIONS[older](connection)
            connection.execute(f"PRAGMA user_version = {older + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
