"""From a typed class name to a word vector, in steps that are reported.

The steps, tried in this order: the entry itself; another case (or without accents); another separator
("hot-dog", "hot_dog"); the plural folded ("forklifts"); a compound written together or apart ("tshirt",
"hand bag") or split in two entries ("dishrack" = dish + rack); the mean of the phrase's words; else nothing,
with the closest spellings. Synonyms ("sofa = couch") are resolved one by one; their vector is the mean.

Shapes: D dimensions, K names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, pairwise

import numpy as np

from zsi_core.errors import NameResolutionError
from zsi_core.semantics.names import class_key, foreign_script, name_problem, shortened, synonyms, tidy
from zsi_core.semantics.plurals import singular
from zsi_core.semantics.table import WordTable

__all__ = ["Resolution", "Step", "class_key", "resolve", "resolve_all", "resolve_strict"]

_SEPARATORS = re.compile(r"[^\w']+|_+")  # spaces, hyphens, underscores and other punctuation
_JOINS = (" ", "-", "_")
_MIN_PART = 3  # letters in each half of a compound
_CANCELLED = 1e-4  # length of a mean of unit vectors that points nowhere
_MISSPELLED = 0.82  # spelling ratio; one wrong letter in six is 0.83, "stihl" and "still" are 0.80
_LINKS = frozenset({"at", "by", "for", "from", "in", "of", "on", "with"})  # they follow the head noun
_FUNCTION_WORDS = _LINKS | {"a", "an", "and", "or", "the", "to"}


class Step(StrEnum):
    """How a name was resolved."""

    EXACT = "exact"
    CASE = "case"
    SEPARATOR = "separator"
    SINGULAR = "singular"
    COMPOUND = "compound"
    MEAN = "mean"
    SYNONYMS = "synonyms"
    NONE = "none"


_EXPLANATIONS = {
    Step.EXACT: "exact entry",
    Step.CASE: "another case",
    Step.SEPARATOR: "another separator",
    Step.SINGULAR: "plural folded",
    Step.COMPOUND: "compound",
    Step.MEAN: "mean of words",
    Step.SYNONYMS: "mean of synonyms",
    Step.NONE: "nothing found",
}


@dataclass(frozen=True, eq=False)
class Resolution:
    """What a typed name became.

    Attributes:
        phrase: the name as typed.
        vector: (D,) float32 of unit length, or None if nothing was found.
        step: how it was found.
        used: the table's entries whose mean the vector is (one for most names); of synonyms, those of each.
        missing: words of the phrase that no entry covers; they were ignored if something was found.
        suggestions: closest spellings; also for a mean, where the phrase looks like a misspelled entry.
        problem: why nothing was found, for a person; empty when something was.
    """

    phrase: str
    vector: np.ndarray | None
    step: Step
    used: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    problem: str = ""

    def explanation(self) -> str:
        """The step in words, for a person."""
        return _EXPLANATIONS[self.step]


def resolve(table: WordTable, phrase: str) -> Resolution:
    """Find the vector of a class name; never raises for a bad name (see `Resolution.problem`)."""
    if len(parts := synonyms(phrase)) > 1:
        return _of_synonyms(table, phrase, parts)
    if problem := name_problem(phrase):
        return Resolution(phrase, None, Step.NONE, problem=problem)
    name = tidy(phrase)
    for step, used in _whole_name(table, name):
        return _found(table, phrase, step, used)
    words = _words(name)
    pieces, missing = _pieces(table, words)
    unknown = [word for word in missing if word.lower() not in _FUNCTION_WORDS]
    if pieces and _head(words) not in missing and not (unknown and _misspelled(table, name, *unknown)):
        similar = table.closest_spellings(name, cutoff=_MISSPELLED)
        return _found(table, phrase, Step.MEAN, pieces, missing, similar)
    return _unknown(table, phrase, name, unknown, missing)


def _of_synonyms(table: WordTable, phrase: str, parts: Sequence[str]) -> Resolution:
    """All of them count the same; one that has no vector is a problem, not left out."""
    vectors, used = [], []
    for part in parts:
        resolution = resolve(table, part)
        if resolution.vector is None:
            return replace(resolution, phrase=phrase)
        vectors.append(resolution.vector)
        used.append(" + ".join(resolution.used))
    return _mean(phrase, Step.SYNONYMS, tuple(used), vectors)


def resolve_strict(table: WordTable, phrase: str) -> Resolution:
    """Like `resolve`, but raises NameResolutionError with the reason and the way out."""
    resolution = resolve(table, phrase)
    if resolution.vector is None:
        raise NameResolutionError(resolution.problem)
    return resolution


def resolve_all(table: WordTable, names: Sequence[str]) -> np.ndarray:
    """Vectors of `names`, (K, D) float32 with unit rows.

    Raises:
        NameResolutionError: one error that lists every name without a vector.
    """
    resolutions = [resolve(table, name) for name in names]
    if problems := [resolution.problem for resolution in resolutions if resolution.vector is None]:
        raise NameResolutionError("; ".join(problems))
    if not names:
        return np.empty((0, table.dimension), dtype=np.float32)
    return np.stack([resolution.vector for resolution in resolutions if resolution.vector is not None])


def _whole_name(table: WordTable, name: str) -> Iterator[tuple[Step, tuple[str, ...]]]:
    """The steps that take the name as one concept, best first."""
    if name in table:
        yield Step.EXACT, (name,)
    words = _words(name)
    if entry := _first(table, _cases(name)):
        yield Step.CASE, (entry,)
    if entry := _first(table, _joined(words)):
        yield Step.SEPARATOR, (entry,)
    singulars = _singulars(words)
    if entry := _first(table, _joined(singulars)):
        yield Step.SINGULAR, (entry,)
    if entry := _first(table, chain(_together_or_apart(words), _together_or_apart(singulars))):
        yield Step.COMPOUND, (entry,)
    if len(words) == 1 and (parts := _halves(table, words[0])):
        yield Step.COMPOUND, parts


def _words(name: str) -> list[str]:
    return [word for word in _SEPARATORS.split(name) if word]


def _singulars(words: Sequence[str]) -> list[str]:
    """The words with the last one folded to its singular; nothing if that is no plural."""
    folded = singular(words[-1].lower()) if words else None
    return [*words[:-1], folded] if folded else []


def _cases(word: str) -> Iterator[str]:
    """`word` in the cases tables use, then without accents."""
    yield from (word, word.lower(), word.casefold(), word.upper(), word.capitalize(), word.title())
    yield "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))


def _joined(words: Sequence[str]) -> Iterator[str]:
    """The words with each separator."""
    for join in _JOINS if words else ():
        yield from _cases(join.join(words))


def _together_or_apart(words: Sequence[str]) -> Iterator[str]:
    """Several words written as one ("hand bag" -> "handbag"), or one as two ("tshirt" -> "t-shirt")."""
    if len(words) > 1:
        yield from _cases("".join(words))
    for word in words if len(words) == 1 else ():
        for place in range(1, len(word)):
            yield from _joined([word[:place], word[place:]])


def _first(table: WordTable, candidates: Iterable[str]) -> str | None:
    return next((candidate for candidate in candidates if candidate in table), None)


def _single(table: WordTable, words: Sequence[str]) -> str | None:
    """One entry for the words, with separators changed or the plural folded."""
    return _first(table, chain(_joined(words), _joined(_singulars(words))))


def _halves(table: WordTable, word: str) -> tuple[str, ...] | None:
    """The two entries that `word` is made of; of several splits the one whose rarer half is most frequent."""
    splits = []
    for place in range(_MIN_PART, len(word) - _MIN_PART + 1):
        left = _first(table, _cases(word[:place]))
        right = _single(table, [word[place:]])
        if left and right:
            splits.append((max(table.rank(left), table.rank(right)), (left, right)))
    return min(splits)[1] if splits and not _misspelled(table, word) else None


def _pieces(table: WordTable, words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entries that cover the phrase, longest first from the left, and the words that none covers."""
    used: list[str] = []
    missing: list[str] = []
    start = 0
    while start < len(words):
        for end in range(len(words), start, -1):
            if entries := _piece(table, words[start:end]):
                used.extend(entries)
                break
        else:
            end = start + 1
            missing.append(words[start])
        start = end
    return tuple(used), tuple(missing)


