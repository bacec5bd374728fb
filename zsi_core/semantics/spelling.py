"""Closest spellings of an unknown word among tens of thousands of known ones, in a few milliseconds.

`difflib` alone needs seconds for that. Its upper bound `quick_ratio`, which only counts common letters, is
computed for all words at once; the exact ratio then ranks the best few.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

_LETTERS = 27  # a-z, and one bin for everything else
_SEARCHED_WORDS = 200_000
_RANKED = 200


class SpellingIndex:
    """Letter counts of the most frequent words, for `closest`.

    Args:
        words: known words, most frequent first.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words[:_SEARCHED_WORDS])
        self._counts = _letter_counts(self._words)  # (N, 27)
        self._lengths = self._counts.sum(axis=1)

    def closest(self, word: str, k: int = 5, cutoff: float = 0.7) -> tuple[str, ...]:
        """At most `k` known words whose spelling ratio with `word` is at least `cutoff`, best first."""
        if not self._words or not word:
            return ()
        lowered = word.casefold()
        counts = _letter_counts([lowered])
        bound = 2.0 * np.minimum(self._counts, counts).sum(axis=1) / (self._lengths + counts.sum())
        likely = np.argsort(-bound, kind="stable")[:_RANKED]  # stable: the more frequent word first
        matcher = SequenceMatcher(autojunk=False, b=lowered)  # b is what SequenceMatcher caches
        ratios: list[tuple[float, int]] = []
        for index in likely[bound[likely] >= cutoff]:
            matcher.set_seq1(self._words[index].casefold())
            ratio = matcher.ratio()
            if ratio >= cutoff:
                ratios.append((-ratio, int(index)))
        return tuple(self._words[index] for _, index in sorted(ratios)[:k])


def _letter_counts(words: Sequence[str]) -> np.ndarray:
    """Letters of each word by kind, (len(words), 27) uint16."""
    codes = np.frombuffer("".join(words).casefold().encode("utf-32-le", "replace"), dtype=np.uint32)
    letters = np.where((codes >= ord("a")) & (codes <= ord("z")), codes - ord("a"), _LETTERS - 1)
    owners = np.repeat(np.arange(len(words)), [len(word.casefold()) for word in words])
    cells = owners * _LETTERS + letters.astype(np.int64)
    counts = np.bincount(cells, minlength=len(words) * _LETTERS)
    return counts.reshape(len(words), _LETTERS).astype(np.uint16)
