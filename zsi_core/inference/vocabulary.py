"""The names that compete for a region.

A typed name must not win against background alone ("cat" would fire on every dog): the softmax always
contains the typed names, the seen classes and a fixed distractor vocabulary.

Shapes
    K  names of the vocabulary    D  length of a word vector
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from zsi_core.errors import NameResolutionError
from zsi_core.semantics.distractors import distractors
from zsi_core.semantics.names import class_key, synonyms
from zsi_core.semantics.resolve import resolve_all
from zsi_core.semantics.table import WordTable

Mode = Literal["zsi", "gzsi"]


@dataclass(frozen=True)
class Vocabulary:
    """Names of a query with their vectors: first those that are shown, then those that only compete.

    Attributes:
        names: K names.
        vectors: (K, D) float32 unit rows.
        shown: how many of them, from the first, may appear in a result.
        seen: (K,) bool, whether a name was a training class.
    """

    names: tuple[str, ...]
    vectors: Tensor
    shown: int
    seen: Tensor

    def select(self, rows: Sequence[int], shown: int) -> Vocabulary:
        """The chosen names in the chosen order, of which the first `shown` may appear in a result."""
        chosen = torch.tensor(rows, dtype=torch.int64)
        return Vocabulary(tuple(self.names[i] for i in rows), self.vectors[chosen], shown, self.seen[chosen])


class VocabularyBuilder:
    """Builds the vocabularies of one checkpoint's queries; keeps the vectors it has looked up."""

    def __init__(self, table: WordTable, seen: Sequence[str], *, with_distractors: bool = True) -> None:
        """
        Args:
            table: word table of the checkpoint.
            seen: training classes of the checkpoint.
            with_distractors: False for the protocol of the paper.
        """
        self.table = table
        self.with_distractors = with_distractors
        self.seen = tuple(seen)
        self._seen_keys = [class_key(name) for name in seen]
        self.seen_vectors = resolve_all(table, seen)
        self._known: dict[str, np.ndarray] = {}

    def build(self, typed: Sequence[str], mode: Mode = "zsi") -> Vocabulary:
        """Vocabulary of a query.

        Args:
            typed: names to look for; the same class typed twice counts once. Synonyms ("sofa = couch") are
                one name, and none of them competes with it.
            mode: "zsi" shows typed names only, "gzsi" also the seen classes.

        Raises:
            NameResolutionError: no name at all, or one that has no vector.
            ValueError: unknown mode.
        """
        if mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}, but got {mode!r}")
        by_key: dict[str, str] = {}
        for name in typed:
            by_key.setdefault(class_key(name), name)
        names = tuple(by_key.values())
        if not names and mode == "zsi":
            raise NameResolutionError("no class name is given: type at least one, for example 'hair drier'")
        vectors = self._vectors(names)
        keys_of = [{class_key(part) for part in synonyms(name)} for name in names]
        taken = set().union(*keys_of)
        is_seen = [not keys.isdisjoint(self._seen_keys) for keys in keys_of]
        others = [i for i, key in enumerate(self._seen_keys) if key not in taken]
        all_names = (*names, *(self.seen[i] for i in others))
        all_vectors = [vectors, self.seen_vectors[others]]
        is_seen += [True] * len(others)
        shown = len(names) if mode == "zsi" else len(all_names)
        if self.with_distractors:
            typed_words = [part for name in names for part in synonyms(name)]
            more, more_vectors = distractors(self.table, vectors, typed_words, self.seen)
            all_names, all_vectors = (*all_names, *more), [*all_vectors, more_vectors]
            is_seen += [False] * len(more)
        return Vocabulary(
            all_names, torch.from_numpy(np.concatenate(all_vectors)), shown, torch.tensor(is_seen)
        )

    def _vectors(self, names: Sequence[str]) -> np.ndarray:
        """(K, D) unit rows of the typed names."""
        fresh = [name for name in names if name not in self._known]
        self._known.update(zip(fresh, resolve_all(self.table, fresh), strict=True))
        if not names:
            return np.empty((0, self.table.dimension), dtype=np.float32)
        return np.stack([self._known[name] for name in names])
