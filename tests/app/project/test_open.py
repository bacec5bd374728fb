"""Opening: one writer, read-only places, damaged and foreign files, full disks, older versions, backups."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from app.project import (
    Project,
    ProjectDamagedError,
    ProjectError,
    ProjectReadOnlyError,
    ProjectTooNewError,
    Queries,
    connection,
    project_path,
    schema,
    store,
)
from app.project.backup import write_backup
from app.project.commands import AddImages, AddObjects, SetInfo
from app.project.root import sort_key
from zsi_core.images import natural_key

ROOT = Path(__file__).parents[3]


def journal_mode(project: Project) -> str:
    return str(project._connection.execute("PRAGMA journal_mode").fetchone()[0])


def closed(project: Project) -> Path:
    project.close()
    return project.path


# -------------------------------------------------------------------------------------------- files


def test_a_closed_project_is_a_single_file(project: Project, tmp_path: Path) -> None:
    assert journal_mode(project) == "wal"
    project.close()
    assert [path.name for path in tmp_path.iterdir()] == ["small.zsip"]


def test_a_project_is_where_its_images_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.project.location.user_data_dir", lambda: tmp_path / "data")
    folder = tmp_path / "holiday"
    folder.mkdir()
    assert project_path(folder) == folder / "holiday.zsip"
    Project.create(folder / "other.zsip", folder).close()
    assert project_path(folder) == folder / "other.zsip"
    Project.create(folder / "holiday.zsip", folder).close()
    assert project_path(folder) == folder / "holiday.zsip"


def test_the_project_of_a_read_only_folder_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.project.location.user_data_dir", lambda: tmp_path / "data")
    monkeypatch.setattr("app.project.location._writable", lambda _: False)
    folder = tmp_path / "holiday"
    folder.mkdir()
    path = project_path(folder)
    assert path.parent == tmp_path / "data" / "projects" and path.name.startswith("holiday-")
    with Project.open_or_create(path, folder) as project:
        project.do(AddImages([folder / "1.jpg"]))
        assert project.image(1).name == "1.jpg" and project.root == folder
    monkeypatch.undo()
    monkeypatch.setattr("app.project.location.user_data_dir", lambda: tmp_path / "data")
    assert project_path(folder) == path, "it stays the project of the folder when that can be written again"


def test_a_project_moves_with_its_folder(tmp_path: Path) -> None:
    before, after = tmp_path / "a", tmp_path / "b"
    before.mkdir()
    with Project.create(before / "p.zsip", before) as project:
        project.do(AddImages([before / "x" / "1.jpg"]))
    before.rename(after)
    with Project.open(after / "p.zsip") as project:
        assert project.root == after and project.image(1).path == after / "x" / "1.jpg"


def test_names_sort_as_the_list_of_found_images_does() -> None:
    names = [
        "b/1.jpg",
        "a10.png",
        "a2.png",
        "A2.png",
        "a-1",
        "a1",
        "é.jpg",
        "x²",
        "",
        "007",
        "7",
        "a\u0661",
        "z",
    ]
    assert sorted(names, key=sort_key) == sorted(names, key=natural_key)


# ----------------------------------------------------------------------------------------- one writer


def test_a_project_opened_twice_is_read_only_the_second_time(project: Project, make: Any) -> None:
    with Project.open(project.path) as second:
        assert f"process {os.getpid()}" in second.read_only and "another window" in second.read_only
        make.added(project, make.drawn(1))
        assert len(second.objects(1)) == 1, "it sees what the first one writes"
        with pytest.raises(ProjectReadOnlyError, match="another window"):
            second.do(SetInfo(info={}))
        with pytest.raises(ProjectReadOnlyError, match="another window"):
            second.undo()
        second.flush()
    project.close()
    with Project.open(project.path) as third:
        assert third.read_only == ""


def test_a_killed_process_leaves_no_lock(project: Project) -> None:
    path = closed(project)
    code = (
        "import sys, time; from pathlib import Path; from app.project import Project\n"
        "project = Project.open(Path(sys.argv[1]))\n"
        "print(repr(project.read_only), flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline().strip() == "''"
        with Project.open(path) as second:
            assert f"process {process.pid}" in second.read_only
    finally:
        process.kill()
        process.communicate()
    with Project.open(path) as third:
        assert third.read_only == ""


def test_creating_over_an_existing_project_is_refused(project: Project) -> None:
    project.close()
    with pytest.raises(ProjectError, match="exists already"):
        Project.create(project.path, project.path.parent)


# ------------------------------------------------------------------------------------------ read-only

READ_ONLY = """
import os, sys
from pathlib import Path
from app.project import Project, ProjectError
from app.project.commands import AddClass
if os.getuid() == 0:
    os.setuid(65534)
