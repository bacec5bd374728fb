"""The search box over the image list: plain words, `class:`, `state:` and `score:`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.project.errors import FilterError
from app.project.records import IMAGE_STATUSES
from zsi_core.coco.provenance import STATES

ORDERS = ("name", "uncertain")
"""By name as a person would sort, or only images with proposals to review, the lowest score first."""

_WORD = re.compile(r'(?:(\w+):)?(?:"([^"]*)"?|(\S*))')
_SCORE = re.compile(r"(?P<low>[\d.]+)-(?P<high>[\d.]+)|(?P<sign>[<>]=?)(?P<bound>[\d.]+)")


@dataclass(frozen=True)
class ImageFilter:
    """Which images to list. All conditions hold together; the empty filter lists every image.

    Attributes:
        words: each occurs in the name of the image, in any case.
        classes: the image has an object of each, rejected ones not counted. A name that is no class stands
            for all classes that begin with it.
        states: the image has one of these statuses (`IMAGE_STATUSES`), or an object in one of these states.
        min_score, max_score: a proposal that waits for review has a score between them, both included.
        order: one of `ORDERS`.
    """

    words: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    min_score: float | None = None
    max_score: float | None = None
    order: str = "name"

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}, but got {self.order!r}")

    @classmethod
    def parse(cls, text: str, order: str = "name") -> ImageFilter:
        """The filter of a typed text: `beach class:"hair drier" state:proposals score:<0.5`, `score:0.3-0.6`.

        Raises:
            FilterError: a state or score makes no sense; the message says which and what is allowed.
        """
        words, classes, states = [], [], []
        low: float | None = None
        high: float | None = None
        for key, quoted, plain in _WORD.findall(text):
            value = quoted or plain
            if not value:  # nothing, or `class:` while it is being typed
                continue
            if key == "class":
                classes.append(value)
            elif key == "state":
                states.append(_state(value))
            elif key == "score":
                bounds = _scores(value)
                low, high = (
                    new if new is not None else old for new, old in zip(bounds, (low, high), strict=True)
                )
            else:
                words.append(f"{key}:{value}" if key else value)
        return cls(tuple(words), tuple(classes), tuple(states), low, high, order)


def _state(value: str) -> str:
    known = (*IMAGE_STATUSES, *STATES)
    if value.lower() not in known:
        raise FilterError(f"state:{value} is not known: type one of {', '.join(known)}")
    return value.lower()


def _scores(value: str) -> tuple[float | None, float | None]:
    match = _SCORE.fullmatch(value)
    try:
        if match and match["sign"]:
            bound = float(match["bound"])
            return (bound, None) if match["sign"].startswith(">") else (None, bound)
        if match:
            return float(match["low"]), float(match["high"])
    except ValueError:
        pass  # two points in a number
    raise FilterError(f"score:{value} is no range: type for example score:<0.5, score:>0.8 or score:0.3-0.6")
