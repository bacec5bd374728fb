"""What a single value of an annotation file must be like. Shared by the reader and the validator."""

from __future__ import annotations

import re
import reprlib
from typing import Any, TypeGuard

MAX_ID = 2**63 - 1
MAX_NUMBER = 1e9
"""Bound on coordinates and areas: far above any image, and safe to compute with."""

_DRIVE = re.compile("[A-Za-z]:")


def is_id(value: Any) -> TypeGuard[int]:
    """An integer of 64 bits; `true` is not one."""
    return type(value) is int and abs(value) <= MAX_ID


def is_side(value: Any) -> TypeGuard[int]:
    """A width or height in pixels."""
    return type(value) is int and 1 <= value <= MAX_NUMBER


def is_number(value: Any) -> TypeGuard[float]:
    """A finite number within ±`MAX_NUMBER`; `true` is not one."""
    return type(value) in (int, float) and -MAX_NUMBER <= value <= MAX_NUMBER  # NaN fails every comparison


def is_area(value: Any) -> TypeGuard[float]:
    """A number of pixels, not negative."""
    return is_number(value) and value >= 0


def is_box(value: Any) -> TypeGuard[list[float]]:
    """[x, y, width, height] with sides of at least 0."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(map(is_number, value))
        and value[2] >= 0
        and value[3] >= 0
    )


def file_name_problem(name: Any) -> str:
    """Why `name` cannot be an image's path below the image folder; the empty string when it can.

    Names that reach outside of the folder on any operating system are refused on all of them.
    """
    if not isinstance(name, str) or not name.strip():
        return "must be a path below the image folder"
    if "\0" in name:
        return "must not hold a NUL character"
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or _DRIVE.match(name):
        return "must be relative to the image folder, not absolute"
    if ".." in parts:
        return "must stay inside the image folder, without '..'"
    return ""


def shown(value: Any) -> str:
    """`value` on one short line for a message, control characters escaped."""
    return _short.repr(value)


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlevel = 2
