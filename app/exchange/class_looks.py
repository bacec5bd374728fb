"""Colour and key of a class in the key `zsi` of its category, so that they travel with a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.project import ClassRecord
from app.project.commands.classes import HOTKEYS

_COLOR = re.compile("#[0-9a-f]{6}")


def class_look(record: ClassRecord) -> dict[str, str]:
    """The value of the key `zsi` of an exported category."""
    return {"color": record.color, "hotkey": record.hotkey}


def look_of(extra: Mapping[str, Any]) -> dict[str, str] | None:
    """What `class_look` wrote among further keys of a category; None where something else stands there."""
    look = extra.get("zsi")
    if not isinstance(look, dict) or look.keys() != {"color", "hotkey"}:
        return None
    color, hotkey = look["color"], look["hotkey"]
    sound = isinstance(color, str) and _COLOR.fullmatch(color) and hotkey in ("", *HOTKEYS)
    return {"color": color, "hotkey": hotkey} if sound else None
