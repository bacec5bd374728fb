"""Where resources and the user's files lie, and the one helper through which every file is written."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import platformdirs

APPLICATION = "zsi-annotator"


def resources_dir() -> Path:
    """Folder with word vectors, splits, models and demo photographs.

    In a source tree this is `resources/` beside the package; an installed package carries it inside.
    """
    packaged = Path(__file__).parent / "_resources"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "resources"


def user_data_dir() -> Path:
    """Folder of the user's models and other data that must not be lost."""
    return Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def user_models_dir() -> Path:
    """Folder of models that the user trained or imported; each is a checkpoint folder."""
    return user_data_dir() / "models"


def user_cache_dir() -> Path:
    """Folder of what can be made again: `ZSI_CACHE` if that is set, else the user's cache folder."""
    return Path(os.environ.get("ZSI_CACHE") or platformdirs.user_cache_dir(APPLICATION, appauthor=False))


@contextmanager
def atomic_write(path: str | Path, mode: str = "wb", **open_args: Any) -> Iterator[IO[Any]]:
    """Open a file that appears under `path` complete or not at all.

    Writes to a temporary file in the same folder, syncs it to disk and renames it over `path`. If the body
    raises, the temporary file is removed and an existing `path` keeps its content.

    Args:
        path: final file; its folder must exist.
        mode: "wb" or "w" (text is UTF-8 unless `encoding` says otherwise).
    """
    path = Path(path)
    if "b" not in mode:
        open_args.setdefault("encoding", "utf-8")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, mode, **open_args) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if os.name == "posix":
            Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value
