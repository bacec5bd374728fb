"""A trainer leaves the processors to the window."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training.retraining.priority import AUTOGROUP, NICENESS

SAY = f"""
import os
from training.retraining.priority import lower_priority
lower_priority()
print(os.nice(0), open({AUTOGROUP!r}).read())
"""


@pytest.mark.skipif(not Path(AUTOGROUP).exists(), reason="sessions are scheduled so on Linux alone")
@pytest.mark.parametrize("own_session", [True, False])
def test_a_session_of_its_own_is_scheduled_behind_the_others(own_session) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAY], capture_output=True, text=True, check=True, start_new_session=own_session
    )
    nice, *group = done.stdout.split()
    assert int(nice) >= NICENESS
    mine = Path(AUTOGROUP).read_text().split()[-1]
    assert group[-1] == (str(NICENESS) if own_session else mine), "of others' sessions it leaves the priority"
