"""One parity file against the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from zsi_core.model.parity.files import ParityFile

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Comparison:
    """One quantity.

    Attributes:
        name: of the quantity; those of the file's arrays where there is one.
        shape: of the numbers compared.
        difference: largest absolute difference divided by the largest absolute value; of whole numbers and
            masks, the share that differs; infinite where the shapes do not fit.
    """

    name: str
    shape: tuple[int, ...]
    difference: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference <= TOLERANCE


@dataclass
class Report:
    """What became of one file.

    Attributes:
        comparisons: of every quantity that was computed.
        notes: what was derived or assumed, for a person.
        left_out: known quantities that could not be computed, with the reason.
        unknown: arrays that this program does not know.
    """

    comparisons: list[Comparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether something was compared, and everything compared agrees."""
        return bool(self.comparisons) and all(c.agrees for c in self.comparisons)

    def add(self, name: str, ours: Tensor, theirs: Tensor) -> None:
        """Compare a quantity; a file may hold the first items of any axis only."""
        theirs = theirs.reshape(theirs.shape or (1,))
        ours = ours.detach().reshape(ours.shape or (1,))
        fits = ours.ndim == theirs.ndim and all(a >= b for a, b in zip(ours.shape, theirs.shape, strict=True))
        difference = float("inf")
        if fits:
            difference = _difference(ours[tuple(slice(n) for n in theirs.shape)], theirs)
        self.comparisons.append(Comparison(name, tuple(theirs.shape), difference))

    def check(self, file: ParityFile, name: str, ours: Tensor, called: str = "") -> None:
        """Compare a quantity with the array of that name, if the file has one."""
        if name in file:
            self.add(called or name, ours, file[name])


def _difference(ours: Tensor, theirs: Tensor) -> float:
    if not theirs.is_floating_point():
        return float((ours != theirs).double().mean())
    ours, theirs = ours.double(), theirs.double()
    largest = float(theirs.abs().max()) or 1.0
    error = float((ours - theirs).abs().max()) / largest
    return error if error == error else float("inf")


def compare(file: ParityFile, words: Path | None = None) -> Report:
    """Everything in a file that this program knows, against the model.

    Args:
        words: see `find_words`.

    Raises:
        ParityError: arrays that belong together are not all there, or there are no fitting word vectors.
    """
    from zsi_core.model.parity import heads, masks, primitives, rpn

    parts: tuple[tuple[tuple[str, ...], Callable[[ParityFile, Path | None, Report], None]], ...] = (
        (rpn.HELD, rpn.compare_rpn),
        (heads.HELD, heads.compare_detector),
        (masks.HELD, masks.compare_masks),
        (primitives.HELD, primitives.compare_primitives),
    )
    report = Report()
    with torch.no_grad():
        for held, compare_part in parts:
            if any(name in file for name in held):
                compare_part(file, words, report)
    report.unknown = file.unknown()
    return report


def lines(path: Path, report: Report) -> Iterator[str]:
    """The report as text."""
    verdict = "DIFFERS" if not report.agrees else "agrees in part" if report.left_out else "agrees"
    yield f"{path}: {verdict} (tolerance {TOLERANCE:g})"
    for c in report.comparisons:
        mark = "ok  " if c.agrees else "DIFF"
        yield f"  {mark} {c.name:<34} {'x'.join(map(str, c.shape)):>16}  {c.difference:.1e}"
    if not report.comparisons:
        yield "  nothing in it can be compared"
    yield from (f"  note: {note}" for note in report.notes)
    yield from (f"  not compared: {name}" for name in report.left_out)
    yield from (f"  not known to this program: {name}" for name in report.unknown)
