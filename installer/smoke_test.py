"""Try a built program as a new user's: an empty home, no source tree, no Python on the PATH."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

SUFFIX = ".exe" if os.name == "nt" else ""
PATIENCE_SECONDS = 120


def smoke_test(program: Path, folder: Path) -> None:
    """Doctor, propose, import, export, validate, train two steps, and start the window.

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
    _run(program, (*training, "--max-steps", "2"), folder, environment)
    print(f"{time.monotonic() - started:>8.1f} s  zsi training, 2 steps")
    print(f"{_start_window(program, folder, environment):>8.1f} s  window, until the demo is open")


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


def _start_window(program: Path, folder: Path, environment: dict[str, str]) -> float:
    """Seconds until the window has opened the demo; it is closed then."""
    started = time.monotonic()
    command = [str(program / f"zsi-annotator{SUFFIX}"), "--demo"]
    window = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        while not list(folder.rglob("demo.zsip")):
            if window.poll() is not None or time.monotonic() - started > PATIENCE_SECONDS:
                window.kill()
                sys.stderr.write(window.communicate()[1])
                raise SystemExit("error: the window did not open the demo, see above")
            time.sleep(0.05)
        return time.monotonic() - started
    finally:
        window.terminate()
        window.communicate()
