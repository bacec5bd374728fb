"""Single values of an annotation file of unknown origin: ids, and whatever the program only passes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from zsi_core.coco.tally import Tally

MAX_KEPT_ID = 2**53 - 1
"""Larger ids are given anew: other programs read JSON numbers as 64-bit floats."""

MAX_DEPTH = 50
"""Nesting of values that the program only passes on."""

IdKey = int | str


def id_key(value: Any) -> IdKey | None:
    """What an id is compared by: 7, 7.0 and "7" are one id, other strings stand for themselves."""
    if type(value) is int:
        return value
    if isinstance(value, str):
        digits = value.strip()
        return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 18 else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


class Ids:
    """Ids that are kept; ask for new ones when all are known that can be."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._highest = 0

    def keep(self, key: IdKey | None) -> bool:
        """Keep an id if it is a sensible integer and not taken."""
        if not isinstance(key, int) or not 0 <= key <= MAX_KEPT_ID or key in self._taken:
            return False
        self._take(key)
        return True

    def new(self) -> int:
        """An id above all others."""
        self._take(self._highest + 1)
        return self._highest

    def _take(self, value: int) -> None:
        self._taken.add(value)
        self._highest = max(self._highest, value)


def readable(text: str) -> bool:
    """Whether a string is whole characters; JSON can hold halves of them, files and databases cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def extras(raw: Mapping[str, Any], known: AbstractSet[str], tally: Tally, where: str) -> dict[str, Any]:
    """The keys of an object that the program only passes on, without those that no JSON file could hold."""
    if raw.keys() <= known:
        return {}
    kept = {}
    for key, value in raw.items():
        if key in known:
            continue
        if finite(value):
            kept[key] = value
        else:
            tally.change(
                "further values that are not finite or nested too deeply: left out", f"{where}.{key}"
            )
    return kept


def finite(value: Any) -> bool:
    """Whether a JSON value holds neither NaN nor infinity and is not nested deeper than `MAX_DEPTH`."""
    waiting = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if isinstance(inner, float):
            if not math.isfinite(inner):
                return False
        elif isinstance(inner, dict | list):
            if depth == MAX_DEPTH:
                return False
            children = inner.values() if isinstance(inner, dict) else inner
            waiting += ((child, depth + 1) for child in children)
    return True
