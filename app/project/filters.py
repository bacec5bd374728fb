"""The search box over the image list: plain words, `class:`, `state:` and `score:`."""

from __future__ import annotations

from dataclasses import dataclass

ORDERS = ("name", "uncertain")
"""By name as a person would sort, or the proposals with the lowest score first."""


@dataclass(frozen=True)
class ImageFilter:
    """Which images to list. All conditions hold together; the empty filter lists every image.

    Attributes:
        words: each occurs in the name of the image, in any case.
        classes: names; the image has an object of each (rejected ones do not count).
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

    @classmethod
    def parse(cls, text: str, order: str = "name") -> ImageFilter:
        """The filter of a typed text: `beach class:"hair drier" state:proposals score:<0.5 score:0.3-0.6`.

        Raises:
            FilterError: a state or score makes no sense; the message says which and what is allowed.
        """
        raise NotImplementedError
