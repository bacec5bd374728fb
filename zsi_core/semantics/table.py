"""`WordTable`: word vectors of unit length, a thin wrapper over gensim's `KeyedVectors`.

Shapes: N words, D dimensions, K names.
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from zsi_core.errors import WordTableError
from zsi_core.files import file_sha256, resources_dir
from zsi_core.semantics import cache as converted
from zsi_core.semantics.readers import kind_of, normalise_rows, read_words
from zsi_core.semantics.spelling import SpellingIndex


class WordTable:
    """Words, most frequent first, with L2-normalised vectors. Immutable.

    Args:
        words: N different words.
        vectors: (N, D) float32 with unit rows; kept, not copied (it may be memory-mapped).
        sha256: hash of the source file; a checkpoint stores it to refuse another table.
        source: where the table came from, for messages.

    Attributes:
        dimension: D.
        sha256, source: as given.
    """

    def __init__(self, words: list[str], vectors: np.ndarray, sha256: str, source: str | Path) -> None:
        if vectors.ndim != 2 or len(words) != len(vectors) or vectors.dtype != np.float32:
            raise WordTableError(
                f"word table {source}: vectors must be float32 with shape ({len(words)}, D), "
                f"but got {vectors.dtype} with shape {vectors.shape}"
            )
        self.dimension = int(vectors.shape[1])
        self.sha256 = sha256
        self.source = Path(source)
        self._keyed = _keyed_vectors(words, vectors)

    @staticmethod
    def bundled() -> WordTable:
        """The table that ships with the program: 300 dimensions, English. Loaded once per process."""
        return _load_once(resources_dir() / "word_vectors" / "words_300d.npz")

    @classmethod
    def load(cls, path: str | Path) -> WordTable:
        """Read a word-vector file of any dimension.

        `.npz` of this program is read directly; word2vec `.bin`, word2vec or GloVe `.txt` / `.vec` (also
        `.gz`) are converted once to a memory-mapped copy in the cache (see `cache_dir`).

        Raises:
            WordTableError: missing, empty, truncated, of an unknown kind, with a wrong header, or with NaN,
                infinite or zero vectors.
        """
        path = Path(path)
        in_cache = kind_of(path) != ".npz"
        table = converted.find(path) if in_cache else None
        if table is None:
            words, vectors = read_words(path)
            normalise_rows(words, vectors, path)
            table = converted.CachedTable(words, vectors, file_sha256(path))
            if in_cache:
                converted.store(path, table)
                table = converted.find(path) or table  # mapped, so that the parsed copy can be freed
        return cls(table.words, table.vectors, table.sha256, path)

    def __len__(self) -> int:
        return len(self._keyed.index_to_key)

    def __contains__(self, word: object) -> bool:
        return word in self._keyed.key_to_index

    @property
    def words(self) -> list[str]:
        """All words, most frequent first."""
        return self._keyed.index_to_key

    @property
    def matrix(self) -> np.ndarray:
        """All vectors, (N, D) float32 with unit rows, read-only."""
        return self._keyed.vectors

    def rank(self, word: str) -> int:
        """Position of `word` in `words`: 0 is the most frequent. Raises WordTableError if it is unknown."""
        try:
            return int(self._keyed.key_to_index[word])
        except KeyError:
            raise WordTableError(f"word table {self.source} has no entry {word!r}") from None

    def vector(self, word: str) -> np.ndarray:
        """Vector of an entry, (D,) float32 of unit length. Raises WordTableError if it is unknown."""
        return np.array(self.matrix[self.rank(word)])

    def nearest(self, vector: np.ndarray, k: int = 10) -> list[tuple[str, float]]:
        """The `k` entries closest to `vector` (D,) with their cosine, best first."""
        vector = np.asarray(vector, dtype=np.float32)
        if vector.shape != (self.dimension,):
            raise WordTableError(
                f"word table {self.source}: a vector must have shape ({self.dimension},), "
                f"but got {vector.shape}"
            )
        return self._keyed.similar_by_vector(vector, topn=min(k, len(self)))

    def closest_spellings(self, word: str, k: int = 5, cutoff: float = 0.7) -> tuple[str, ...]:
        """At most `k` entries whose spelling ratio with `word` is `cutoff` or more, best first."""
        return self._spelling.closest(word, k, cutoff)

    def require(self, *, sha256: str | None = None, dimension: int | None = None) -> None:
        """Check that this is the table something else (a checkpoint, a project) was made with.

        Raises:
            WordTableError: another dimension, or another table even of the same dimension: its vectors mean
                other things.
        """
        if dimension is not None and dimension != self.dimension:
            raise WordTableError(
                f"word table {self.source} has {self.dimension} dimensions, but {dimension} are needed: "
                "use the word table that the model was trained with, or another model"
            )
        if sha256 is not None and sha256 != self.sha256:
            raise WordTableError(
                f"word table {self.source} (SHA-256 {self.sha256[:12]}…) is not the one the model was "
                f"trained with ({sha256[:12]}…), so its vectors mean other things: use that table, or "
                "another model"
            )

    @cached_property
    def _spelling(self) -> SpellingIndex:
        return SpellingIndex(self.words)


@cache
def _load_once(path: Path) -> WordTable:
    return WordTable.load(path)


def _keyed_vectors(words: list[str], vectors: np.ndarray) -> Any:
    from gensim.models import KeyedVectors

    vectors.flags.writeable = False
    keyed = KeyedVectors(vector_size=vectors.shape[1], dtype=np.float32)
    # Set directly: `add_vectors` would copy a memory-mapped matrix, `fill_norms` would read all of it.
    keyed.index_to_key = words
    keyed.key_to_index = {word: index for index, word in enumerate(words)}
    keyed.vectors = vectors
    keyed.norms = np.ones(len(words), dtype=np.float32)
    return keyed
