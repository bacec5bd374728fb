"""The fixed distractor vocabulary: what else could be in a picture, so that a name must win against more
than background.

`resources/word_vectors/distractors.txt` lists concrete visible things, most frequent first, and none that
means nearly the same as a COCO class. Shapes: K typed names, M distractors, D dimensions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from zsi_core.files import resources_dir
from zsi_core.semantics.names import class_key
from zsi_core.semantics.relations import NEAR_DUPLICATE
from zsi_core.semantics.table import WordTable


def distractors(
    table: WordTable,
    typed_vectors: np.ndarray,
    typed_names: Sequence[str],
    exclude_names: Collection[str] = (),
    count: int = 300,
) -> tuple[tuple[str, ...], np.ndarray]:
    """Distractors for a query: never a typed name, nor what means nearly the same (cosine above 0.8).

    Args:
        table: a word table; entries that it lacks are left out.
        typed_vectors: (K, D) unit rows of the typed names.
        typed_names: K names.
        exclude_names: other names that are in the softmax already, such as the seen classes.
        count: at most so many; a spare entry replaces one that leaves.

    Returns:
        M names and their vectors, (M, D) float32 with unit rows.
    """
    excluded = {class_key(name) for name in (*typed_names, *exclude_names)}
    names, keys, vectors = _candidates(table)
    allowed = np.array([key not in excluded for key in keys], dtype=bool)
    if len(typed_vectors):
        allowed &= (vectors @ typed_vectors.T).max(axis=1) <= NEAR_DUPLICATE
    kept = np.flatnonzero(allowed)[:count]
    return tuple(names[index] for index in kept), vectors[kept]


@lru_cache(maxsize=2)
def _candidates(table: WordTable) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """Names of the vocabulary that a table has, their `class_key`, and their vectors (M, D)."""
    names = tuple(name for name in distractor_names() if name in table)
    vectors = table.matrix[[table.rank(name) for name in names]]
    return names, tuple(class_key(name) for name in names), vectors


def distractor_names() -> tuple[str, ...]:
    """The whole vocabulary, most frequent first."""
    text = (resources_dir() / "word_vectors" / "distractors.txt").read_text(encoding="utf-8")
    return tuple(text.split("\n")[:-1])
