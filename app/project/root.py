"""The image folder of a project, and the names of images below it."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path


def absolute(path: str | Path) -> Path:
    """An absolute path without "..", links left alone: a linked file goes by the name of its link."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def stored_root(root: Path, project: Path) -> str:
    """The image folder as the project file holds it: relative where both can only move together."""
    root, folder = absolute(root), absolute(project).parent
    if root.is_relative_to(folder) or folder.is_relative_to(root):
        return Path(os.path.relpath(root, folder)).as_posix()
    return str(root)


def read_root(connection: sqlite3.Connection, project: Path) -> Path:
    """The image folder, where it is expected now."""
    (root,) = connection.execute("SELECT value FROM meta WHERE key = 'root'").fetchone()
    return absolute(absolute(project).parent / root)


def image_name(path: Path, root: Path) -> str:
    """Name of an image: its path below the image folder with forward slashes, else its absolute path."""
    text, folder = os.path.abspath(path), os.path.join(root, "")  # noqa: PTH100, PTH118 - see below
    if text.startswith(folder):  # in a tenth of the time that pathlib takes, for folders of 10,000 images
        return text[len(folder) :].replace(os.sep, "/")
    path = Path(text)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def sort_key(name: str) -> bytes:
    """Bytes that sort as `zsi_core.images.natural_key` does: `2.jpg` before `10.jpg`, whatever the case.

    Names that are not UTF-8 sort, too: who finds one tells of it, the rest of the folder is of use.
    """
    key = b""
    for part in re.split(r"(\d+)", name.casefold()):
        if part.isdecimal():
            digits = str(int(part))
            key += b"\x01" + len(digits).to_bytes(2, "big") + digits.encode("ascii")
        elif part:
            key += b"\x02" + part.encode("utf-8", "surrogateescape") + b"\x00"
    return key + b"\x00" + name.encode("utf-8", "surrogateescape")
