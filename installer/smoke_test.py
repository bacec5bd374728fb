"""Try a built program as a new user's: an empty home, no source tree, no Python on the PATH."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

SUFFIX = ".exe" if os.name == "nt" else ""
PATIENCE_SECONDS = 300


def smoke_test(program: Path, folder: Path) -> None:
    """Doctor, propose, import, export, validate, train two steps; open the window on the demo, and end it.

    Args:
        program: folder of the built program.
        folder: is emptied; everything happens in it.

    Raises:
        SystemExit: something does not work; what it printed stands above.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = clean_environment(folder)
    pictures = next(program.rglob("demo/demo.json"), None)
    if pictures is None:
        raise SystemExit(f"error: {program} lacks the resources of the program")
    shutil.copytree(pictures.parent, folder / "photos")
    for command in (
        ("doctor",),
        ("propose", "photos", "--classes", "cat, coin", "--threshold", "0.3", "-o", "proposals.json"),
        ("import", "proposals.json", "--images", "photos", "-o", "photos.zsip"),
        ("export", "photos.zsip", "-o", "data/annotations.json", "--states", "proposed"),
        ("validate", "data/annotations.json", "--images", "photos"),
    ):
        if command[0] == "export":
            shutil.copytree(folder / "photos", folder / "data")
        started = time.monotonic()
        _run(program, command, folder, environment)
        print(f"{time.monotonic() - started:>8.1f} s  zsi {command[0]}")
    if not json.loads((folder / "data" / "annotations.json").read_text(encoding="utf-8"))["annotations"]:
        raise SystemExit("error: nothing was proposed on the demo pictures")
    started = time.monotonic()
    training = ("training", "--recipe", "retrain_fast", "--from", "starter", "--data", "data", "--out", "run")
    _run(program, (*training, "--max-steps", "2", "--workers", "1"), folder, environment)
    print(f"{time.monotonic() - started:>8.1f} s  zsi training, 2 steps")
    _try_window(program, folder, environment)


def clean_environment(home: Path) -> dict[str, str]:
    """Variables of a user who has nothing but this program."""
    names = ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    kept = {key: os.environ[key] for key in ("SYSTEMROOT", "TEMP", "LANG") if key in os.environ}
    return {**kept, **dict.fromkeys(names, str(home)), "PATH": "", "QT_QPA_PLATFORM": "offscreen"}


def _run(program: Path, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [str(program / f"zsi{SUFFIX}"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(f"error: zsi {arguments[0]} ended with exit code {done.returncode}, see above")


def _try_window(program: Path, folder: Path, environment: dict[str, str]) -> None:
    """Open the demo in the window, wait for an image that its engine process has encoded, and end it."""
    started = time.monotonic()
    command = [str(program / f"zsi-annotator{SUFFIX}"), "--demo"]
    window = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    missing = [("the demo is open", "demo.zsip"), ("an image is encoded", "encoded/*")]
    try:
        while missing and window.poll() is None and time.monotonic() - started < PATIENCE_SECONDS:
            if any(folder.rglob(missing[0][1])):
                print(f"{time.monotonic() - started:>8.1f} s  window, until {missing.pop(0)[0]}")
            time.sleep(0.05)
    finally:
        window.terminate()
        errors = window.communicate()[1]
    if missing:
        sys.stderr.write(errors)
        raise SystemExit(f"error: the window ended, or took too long, before {missing[0][0]}, see above")
    _wait_for_end(program)


def _wait_for_end(program: Path) -> None:
    """Nothing of the program may survive its window; seen only where there is /proc."""
    started = time.monotonic()
    while left := _processes(program):
        if time.monotonic() - started > PATIENCE_SECONDS:
            raise SystemExit(f"error: processes of the program survive its window: {', '.join(left)}")
        time.sleep(0.05)


def _processes(program: Path) -> list[str]:
    """Numbers of the processes whose executable lies in the program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if (process / "exe").readlink().is_relative_to(program.resolve()):
                found.append(process.name)
    return found
