"""Masks that the model finds under clicks and in boxes, and the mask that several of them make. Qt-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.canvas import shaping
from app.project.geometry import Geometry
from zsi_core.instances import Rle, rle


@dataclass(frozen=True, eq=False)
class Suggestion:
    """A mask that the model found.

    Attributes:
        mask: its pixels, of the size of the image.
        name: what the model takes it for.
        score: of that name, 0-1.
        made_by: who made it, for the provenance of an object.
    """

    mask: Rle
    name: str
    score: float
    made_by: Mapping[str, Any]


@dataclass
class _Prompt:
    """A click or a box, with what was found for it and which of that counts."""

    found: Sequence[Suggestion]
    adds: bool
    chosen: int = 0

    @property
    def suggestion(self) -> Suggestion:
        return self.found[self.chosen]


@dataclass
class Composition:
    """What several prompts make together: their masks joined or taken away, in order.

    Attributes:
        base: pixels to begin with; None to begin with those of the first prompt.
    """

    base: Rle | None = None
    _prompts: list[_Prompt] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._prompts)

    def add(self, found: Sequence[Suggestion], adds: bool) -> None:
        """The answer to one more prompt, best first and not empty."""
        self._prompts.append(_Prompt(found, adds))

    def cycle(self) -> None:
        """Take the next candidate of the last prompt."""
        last = self._prompts[-1]
        last.chosen = (last.chosen + 1) % len(last.found)

    @property
    def first(self) -> Suggestion:
        """What the first prompt found: it names the object."""
        return self._prompts[0].suggestion

    @property
    def last(self) -> Suggestion:
        """The candidate of the last prompt that counts."""
        return self._prompts[-1].suggestion

    @property
    def place(self) -> tuple[int, int]:
        """(which candidate of the last prompt counts, counted from 1; how many it has)."""
        return self._prompts[-1].chosen + 1, len(self._prompts[-1].found)

    def geometry(self) -> Geometry | None:
        """The pixels of all together; None where none is left."""
        mask = self.base
        for prompt in self._prompts:
            one = prompt.suggestion.mask
            if mask is None:
                mask = one if prompt.adds else None
            else:
                mask = rle.union([mask, one]) if prompt.adds else rle.subtract(mask, one)
        return shaping.from_mask(mask)