try:
    with Project.open(Path(sys.argv[1])) as project:
        print(len(project.classes()), "|", project.read_only, "|", [len(page) for page in project.pages()])
        project.do(AddClass("x"))
except ProjectError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="permissions of POSIX")
@pytest.mark.parametrize("state", ["closed", "killed", "killed and swept", "write-protected file"])
def test_read_only_places(project: Project, state: str) -> None:
    # Not in pytest's folder, which is private: a process without rights must reach it.
    with tempfile.TemporaryDirectory() as folder:
        told = told_of(project, Path(folder), state)
    assert told.stderr == ""
    if state == "killed and swept":
        assert "was not closed properly, and its folder is read-only: copy it" in told.stdout
        return
    first, second = told.stdout.splitlines()
    why = "is write-protected" if state == "write-protected file" else "cannot be written"
    assert first.startswith("2 |") and why in first and first.endswith("| [3]")
    assert second.startswith("ProjectReadOnlyError nothing was changed: ")


def told_of(project: Project, place: Path, state: str) -> subprocess.CompletedProcess[str]:
    if state.startswith("killed"):
        for path in project.path.parent.glob("small.zsip*"):
            shutil.copy(path, place)
        if state == "killed and swept":
            (place / "small.zsip-shm").unlink()
    else:
        shutil.copy(closed(project), place)
    for path in place.iterdir():
        path.chmod(0o444)
    place.chmod(0o777 if state == "write-protected file" else 0o555)
    return subprocess.run(
        [sys.executable, "-c", READ_ONLY, place / "small.zsip"], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("shared", [False, True])
def test_a_new_file_is_in_the_mode_that_it_is_opened_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    """Changing the mode of a file costs several syncs of the disk."""
    monkeypatch.setattr(connection, "on_network_share", lambda _: shared)
    path = tmp_path / "new.zsip"
    store._create_file(path, tmp_path)
    made = path.read_bytes()
    Project.open(path).close()
    assert path.read_bytes()[18:20] == made[18:20] == (b"\1\1" if shared else b"\2\2")


def test_a_network_share_has_no_write_ahead_log(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "on_network_share", lambda _: True)
    path = closed(project)
    with Project.open(path) as again:
        assert journal_mode(again) == "delete"
        assert again._connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        again.do(SetInfo(info={"a": 1}))
        assert not path.with_name(path.name + "-wal").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/mounts")
@pytest.mark.parametrize(
    ("mounts", "shared"),
    [
        ([("/", "ext4")], False),
        ([("/", "ext4"), ("/mnt/nas", "cifs")], True),
        ([("/", "nfs4"), ("/mnt/nas/local", "xfs")], True),
        ([("/", "nfs4"), ("/mnt/nas", "xfs")], False),
    ],
)
def test_a_share_is_told_by_the_nearest_mount(
    monkeypatch: pytest.MonkeyPatch, mounts: list[tuple[str, str]], shared: bool
) -> None:
    monkeypatch.setattr(connection, "_mounts", lambda: iter(mounts))
    assert connection.on_network_share(Path("/mnt/nas/holiday/p.zsip")) is shared


def test_the_mounts_of_this_machine_can_be_read() -> None:
    assert "/" in dict(connection._mounts())


# --------------------------------------------------------------------------- damaged and foreign files


def damaged_header(path: Path) -> None:
    path.write_bytes(b"nonsense" + path.read_bytes()[8:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE x (y)")
    other.close()


@pytest.mark.parametrize("harm", [damaged_header, empty, foreign])
def test_a_file_that_is_no_project_is_named(project: Project, harm: Any) -> None:
    path = closed(project)
    harm(path)
    with pytest.raises(ProjectDamagedError, match=re.escape(str(path))):
        Project.open(path)
    with Project.create(path.with_name("b.zsip"), path.parent) as other:
        assert other.classes() == [], "and the lock is given back"


def test_a_damaged_page_is_reported_with_the_backup(project: Project, make: Any) -> None:
    make.added(project, *(make.drawn(1) for _ in range(300)))
    path = closed(project)
    backup = write_backup(path)
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(
        ProjectDamagedError, match=rf"is damaged.*rename its backup {backup.name} to small.zsip"
    ):
        Project.open(path).objects(1)
    with pytest.raises(ProjectDamagedError, match=r"small\.zsip is damaged.*rename its backup"):
        write_backup(path)
    backup.replace(path)
    with Project.open(path) as again:
        assert len(again.objects(1)) == 300


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"none\.zsip does not exist"):
        Project.open(tmp_path / "none.zsip")
    with pytest.raises(ProjectError, match=r"cannot be created"):
        Project.create(tmp_path / "no folder" / "none.zsip", tmp_path)


def test_a_newer_version_is_refused_and_not_touched(project: Project) -> None:
    project._connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    path = closed(project)
    content = path.read_bytes()
    with pytest.raises(ProjectTooNewError, match=r"newer version .* update the program"):
        Project.open(path)
    assert path.read_bytes() == content


def test_an_older_version_is_migrated_after_a_backup(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = closed(project)
    newer = schema.SCHEMA_VERSION + 1
    for module in (schema, store, connection):
        monkeypatch.setattr(module, "SCHEMA_VERSION", newer)

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE classes SET name = 'lost'")
        raise RuntimeError

    monkeypatch.setattr(schema, "MIGRATIONS", {newer - 1: fail})
    with pytest.raises(RuntimeError):
        Project.open(path)
    migrate = {newer - 1: lambda c: c.execute("ALTER TABLE images ADD COLUMN taken TEXT")}
    monkeypatch.setattr(schema, "MIGRATIONS", migrate)
    with Project.open(path) as migrated:
        columns = [row[1] for row in migrated._connection.execute("PRAGMA table_info (images)")]
        assert "taken" in columns and migrated.class_id("cat") == 1
        assert migrated._connection.execute("PRAGMA user_version").fetchone()[0] == newer
    with sqlite3.connect(connection.backup_path(path)) as backup:
        assert backup.execute("PRAGMA user_version").fetchone()[0] == newer - 1
    backup.close()


# ------------------------------------------------------------------------------------------ full disk


def test_a_full_disk_loses_nothing(project: Project, make: Any) -> None:
    (uuid,) = make.added(project, make.drawn(1))
    before = make.dump(project)
    pages = project._connection.execute("PRAGMA page_count").fetchone()[0]
    project._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ProjectError, match=r"disk of .* is full: the last change was not applied"):
        project.do(AddObjects([make.drawn(2) for _ in range(2000)]))
    assert make.dump(project) == before
    project._connection.execute("PRAGMA max_page_count = 1000000")
    project.undo(1)
    assert project.object(uuid) is None


# ---------------------------------------------------------------------------------- backups, readers


def test_a_backup_holds_what_was_written_until_then(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1))
    backup = write_backup(project.path)
    make.added(project, make.drawn(1))
    with Queries.open_for_reading(backup) as old:
        assert len(old.objects(1)) == 1
    backup.unlink()
    backup.mkdir()
    with pytest.raises(ProjectError, match=r"small\.zsip\.bak cannot be written"):
        write_backup(project.path)
    assert not list(project.path.parent.glob("*.part"))


def test_pages_are_of_one_moment(project: Project, make: Any) -> None:
    make.added(project, make.drawn(1), make.drawn(2), make.drawn(3))
    pages = project.pages(size=2)
    first = next(pages)
    make.added(project, make.drawn(3))
    assert [(image.id, len(objects)) for image, objects in [*first, *next(pages)]] == [(1, 1), (2, 1), (3, 1)]
    assert next(pages, None) is None


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, app.project, app.project.commands, app.project.relink, app.project.backup\n"
        "print(sorted({'PySide6', 'torch', 'torchvision', 'gensim', 'cv2', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
