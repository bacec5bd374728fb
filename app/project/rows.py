"""The only code that writes rows; keeps what is needed to take the writing back."""

from __future__ import annotations


class Rows:
    """Rows written in one transaction."""
