"""Start-up of `zsi-annotator` before the window: arguments, refusals, what gets imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import __main__ as start
from app import errors, qt_guard
from zsi_core import __version__
from zsi_core.errors import EXIT_BAD_INPUT, ImageError

ROOT = Path(__file__).parents[2]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        start.main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"zsi-annotator {__version__}\n"


def test_a_path_that_does_not_exist_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert start.main([str(tmp_path / "nowhere")]) == EXIT_BAD_INPUT
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"error: {tmp_path / 'nowhere'} does not exist: check the spelling, or whether it was moved"
    ]


@pytest.mark.parametrize("arguments", [[], ["--demo"], ["photos"]])
def test_a_faulty_pyside6_stops_every_start(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(qt_guard, "installed_version", lambda *_: "6.12.0")
    assert start.main(arguments) == EXIT_BAD_INPUT
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: PySide6 6.12.0")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_without_a_display_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert start.main([]) == EXIT_BAD_INPUT
    assert "there is no display" in capsys.readouterr().err


def test_no_file_of_the_window_loads_torch_or_gensim() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "app").rglob("*.py"))
    ]
    code = f"""
import importlib, json, sys
for name in {modules}:
    importlib.import_module(name)
print(json.dumps([name for name in ("torch", "torchvision", "timm", "gensim") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_nothing_runs_the_event_loop_by_hand_or_makes_threads_of_its_own() -> None:
    found: dict[str, set[str]] = {}
    for path in (ROOT / "app").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        names |= {node.id for node in nodes if isinstance(node, ast.Name)}
        if used := names & {"processEvents", "QThread", "Thread"}:
            found[path.name] = used
    assert found == {"worker.py": {"QThread"}}, "worker.py only asks in which thread it is"


def test_an_exception_that_nobody_caught_is_reported_in_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    reports: list[errors.Report] = []
    errors.install_hook()
    errors.set_receiver(reports.append)
    try:
        sys.excepthook(ValueError, ValueError("in the window"), None)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        sys.excepthook(ImageError, ImageError("a.jpg is empty"), None)
    finally:
        errors.set_receiver(None)
    assert "in the window" in reports[0].message
    assert "ZeroDivisionError" in reports[1].details
    assert reports[2] == errors.Report("a.jpg is empty")
