"""Every command and example of README and documentation is run, in the order of its page."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "resources" / "demo"
PAGES = ("README.md", "docs/tutorial.md", "docs/window.md", "docs/formats.md", "docs/training.md")

PROGRAMS = {
    "zsi": ["-m", "app.command_line"],
    "zsi-annotator": ["-m", "app"],
    "python": [],
}

ELSEWHERE = {
    "pip install": "installs; .ci/run begins with it",
    "uv run pytest": "these are the tests",
    "ZSI_TEST_DATA=": "these are the tests",
    "uv run zsi benchmark": "takes minutes of an idle machine; tests/cli/test_benchmark.py",
    "uv run zsi retrain": "needs a project with many objects; tests/app/retraining",
    "torchrun": "tests/proposing/test_processes.py",
    "accelerate": "tests/proposing/test_processes.py",
}
"""Begin of lines that are not run here, and why."""

CODES = {"uv run zsi words": 1}
"""Exit codes other than 0: one of the names shown is misspelled on purpose."""

SHORTER = {"uv run python -m training --recipe": ["--max-steps", "2"]}
"""What is added to commands that would take minutes."""

PATIENCE_SECONDS = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the commands expect to lie around: photographs, their annotations, a data set, a project."""
    from app.exchange.importing import import_new

    (tmp_path / "photos").mkdir()
    for name in ("cat_on_sofa.jpg", "desk.jpg"):
        shutil.copy(DEMO / name, tmp_path / "photos")
    box = [10.0, 50.0, 380.0, 350.0]
    x1, y1, x2, y2 = box[0], box[1], box[0] + box[2], box[1] + box[3]
    truth = {
        "images": [{"id": 1, "file_name": "cat_on_sofa.jpg", "width": 640, "height": 407}],
        "categories": [{"id": 17, "name": "cat"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 17,
                "bbox": box,
                "area": box[2] * box[3],
                "segmentation": [[x1, y1, x2, y1, x2, y2, x1, y2]],
                "iscrowd": 0,
            }
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(truth))
    shutil.copy(tmp_path / "annotations.json", tmp_path / "truth.json")
    shutil.copytree(tmp_path / "photos", tmp_path / "images")
    shutil.copytree(tmp_path / "photos", tmp_path / "DIR")
    shutil.copy(tmp_path / "annotations.json", tmp_path / "DIR")
    import_new(tmp_path / "truth.json", tmp_path / "photos.zsip", tmp_path / "photos")
    return tmp_path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The user has a home of his own, and no screen."""
    home = str(tmp_path / "home")
    names = ("HOME", "LOCALAPPDATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    return {
        **os.environ,
        **dict.fromkeys(names, home),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", PAGES)
def test_commands(
    page: str, blocks: Callable[..., list[str]], folder: Path, environment: dict[str, str]
) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines()]
    for line in lines:
        if not line or line.startswith(tuple(ELSEWHERE)):
            continue
        assert line.startswith("uv run "), f"{page}: nobody runs {line!r}"
        program, *arguments = shlex.split(line.removeprefix("uv run "), comments=True)
        command = [sys.executable, *PROGRAMS[program], *arguments]
        if program == "zsi-annotator":
            start_and_end_window(command, folder, environment)
            continue
        for start, options in SHORTER.items():
            command += options if line.startswith(start) else []
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        wanted = next((code for start, code in CODES.items() if line.startswith(start)), 0)
        assert done.returncode == wanted, f"{page}: {line}\n{done.stdout}\n{done.stderr}"


def start_and_end_window(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """The window starts, opens what was asked for, and ends when the terminal says so."""
    opened = [path for path in (folder / name for name in command[3:]) if path.is_dir()]
    for crash in (folder / "home").rglob("crash-*.txt"):
        crash.unlink()  # of a window before
    window = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_ready(folder, opened) and window.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert window.poll() is None, window.stderr and window.stderr.read()
        assert is_ready(folder, opened)
    finally:
        window.terminate()
        window.communicate()


def is_ready(folder: Path, opened: list[Path]) -> bool:
    """Whether the window made what it makes: projects of folders, else the file for crashes."""
    if opened:
        return all(list(path.glob("*.zsip")) for path in opened)
    return bool(list((folder / "home").rglob("crash-*.txt")))


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_python_examples(page: str, blocks: Callable[..., list[str]], environment: dict[str, str]) -> None:
    for text in blocks(page, "python"):
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
