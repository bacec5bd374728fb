"""The journal: whatever is cut off its end, the finished images before the cut are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zsi_core.errors import AnnotationError
from zsi_core.lock import LockedError
from zsi_core.proposing.journal import Journal, parts

HEADER = {"names": ["cat"], "threshold": 0.1}


def entry(name: str, *annotations: int) -> dict:
    return {"file_name": name, "image": {"file_name": name}, "annotations": list(annotations)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three images, the second of them skipped."""
    path = tmp_path / "out.json.journal"
    with Journal.create(path, HEADER) as journal:
        journal.append(entry("a.jpg", 1, 2))
        journal.append({"file_name": "ü.jpg", "skipped": "is empty"})
        journal.append(entry("c/a.jpg"))
    return path


def test_what_was_appended_is_there_again(path: Path) -> None:
    with Journal.resume(path) as journal:
        assert journal.done == {"a.jpg", "c/a.jpg"}
        assert journal.skipped == {"ü.jpg": "is empty"}
        names = ["c/a.jpg", "unknown.jpg", "a.jpg"]
        assert list(journal.entries(names)) == [entry("c/a.jpg"), entry("a.jpg", 1, 2)]
        journal.require(HEADER)


def test_cut_anywhere_it_holds_the_images_before_the_cut(path: Path) -> None:
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(ends[0], len(whole)):
        path.write_bytes(whole[:length])
        with Journal.resume(path) as journal:
            assert len(journal.done) + len(journal.skipped) == sum(end <= length for end in ends) - 1
            journal.append(entry("new.jpg", 7))
        with Journal.resume(path) as journal:
            assert list(journal.entries(["new.jpg"])) == [entry("new.jpg", 7)]


@pytest.mark.parametrize(
    "tail",
    [b"\0" * 40, b"\0" * 40 + b"\n", b'{"file_name": "d.j', b"[]\n", b"{}\n"],
    ids=["NULs", "line of NULs", "torn", "list", "nothing"],
)
def test_what_a_power_cut_leaves_at_the_end_is_dropped(path: Path, tail: bytes) -> None:
    sound = path.read_bytes()
    path.write_bytes(sound + tail)
    with Journal.resume(path) as journal:
        assert journal.done == {"a.jpg", "c/a.jpg"}
    assert path.read_bytes() == sound


def test_the_latest_entry_of_an_image_counts(path: Path) -> None:
    with Journal.resume(path) as journal:
        journal.append(entry("ü.jpg", 5))
        assert journal.skipped == {}
        assert list(journal.entries(["ü.jpg"])) == [entry("ü.jpg", 5)]
    with Journal.resume(path) as journal:
        assert journal.skipped == {}
        assert "ü.jpg" in journal.done


@pytest.mark.parametrize(
    "content", [b"", b"no journal\n", b'{"names": ["cat"]}\n', b'{"journal": 99}\n'], ids=range(4)
)
def test_another_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match="not a journal of this version: start again with --overwrite"):
        Journal.resume(path)
    assert path.read_bytes() == content


def test_another_request_is_refused_and_told(path: Path) -> None:
    with (
        Journal.resume(path) as journal,
        pytest.raises(AnnotationError, match=r"another request \(threshold: 0.1 there, 0.2 now\)"),
    ):
        journal.require({"names": ["cat"], "threshold": 0.2})


def test_every_entry_is_on_the_disk_before_the_next(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.stat().st_size))
    before = path.stat().st_size
    with Journal.resume(path) as journal:
        journal.append(entry("d.jpg"))
        journal.append(entry("e.jpg"))
    assert before < synced[0] < synced[1] == path.stat().st_size


def test_a_full_disk_is_an_error_that_says_how_to_go_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        Journal.resume(path) as journal,
        pytest.raises(AnnotationError, match=r"No space left on device.*--resume"),
    ):
        journal.append(entry("d.jpg"))


# ---------------------------------------------------------------- several processes


def test_a_journal_is_opened_once_at_a_time(path: Path) -> None:
    with Journal.resume(path):
        for again in (lambda: Journal.resume(path), lambda: Journal.create(path, HEADER)):
            with pytest.raises(LockedError, match=r"out\.json\.journal is in use by process"):
                again()
    with Journal.resume(path) as journal:
        assert journal.done == {"a.jpg", "c/a.jpg"}


def test_a_journal_that_cannot_be_opened_is_not_kept_locked(path: Path) -> None:
    sound = path.read_bytes()
    path.write_bytes(b"torn")
    with pytest.raises(AnnotationError, match="not a journal"):
        Journal.resume(path)
    path.write_bytes(sound)
    with Journal.resume(path):
        pass


def test_parts_are_taken_over_whoever_is_left_to_do_it(path: Path) -> None:
    with Journal.resume(path) as main:
        for number in (1, 12):
            with Journal.part(path, number) as part:
                assert part.done == {"a.jpg", "c/a.jpg"}
                part.append(entry(f"{number}.jpg", number))
                part.append({"file_name": f"no {number}.jpg", "skipped": "is empty"})
        with path.with_name("out.json.journal.part1").open("ab") as stream:
            stream.write(b'{"file_name": "torn')
        assert len(parts(path)) == 2
        assert main.take_over_parts() == {"no 1.jpg": "is empty", "no 12.jpg": "is empty"}
        assert parts(path) == []
        with Journal.part(path, 3) as part:
            part.append(entry("3.jpg", 3))
    with Journal.resume(path) as main:  # the run was killed
        assert main.done == {"a.jpg", "c/a.jpg", "1.jpg", "12.jpg", "3.jpg"}
        assert list(main.entries(["3.jpg", "12.jpg"])) == [entry("3.jpg", 3), entry("12.jpg", 12)]
    with Journal.resume(path) as main:
        assert len(main.done) == 5
    assert list(path.parent.iterdir()) == [path]


def test_what_is_done_already_is_not_taken_over_again(path: Path) -> None:
    with Journal.resume(path) as main:
        with Journal.part(path, 1) as part:
            part.append({"file_name": "a.jpg", "skipped": "is empty"})
            part.append(entry("ü.jpg", 3))
        assert main.take_over_parts() == {}
        assert main.skipped == {}
        assert list(main.entries(["a.jpg", "ü.jpg"])) == [entry("a.jpg", 1, 2), entry("ü.jpg", 3)]


def test_a_part_that_is_written_to_is_not_taken_over(path: Path) -> None:
    with Journal.part(path, 1) as part:
        with pytest.raises(LockedError, match=r"journal\.part1 is in use"):
            Journal.resume(path)
        part.append(entry("1.jpg"))
    with Journal.resume(path) as journal:
        assert "1.jpg" in journal.done


def test_a_part_of_another_run_is_refused_and_kept(path: Path) -> None:
    part = path.with_name("out.json.journal.part1")
    with Journal.create(part, {"names": ["dog"]}):
        pass
    with pytest.raises(AnnotationError, match="journal of another run"):
        Journal.resume(path)
    assert part.exists()
    with Journal.create(path, HEADER):  # which starts again
        assert parts(path) == []
    part.write_text("somebody's file")
    with pytest.raises(AnnotationError, match="part1 is not a journal"):
        Journal.create(path, HEADER)
    assert part.exists()
