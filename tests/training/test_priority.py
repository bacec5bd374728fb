"""A trainer leaves the processors to the window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.retraining.priority import AUTOGROUP, NICENESS

SAY = """
import os
from training.retraining.priority import lower_priority
lower_priority()
print(os.nice(0))
"""
ASK = f"print(open({AUTOGROUP!r}).read().split()[-1])"


def _say(script: str, *, own_session: bool) -> list[int]:
    """Numbers that a process prints, one a line."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=own_session,
    )
    return [int(line) for line in done.stdout.split()]


def _sessions_have_a_niceness() -> bool:
    """Not on other systems, and not where a container has a share of the processors of its own: there the
    file is empty, and niceness counts among all its processes (sched(7))."""
    return Path(AUTOGROUP).exists() and Path(AUTOGROUP).read_text() != ""


@pytest.mark.skipif(sys.platform == "win32", reason="whoever starts a process there sees to its priority")
@pytest.mark.parametrize("own_session", [True, False])
def test_a_trainer_is_nice(own_session) -> None:
    assert _say(SAY, own_session=own_session) == [min(os.nice(0) + NICENESS, 19)]


@pytest.mark.skipif(not _sessions_have_a_niceness(), reason="sessions have no niceness of their own here")
@pytest.mark.parametrize("own_session", [True, False])
def test_a_session_of_its_own_is_scheduled_behind_the_others(own_session) -> None:
    mine = int(Path(AUTOGROUP).read_text().split()[-1])
    _, group = _say(SAY + ASK, own_session=own_session)
    assert group == (NICENESS if own_session else mine), "of others' sessions it leaves the priority"
