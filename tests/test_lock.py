"""The lock of a file: one holder at a time, and none after its process has ended, however it ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zsi_core.lock import FileLock, LockedError

ROOT = Path(__file__).parents[1]


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "thing"
    lock = FileLock(path)
    with pytest.raises(LockedError, match=f"thing is in use by process {os.getpid()} on .*: wait") as caught:
        FileLock(path)
    assert caught.value.holder.startswith(f"process {os.getpid()} on ")
    with FileLock(tmp_path / "other"):
        pass
    lock.release()
    FileLock(path).release()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "thing"
    code = (
        "import sys, time; from pathlib import Path; from zsi_core.lock import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, path], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline()
        with pytest.raises(LockedError, match=f"process {process.pid} on"):
            FileLock(path)
    finally:
        process.kill()
        process.communicate()
    FileLock(path).release()


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "missing" / "thing")
