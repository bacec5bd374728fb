"""What an import, an export or a repair did: how much arrived, what was changed and left out, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts, with the first place of everything that is worth telling.

    Reasons are fixed sentences in the plural ("images without a file name"), so that a file with a million
    faults gives a short list.

    Attributes:
        images, objects, classes: what arrived.
        changed: reason -> how many were not taken over as they were.
        skipped: reason -> how many were left out.
        noted: reason -> how many are worth a look, though nothing was done to them.
    """

    images: int = 0
    objects: int = 0
    classes: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    _first: dict[str, str] = field(default_factory=dict, repr=False)

    def change(self, reason: str, where: str = "") -> None:
        """Count something that was not taken over as it was."""
        self._count(self.changed, reason, where)

    def skip(self, reason: str, where: str = "") -> None:
        """Count something that was left out."""
        self._count(self.skipped, reason, where)

    def note(self, reason: str, where: str = "") -> None:
        """Count something that is worth a look."""
        self._count(self.noted, reason, where)

    @property
    def totals(self) -> str:
        """ "3 images, 12 objects, 2 classes"."""
        return ", ".join(
            f"{number:,} {noun if number == 1 else plural}"
            for number, noun, plural in (
                (self.images, "image", "images"),
                (self.objects, "object", "objects"),
                (self.classes, "class", "classes"),
            )
        )

    def lines(self) -> list[str]:
        """One line for every reason, as "changed: 3 × boxes that ... (the first: annotations[7])"."""
        return [
            f"{verb}: {number:,} × {reason}" + self._place(reason, number)
            for verb, counts in (("left out", self.skipped), ("changed", self.changed), ("note", self.noted))
            for reason, number in counts.items()
        ]

    def _count(self, counts: Counter[str], reason: str, where: str) -> None:
        counts[reason] += 1
        if where:
            self._first.setdefault(reason, _printable(where))

    def _place(self, reason: str, number: int) -> str:
        first = self._first.get(reason)
        if not first:
            return ""
        return f" ({first})" if number == 1 else f" (the first: {first})"


def _printable(text: str) -> str:
    """Names come from files of unknown origin: line breaks and half characters are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:200])
