"""Fold an English plural to its singular."""

from __future__ import annotations

from functools import cache
from typing import Any

# Singular words that look like plurals. Most are in any table, where "exact" wins; the rest are kept from
# being cut down to another word ("lens" to "len", "gas" to "ga").
_NOT_PLURAL = frozenset({"gas", "lens", "atlas", "canvas", "christmas", "iris", "alias", "bias", "pancreas"})
_SINGULAR_ENDINGS = ("ss", "us", "is")
_LATIN = {"cacti": "cactus", "fungi": "fungus", "hippopotami": "hippopotamus", "octopi": "octopus"}


def singular(word: str) -> str | None:
    """The singular of a lower-case plural ("tomatoes" -> "tomato"), or None if `word` is not a plural."""
    if word in _LATIN:
        return _LATIN[word]
    if len(word) < 4 or word in _NOT_PLURAL or word.endswith(_SINGULAR_ENDINGS) or not word.isalpha():
        return None
    folded = _engine().singular_noun(word)
    return str(folded) if folded and folded != word else None


def prepare() -> None:
    """Load what the first word that is in no table would otherwise wait for, some seconds."""
    _engine()


@cache
def _engine() -> Any:
    import inflect

    return inflect.engine()
