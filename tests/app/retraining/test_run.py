"""A run in its folder: started, followed, paused, stopped, found again, kept and discarded."""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.retraining.plan import make_plan
from app.retraining.run import RetrainingRun, find_runs, prepare
from app.retraining.status import State
from app.retraining.versions import next_version
from zsi_core.errors import TrainingError

EVERYWHERE = list(range(20))
STAND_IN = [sys.executable, str(Path(__file__).with_name("stand_in.py"))]


@pytest.fixture
def project(make_project):
    return make_project({"gear": EVERYWHERE, "bolt": EVERYWHERE})


@pytest.fixture
def run(project) -> RetrainingRun:
    return prepare(project, make_plan(project))


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(run: RetrainingRun, script: str = "") -> None:
    (run.folder / "script").write_text(script)
    run.start(command=STAND_IN)


def test_a_run_from_its_plan_to_the_installed_model(run, project, user_data):
    assert run.status().state is State.PREPARED
    assert run.probe(command=STAND_IN).seconds == 61.0
    start(run)
    run.wait()
    status = run.status()
    assert (status.state, status.step, status.steps_total) == (State.FINISHED, 2, 2)
    assert status.losses == ((1, 2.5), (2, 1.5))
    assert run.result.after == {"seen": 0.4}
    (found,) = find_runs(project.path)
    assert found.folder == run.folder
    assert found.plan == make_plan(project)
    assert found.keep() == "starter-v2"
    assert found.keep() == "starter-v2", "a second time nothing is installed"
    assert (user_data / "models" / "starter-v2" / "config.json").is_file()
    assert next_version("starter-v2") == "starter-v3"
    found.discard()
    assert find_runs(project.path) == []
    assert (user_data / "models" / "starter-v2").is_dir()


def test_pause_resume_and_stop(run):
    start(run, "wait")
    until(lambda: run.status().step == 1)
    assert run.status().state is State.RUNNING
    assert run.status().seconds_left == 8.0, "of training and of what follows it"
    run.pause()
    other = RetrainingRun(run.folder)  # of a window that was opened meanwhile
    until(lambda: other.status().state is State.PAUSED)
    with pytest.raises(TrainingError, match="still running"):
        other.discard()
    other.resume()
    run.wait()
    assert other.status().state is State.FINISHED


def test_a_stopped_run_goes_on(run):
    start(run, "wait")
    until(lambda: run.status().step == 1)
    run.stop()
    run.wait()
    assert run.status().state is State.STOPPED
    assert run.result is None
    with pytest.raises(TrainingError, match="no model yet"):
        run.keep()
    start(run)
    run.wait()
    assert run.status().state is State.FINISHED


@pytest.mark.parametrize(
    ("script", "message"), [("fail", "the disk is full"), ("die", "ended before it was done.*half a word")]
)
def test_a_run_that_failed_says_why_and_can_go_on(run, script, message):
    start(run, script)
    run.wait()
    status = run.status()
    assert status.state is State.FAILED
    assert re.search(message, status.doing)
    start(run)
    run.wait()
    assert run.status().state is State.FINISHED


def test_the_probe_says_what_the_process_says(run):
    (run.folder / "script").write_text("")
    with pytest.raises(TrainingError, match=r"^“zzyzx” has no word vector"):
        run.probe(command=STAND_IN)


def test_versions_count_from_the_newest(run, user_data):
    for name in ("starter-v2", "starter-v7", "other-v9"):
        (user_data / "models" / name).mkdir(parents=True)
    assert next_version("starter") == "starter-v8"
    assert next_version("starter-v2") == "starter-v8"
    assert next_version(str(user_data / "mine")) == "mine-v2"


def test_nothing_is_left_of_a_run_that_cannot_be_prepared(make_project, user_data):
    project = make_project({"gear": [1]})
    with pytest.raises(TrainingError, match="has enough labels"):
        prepare(project, make_plan(project))
    assert not list((user_data / "retraining").glob("*/*"))
