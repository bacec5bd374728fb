"""Which versions of PySide6 the window refuses."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app import qt_guard
from zsi_core import doctor_qt

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("6.12.0", "loses a reference to None"),
        ("6.12.0.1", "loses a reference to None"),
        ("6.12.0a1", "loses a reference to None"),
        ("6.11.0", "known to be faulty"),
        ("6.11.1", "known to be faulty"),
        ("6.10.0", "too old: 6.10.1 or later"),
        ("6.9.3", "too old"),
        ("5.15.2", "too old"),
        ("unknown", "'unknown', which cannot be read"),
        (None, "not installed"),
        ("6.10.1", None),
        ("6.10.2.1", None),
        ("6.11.2", None),
        ("6.12.1", None),
        ("7.0", None),
    ],
)
def test_faulty_versions_are_refused(version: str | None, fault: str | None) -> None:
    found = doctor_qt.pyside6_fault(version)
    assert (found is None) if fault is None else (found is not None and fault in found)


def test_a_foreign_shiboken_is_refused() -> None:
    assert doctor_qt.pyside6_fault("6.11.2", "6.11.2") is None
    assert "do not belong together" in (doctor_qt.pyside6_fault("6.11.2", "6.10.1") or "")


@pytest.mark.parametrize(("version", "untested"), [("6.11.9", False), ("6.12.1", True), ("7.0.0", True)])
def test_newer_versions_are_called_untested(version: str, untested: bool) -> None:
    assert doctor_qt.is_untested(version) is untested


def test_the_message_names_fault_and_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt_guard, "installed_version", lambda *_: "6.12.0")
    with pytest.raises(qt_guard.QtGuardError) as caught:
        qt_guard.check_pyside6()
    message = str(caught.value)
    assert "PySide6 6.12.0 loses a reference" in message
    assert f'pip install "{doctor_qt.REQUIREMENT}"' in message
    assert "\n" not in message


def test_the_repair_installs_what_the_project_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert doctor_qt.REQUIREMENT in project["dependencies"]


def test_the_installed_version_passes_without_importing_it() -> None:
    code = "import sys, app.qt_guard as g; g.check_pyside6(); print('PySide6' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
