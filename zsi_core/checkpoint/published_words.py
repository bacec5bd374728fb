"""The word-vector files of the authors: numbers separated by commas, one dimension a line, one word a column.

Shapes
    D  length of a word vector    n, u  seen and unseen classes    V  words of the vocabulary
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zsi_core.errors import WordTableError
from zsi_core.semantics import ClassSplit, WordTable
from zsi_core.semantics.readers import normalise_rows

BACKGROUND = "background"
EQUAL_LENGTHS = 1e-3
"""Largest relative difference between the lengths of the class vectors."""


@dataclass(frozen=True)
class PublishedWords:
    """The vectors of a split's classes.

    Attributes:
        seen: W_s, (n, D) float32 as in the file.
        norm: length of the class vectors.
        background_norm: length of the vector of the word "background".
        table: all of them as a word table.
        content: the file of that table.
    """

    seen: np.ndarray
    norm: float
    background_norm: float
    table: WordTable
    content: bytes


def read_columns(path: str | Path, meaning: str) -> np.ndarray:
    """Columns of a text file of numbers, as rows (columns, lines) float32.

    Args:
        path: the file.
        meaning: what it holds, for messages.

    Raises:
        WordTableError: missing, not a table of numbers, or with values that are not finite.
    """
    try:
        values = np.loadtxt(path, dtype=np.float32, delimiter=",", ndmin=2).T
    except OSError as error:
        raise WordTableError(
            f"{meaning} {path} cannot be read ({error.strerror or error}): copy it from data/coco of the "
            "authors' repository"
        ) from error
    except ValueError as error:
        raise WordTableError(
            f"{meaning} {path} is not a table of numbers separated by commas ({error}): copy it again"
        ) from error
    if not values.size or not np.isfinite(values).all():
        raise WordTableError(f"{meaning} {path} is empty or has values that are not finite: copy it again")
    return np.ascontiguousarray(values)


def read_words(path: Path, split: ClassSplit, dimension: int) -> PublishedWords:
    """Class vectors of a split: the columns are background, seen and unseen classes in the split's order.

    Raises:
        WordTableError: the file cannot be read, or has another shape than the split, or vectors of
            different lengths.
    """
    vectors = read_columns(path, "word-vector file")
    names = [BACKGROUND, *split.seen, *split.unseen]
    if vectors.shape != (len(names), dimension):
        raise WordTableError(
            f"word-vector file {path} must have {dimension} lines of {len(names)} numbers, for background "
            f"and the {len(names) - 1} classes of {split.name}, but has {vectors.shape[1]} lines of "
            f"{vectors.shape[0]}: name the file of this split"
        )
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    norm = float(lengths[1:].mean())
    if not np.allclose(lengths[1:], norm, rtol=EQUAL_LENGTHS, atol=0):
        raise WordTableError(
            f"word-vector file {path}: the class vectors must have one length, but have "
            f"{lengths[1:].min():.4f} to {lengths[1:].max():.4f}; name an unchanged file of the authors"
        )
    stream = io.BytesIO()
    np.savez(stream, words=np.array(names), vectors=vectors)
    content = stream.getvalue()
    unit = vectors.copy()
    normalise_rows(names, unit, path)
    table = WordTable(names, unit, hashlib.sha256(content).hexdigest(), path)
    return PublishedWords(vectors[1 : 1 + len(split.seen)], norm, float(lengths[0]), table, content)
