"""`Fault`: one thing that is wrong with an annotation file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error makes programs fail or mislead them; a warning is worth a look and may be meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Fault:
    """One fault, printed on one line.

    Attributes:
        where: place in the file, such as `annotations[12].bbox`; list positions count from 0.
        what: what is wrong there.
        hint: what to do about it; may be empty.
        severity: error or warning.
    """

    where: str
    what: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        line = f"{self.severity}: {self.where:.200}: {self.what:.400}" + (
            f"; {self.hint}" if self.hint else ""
        )
        # A file name in it may hold line breaks, or half characters that no terminal can be sent.
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
