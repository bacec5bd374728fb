"""Read word-vector files: the bundled `.npz`, word2vec `.bin`, word2vec or GloVe text.

Shapes: N words, D dimensions. Every reader returns (words, vectors (N, D) float32) as the file has them;
`normalise_rows` checks and scales them. No format that holds pickles is read.
"""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from zsi_core.errors import WordTableError

KINDS = ".npz (made by this program), word2vec .bin, or word2vec / GloVe text (.txt, .vec); .gz is fine"
_PICKLES = (".kv", ".model", ".pkl", ".pickle", ".pt", ".pth", ".npy")
_FIRST_LINE_LIMIT = 1 << 20
_ROWS_AT_ONCE = 8192


def kind_of(path: Path) -> str:
    """The suffix that decides how `path` is read: ".npz", ".bin", ".txt" or ".vec" (".gz" is looked through).

    Raises:
        WordTableError: the file is missing, empty, a folder, or of another kind.
    """
    if not path.exists():
        raise WordTableError(f"word table {path} does not exist: check the path")
    if not path.is_file():
        raise WordTableError(f"word table {path} is not a file: name the word-vector file itself")
    if path.stat().st_size == 0:
        raise WordTableError(f"word table {path} is empty (0 bytes): download or copy it again")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    if kind in _PICKLES:
        raise WordTableError(
            f"word table {path}: {kind} files can run code when opened and are not read; "
            "save the vectors as word2vec .bin or .txt (gensim: save_word2vec_format)"
        )
    if kind not in (".npz", ".bin", ".txt", ".vec"):
        raise WordTableError(f"word table {path}: unknown kind {kind!r}; use {KINDS}")
    return kind


def read_words(path: Path) -> tuple[list[str], np.ndarray]:
    """Words in file order and their raw vectors (N, D) float32.

    Raises:
        WordTableError: whatever is wrong with the file, and the way out.
    """
    read = {".npz": _read_npz, ".bin": _read_bin}.get(kind_of(path), _read_text)
    try:
        words, vectors = read(path)
    except (OSError, EOFError) as error:  # also a broken .gz
        raise WordTableError(f"word table {path} cannot be read ({error}): copy it again") from error
    if not words:
        raise WordTableError(f"word table {path} holds no words: copy it again")
    return words, vectors


def normalise_rows(words: list[str], vectors: np.ndarray, path: Path) -> None:
    """Scale every row of `vectors` (N, D) float32 to unit length, in place.

    Raises:
        WordTableError: a vector is zero, NaN or infinite; the message names the word.
    """
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        block = vectors[start : start + _ROWS_AT_ONCE]
        norms = np.linalg.norm(block.astype(np.float64), axis=1, keepdims=True)
        bad = np.flatnonzero(~np.isfinite(norms[:, 0]) | (norms[:, 0] == 0))
        if len(bad):
            what = "is zero" if norms[bad[0], 0] == 0 else "has NaN or infinite values"
            raise WordTableError(
                f"word table {path}: the vector of {words[start + bad[0]]!r} (word {start + bad[0] + 1}) "
                f"{what}; the file is damaged or its training failed: use another copy, or remove that word"
            )
        block /= norms


def _read_npz(path: Path) -> tuple[list[str], np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            words, vectors = arrays["words"], arrays["vectors"]
    except KeyError as error:
        raise WordTableError(
            f"word table {path} lacks {error.args[0]}: an .npz table has the arrays 'words' and 'vectors'"
        ) from error
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise WordTableError(f"word table {path} is truncated or damaged ({error}): copy it again") from error
    if words.ndim != 1 or words.dtype.kind != "U" or vectors.ndim != 2 or len(words) != len(vectors):
        raise WordTableError(
            f"word table {path}: 'words' must be N strings and 'vectors' must have shape (N, D), but got "
            f"{words.dtype} {words.shape} and {vectors.dtype} {vectors.shape}"
        )
    if len(set(names := words.tolist())) != len(names):
        raise WordTableError(f"word table {path} lists a word twice: rebuild it")
    return names, vectors.astype(np.float32)


def _read_bin(path: Path) -> tuple[list[str], np.ndarray]:
    from gensim.models import KeyedVectors

    with _open(path) as stream:
        header = stream.readline(_FIRST_LINE_LIMIT).split()
    count, dimension = _header(header, path)
    bytes_needed = count * (4 * dimension + 2)
    if path.suffix.lower() != ".gz" and path.stat().st_size < bytes_needed:
        raise _truncated(path, f"{count} words of {dimension} values need {bytes_needed} bytes or more")
    try:
        keyed = KeyedVectors.load_word2vec_format(str(path), binary=True, unicode_errors="replace")
    except EOFError as error:
        raise _truncated(path, f"it ends before word {count}") from error
    except (ValueError, MemoryError) as error:
        raise WordTableError(f"word table {path} is not a word2vec .bin file ({error})") from error
    count = len(keyed.key_to_index)  # gensim leaves empty rows at the end where a word came twice
    return keyed.index_to_key[:count], keyed.vectors[:count]


def _read_text(path: Path) -> tuple[list[str], np.ndarray]:
    # Not gensim's reader: it fills a line that was cut after its first value with copies of that value.
    with _open(path) as stream:
        first = stream.readline(_FIRST_LINE_LIMIT).decode("utf-8", "replace").split()
        if len(first) == 2:
            expected, dimension = _header([field.encode() for field in first], path)
        else:
            expected, dimension = None, len(first) - 1
            stream.seek(0)
        if dimension < 2:
            raise _wrong_header(path)
        rows: dict[str, np.ndarray] = {}
        lines = 0
        for lines, line in enumerate(stream, start=1):
            fields = line.decode("utf-8", "replace").rstrip(" \r\n").rsplit(" ", dimension)
            try:
                row = np.array(fields[1:], dtype=np.float32)
            except ValueError:
                row = np.empty(0, np.float32)
            if len(row) != dimension:
                if lines == 1:
                    raise _wrong_header(path)
                raise _truncated(
                    path, f"vector {lines} ({fields[0][:24]!r}) does not have {dimension} numbers"
                )
            rows.setdefault(fields[0], row)
    if expected is not None and lines != expected:
        raise _truncated(path, f"its first line promises {expected} words, but {lines} follow")
    return list(rows), np.stack(list(rows.values())) if rows else np.empty((0, dimension), np.float32)


def _header(fields: list[bytes], path: Path) -> tuple[int, int]:
    """Word count and dimension of a word2vec header."""
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 10 for field in fields):
        raise _wrong_header(path)
    count, dimension = int(fields[0]), int(fields[1])
    if count < 1 or not 2 <= dimension <= 65536:
        raise _wrong_header(path)
    return count, dimension


def _wrong_header(path: Path) -> WordTableError:
    return WordTableError(
        f"word table {path} has a wrong header: expected a first line 'words dimension' (word2vec) or a word "
        f"and its numbers (GloVe); it may be another kind of file. Readable: {KINDS}"
    )


def _truncated(path: Path, detail: str) -> WordTableError:
    return WordTableError(f"word table {path} is truncated or damaged: {detail}; copy it again")


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]
