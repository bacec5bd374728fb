"""When a person decided about a proposal is kept, undone, exported and imported with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from app.project import ObjectRecord, Project
from app.project.commands import SetState


def the(project: Project, uuid: str) -> ObjectRecord:
    record = project.object(uuid)
    assert record is not None
    return record


def test_the_time_of_a_decision_is_kept_until_it_is_taken_back(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.proposed(1))
    assert "decided" not in the(project, uuid).provenance
    project.do(SetState([uuid], "rejected"))
    decided = the(project, uuid).decided
    assert decided is not None and decided > the(project, uuid).created
    assert the(project, uuid).provenance["decided"] == decided
    project.undo(1)
    assert the(project, uuid).decided is None
    project.redo(1)
    assert the(project, uuid).decided == decided
    project.do(SetState([uuid], "proposed"))
    assert the(project, uuid).decided is None


def test_it_survives_the_way_through_a_file(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.proposed(1))
    project.do(SetState([uuid], "accepted"))
    accepted = the(project, uuid)
    read = ObjectRecord.of_provenance(2, 1, accepted.geometry, {**accepted.provenance, "uuid": "other"})
    make.added(project, read)
    assert the(project, "other").decided == accepted.decided


def test_a_file_of_the_first_version_gets_the_column(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.proposed(1))
    path = project.path
    project.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE objects DROP COLUMN decided")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    with Project.open(path) as migrated:
        migrated.do(SetState([uuid], "accepted"))
        assert the(migrated, uuid).decided is not None
