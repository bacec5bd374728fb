"""Converted word tables on disk, so that a big text or binary file is parsed once and then memory-mapped.

One entry per source path: `KEY.json` (source size and time, SHA-256, words) and the vectors it names,
`KEY-HASH.npy`, float32 (N, D) with unit rows. Nothing in here is pickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zsi_core.files import atomic_write, user_cache_dir

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedTable:
    """Words, unit vectors (N, D) float32 and the SHA-256 of the file that they come from."""

    words: list[str]
    vectors: np.ndarray
    sha256: str


def cache_dir() -> Path:
    """Folder of the converted tables: under ZSI_CACHE if that is set, else in the user's cache folder."""
    return user_cache_dir() / "words"


def find(source: Path) -> CachedTable | None:
    """The converted copy of `source`, its vectors memory-mapped; None when there is none or it is stale."""
    try:
        entry = json.loads(_entry_path(source).read_text(encoding="utf-8"))
        if entry["source"] != _fingerprint(source):
            return None
        vectors = np.load(cache_dir() / entry["vectors"], mmap_mode="r", allow_pickle=False)
        if vectors.shape[0] != len(entry["words"]):
            return None
        return CachedTable(entry["words"], vectors, entry["sha256"])
    except (OSError, EOFError, ValueError, KeyError, TypeError):  # missing or damaged: convert again
        return None


def store(source: Path, table: CachedTable) -> None:
    """Write the converted copy of `source`; a cache that cannot be written costs time, not the table."""
    entry_path = _entry_path(source)
    vectors_path = entry_path.with_name(f"{entry_path.stem}-{table.sha256[:16]}.npy")
    entry = {
        "source": _fingerprint(source),
        "sha256": table.sha256,
        "vectors": vectors_path.name,
        "words": table.words,
    }
    try:
        entry_path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(vectors_path) as stream:
            np.save(stream, table.vectors, allow_pickle=False)
        with atomic_write(entry_path, "w") as stream:
            json.dump(entry, stream, ensure_ascii=False)
    except OSError as error:
        _log.warning("the converted copy of %s cannot be kept in %s: %s", source, cache_dir(), error)
        return
    for outdated in entry_path.parent.glob(f"{entry_path.stem}-*.npy"):
        if outdated != vectors_path:
            with suppress(OSError):  # another process may have it mapped
                outdated.unlink()


def _entry_path(source: Path) -> Path:
    key = hashlib.sha256(str(source.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_dir() / f"{key}.json"


def _fingerprint(source: Path) -> dict[str, object]:
    status = source.stat()
    return {"path": str(source.resolve()), "size": status.st_size, "modified_ns": status.st_mtime_ns}