def _piece(table: WordTable, words: Sequence[str]) -> tuple[str, ...] | None:
    """Entries of a part of a phrase: one entry or, for a single word, its halves.

    Words are not glued together here: a "big green house" is no greenhouse.
    """
    if len(words) == 1 and words[0].lower() in _FUNCTION_WORDS:
        return None
    if entry := _single(table, words):
        return (entry,)
    return _halves(table, words[0]) if len(words) == 1 else None


def _head(words: Sequence[str]) -> str:
    """The noun that carries the class: the last word, or the one before "of", "with", "in" ..."""
    for before, word in pairwise(words):
        if word.lower() in _LINKS:
            return before
    return words[-1]


def _misspelled(table: WordTable, *texts: str) -> bool:
    """Whether an entry is spelled almost like one of `texts`: then a guess would hide a typing error."""
    return any(table.closest_spellings(text, 1, cutoff=_MISSPELLED) for text in texts)


def _found(
    table: WordTable,
    phrase: str,
    step: Step,
    used: tuple[str, ...],
    missing: tuple[str, ...] = (),
    suggestions: tuple[str, ...] = (),
) -> Resolution:
    return _mean(phrase, step, used, [table.vector(entry) for entry in used], missing, suggestions)


def _mean(
    phrase: str,
    step: Step,
    used: tuple[str, ...],
    vectors: Sequence[np.ndarray],
    missing: tuple[str, ...] = (),
    suggestions: tuple[str, ...] = (),
) -> Resolution:
    mean = np.mean(vectors, axis=0)
    length = np.linalg.norm(mean)
    if length < _CANCELLED:
        problem = f"the vectors of {' and '.join(used)} cancel each other out: use one of these words alone"
        return Resolution(phrase, None, Step.NONE, problem=problem)
    return Resolution(phrase, mean / length, step, used, missing, suggestions)


def _unknown(
    table: WordTable, phrase: str, name: str, unknown: list[str], missing: tuple[str, ...]
) -> Resolution:
    if script := foreign_script(name):
        problem = (
            f"{shortened(name)!r} is written in {script} letters, and this word table "
            f"({table.source.name}) is English or lacks it: type the English name, or load a word table of "
            "your language"
        )
        return Resolution(phrase, None, Step.NONE, missing=missing, problem=problem)
    suggestions = table.closest_spellings(name) or (table.closest_spellings(unknown[-1]) if unknown else ())
    hint = "did you mean " + ", ".join(suggestions) + "?" if suggestions else "try a more common word for it"
    problem = f"no word vector for {shortened(name, 60)!r} in {table.source.name}: {hint}"
    return Resolution(phrase, None, Step.NONE, missing=missing, suggestions=suggestions, problem=problem)
