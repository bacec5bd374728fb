"""`atomic_write`: a file appears complete or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from zsi_core.files import atomic_write

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions are those of POSIX")


def test_new_file_and_replaced_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for content in (b"first", b"second"):
        with atomic_write(path) as stream:
            stream.write(content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf8_without_translated_line_ends(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "čaj.txt", "w", newline="\n") as stream:
        stream.write("lžička\n")
    assert (tmp_path / "čaj.txt").read_bytes() == "lžička\n".encode()


def test_old_content_stays_until_the_new_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path, "w") as stream:
        stream.write("new")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_body_that_raises_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path, "w") as stream:
        stream.write("half of the new")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_body_that_raises_leaves_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), atomic_write(tmp_path / "a.txt", "w"):
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(OSError), atomic_write(target) as stream:
        stream.write(b"new")
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "absent" / "a.txt", "w"):
        pass


@posix
def test_new_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a.txt", "w") as stream:
            stream.write("new")
        assert os.umask(0o027) == 0o027, "reading the umask must not change it"
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


@posix
def test_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o604)
    with atomic_write(path, "w") as stream:
        stream.write("new")
    assert path.stat().st_mode & 0o777 == 0o604


@posix
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError), atomic_write(path, "w") as stream:
            stream.write("new")
    finally:
        tmp_path.chmod(0o755)
    assert path.read_text() == "old"
