"""What is told while a run goes on, in a terminal and elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from zsi_core.images import FoundImage
from zsi_core.proposing import progress
from zsi_core.proposing.job import Finished
from zsi_core.proposing.progress import RunProgress

SOUND = Finished(FoundImage(Path("a.jpg"), "a.jpg"))
BROKEN = Finished(
    FoundImage(Path("b [1].jpg"), "b [1].jpg"), "is empty (0 bytes): " + "a long reason, " * 20 + "end"
)


def told(terminal: bool, *then: str, doing: str = "proposing") -> str:
    stream = io.StringIO()
    with RunProgress(Console(file=stream, force_terminal=terminal, width=100), doing=doing) as running:
        running.start(total=5, done=2)
        for done, finished in enumerate((SOUND, BROKEN, SOUND), 1):
            running.advance(finished, done)
        for doing in then:
            running.describe(doing)
    return stream.getvalue()


def test_elsewhere_a_plain_line_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    lines = told(terminal=False).splitlines()
    assert [line.split(",")[0] for line in lines if "skipped" not in line] == [
        "3 of 5 images",
        "4 of 5 images",
        "5 of 5 images",
    ]
    assert lines[-1].endswith(" images/s, 0 s left")
    assert not any("\x1b" in line for line in lines)


def test_elsewhere_a_short_run_tells_only_what_was_skipped() -> None:
    assert told(terminal=False).splitlines() == [f"skipped: {BROKEN.image.name} {BROKEN.skipped}"]


def test_in_a_terminal_a_bar() -> None:
    text = told(terminal=True)
    assert "5/5" in text
    assert "proposing" in text
    assert "skipped: b [1].jpg is empty" in text


def test_the_bar_says_what_is_done() -> None:
    assert "predicting" in told(terminal=True, doing="predicting")
    afterwards = told(True, "measuring", doing="predicting")
    assert afterwards.index("measuring") > afterwards.rindex("skipped")


def test_of_several_processes_one_tells_what_all_have_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    stream = io.StringIO()
    running = RunProgress(Console(file=stream))
    running.start(total=9, done=2)
    running.advance(SOUND, 1)
    running.advance(SOUND, 5)
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        "3 of 9 images",
        "7 of 9 images",
    ]


def test_the_others_tell_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with RunProgress(enabled=False) as running:
        running.start(total=1)
        running.advance(BROKEN, 1)
        running.say("anything")
    assert capfd.readouterr() == ("", "")
