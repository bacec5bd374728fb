"""Where the project of an image folder lies."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from app.project.root import absolute
from zsi_core.files import user_data_dir

SUFFIX = ".zsip"


def project_path(folder: Path) -> Path:
    """The project file of an image folder: the one that exists, or where to create it.

    That is `FOLDER/NAME.zsip`, or, when the image folder cannot be written, a file in the user's data folder
    (which this makes). Of several projects in the folder the one named like it counts, else the newest.
    """
    folder = absolute(folder)
    inside = folder / f"{folder.name or 'images'}{SUFFIX}"
    if inside.exists():
        return inside
    found = [path for path in folder.glob(f"*{SUFFIX}") if path.is_file()]
    if found:
        return max(found, key=lambda path: path.stat().st_mtime_ns)
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    outside = user_data_dir() / "projects" / f"{inside.stem}-{digest}{SUFFIX}"
    if outside.exists() or not _writable(folder):
        outside.parent.mkdir(parents=True, exist_ok=True)
        return outside
    return inside


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
