"""What the window needs from PySide6 and from the system, found out without importing Qt.

Lives here and not in `app` because `zsi doctor` answers the question too; `app.qt_guard` asks at start-up.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from importlib import metadata
from pathlib import Path

from zsi_core.program import is_frozen

DISTRIBUTION = "PySide6-Essentials"
OLDEST = (6, 10, 1)
NEWEST_TESTED = (6, 11)
FAULTY = {
    (6, 11, 0): "is known to be faulty",
    (6, 11, 1): "is known to be faulty",
    (6, 12, 0): "loses a reference to None in many calls, and Python 3.11 aborts when they are used up",
}
REQUIREMENT = f"{DISTRIBUTION}>=6.10.1,<6.12,!=6.11.0,!=6.11.1"
REPAIR = (
    "install or unpack the program again"
    if is_frozen()
    else f'run: uv sync   (or, in your own environment: pip install "{REQUIREMENT}")'
)

LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""Shared libraries that Qt loads on Linux -> the Debian and Ubuntu package that holds each."""

FONT_PACKAGE = "fonts-dejavu-core"
FONT_SUFFIXES = {".ttf", ".otf", ".ttc", ".pfb"}


def installed_version(distribution: str = DISTRIBUTION) -> str | None:
    """Version of an installed distribution from its metadata, None when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def pyside6_fault(version: str | None, shiboken: str | None = None) -> str | None:
    """Why the window must not start on this PySide6, or None when it may.

    Args:
        version: version of PySide6-Essentials, None when it is not installed.
        shiboken: version of its companion shiboken6, None to leave the comparison out.
    """
    if version is None:
        return "PySide6 is not installed"
    release = _release(version)
    if release is None:
        return f"PySide6 has the version {version!r}, which cannot be read"
    if release in FAULTY:
        return f"PySide6 {version} {FAULTY[release]}"
    if release < OLDEST:
        return f"PySide6 {version} is too old: {'.'.join(map(str, OLDEST))} or later is needed"
    if shiboken is not None and _release(shiboken) != release:
        return f"PySide6 {version} and shiboken6 {shiboken} do not belong together"
    return None


def is_untested(version: str) -> bool:
    """Whether this PySide6 is newer than any that the project was tested with."""
    release = _release(version)
    return release is not None and release[:2] > NEWEST_TESTED


def _release(version: str) -> tuple[int, int, int] | None:
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def missing_packages() -> list[str]:
    """Debian and Ubuntu packages that a window of Qt needs and this machine lacks; empty except on Linux."""
    if not sys.platform.startswith("linux"):
        return []
    missing = [package for library, package in LIBRARIES.items() if not _loadable(library)]
    return missing if has_fonts() else [*missing, FONT_PACKAGE]


def _loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_fonts(folders: list[Path] | None = None) -> bool:
    """Whether a font lies in one of `folders`, by default those that fontconfig searches."""
    if folders is None:
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        named = ["/usr/share/fonts", "/usr/local/share/fonts", f"{data}/fonts", "~/.fonts"]
        folders = [Path(name).expanduser() for name in named]
    return any(file.suffix.lower() in FONT_SUFFIXES for folder in folders for file in folder.rglob("*"))
