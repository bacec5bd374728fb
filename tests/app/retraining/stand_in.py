"""`python stand_in.py retrain RUN [--probe] [--stopped]`: writes and obeys the files of a retraining.

What it does at its second step is in `RUN/script`: "wait" (until it is told something), "fail", "die", or
nothing.
"""

import json
import os
import sys
import time
from pathlib import Path

from zsi_core.lock import FileLock
from zsi_core.retraining import Probe, Result

folder = Path(sys.argv[2])


def log(event: str, **values: object) -> None:
    with (folder / "log.jsonl").open("a") as stream:
        stream.write(json.dumps({"event": event, "time": time.time(), **values}) + "\n")


def wish() -> str:
    path = folder / "control"
    return path.read_text() if path.is_file() else ""


def wait() -> bool:
    """False when it is to stop."""
    told = False
    while True:
        word = wish()
        if word in ("stop", "resume"):
            return word == "resume"
        if word == "pause" and not told:
            log("step", step=1, steps_total=2, message="paused")
            told = True
        time.sleep(0.01)


if "--probe" in sys.argv:
    if (folder / "script").is_file():
        sys.exit("error: “zzyzx” has no word vector: use another name")
    Probe(61.0, 2, "cpu", ("“bolt” and “screw” mean nearly the same",)).write(folder)
    sys.exit()

script = (folder / "script").read_text() if (folder / "script").is_file() else ""
with FileLock(folder / "process"):
    log("started", step=0, steps_total=2)
    log("eval", rest_seconds=5.0, message="the old model")
    log("step", step=1, steps_total=2, losses={"loss": 2.5}, eta_seconds=3.0)
    if script == "fail":
        log("error", message="the disk is full: free some space")
        sys.exit(2)
    if script == "die":
        print("half a word", flush=True)
        os._exit(9)
    if "--stopped" in sys.argv or (script == "wait" and not wait()):
        log("stopped", step=1, message="stopped: what was done is kept")
        sys.exit(130)
    log("step", step=2, steps_total=2, losses={"loss": 1.5}, eta_seconds=0.0)
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "config.json").write_text("{}")
    Result(12.0, {"seen": 0.1}, {"seen": 0.4}, 0.9).write(folder)
    log("finished", step=2, steps_total=2)
