"""A parity file: its arrays, and which of them were looked at.

Shapes
    D  length of a word vector    n  seen classes    u  unseen classes
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zsi_core.errors import ZsiError

IGNORED = {"loss_acc"}
"""Logged by the published code, and no quantity of the model."""


class ParityError(ZsiError):
    """A parity file, or the word vectors it needs, cannot be used."""


class ParityFile:
    """Arrays by name. Those never asked for are unknown to this program."""

    def __init__(self, path: Path, arrays: Mapping[str, np.ndarray]) -> None:
        self.path = path
        self._arrays = arrays
        self._asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __getitem__(self, name: str) -> Tensor:
        """An array as a tensor.

        Raises:
            ParityError: it is not in the file.
        """
        self._asked.add(name)
        if name not in self._arrays:
            raise ParityError(f"{self.path} lacks {name!r}, without which its other arrays say nothing")
        return torch.from_numpy(np.array(self._arrays[name]))

    def get(self, name: str) -> Tensor | None:
        """An array, or None where the file has none of that name."""
        return self[name] if name in self._arrays else None

    def of_shape(self, *shape: int) -> Tensor | None:
        """The first array of a shape, whatever it is called."""
        return next((self[name] for name, array in self._arrays.items() if array.shape == shape), None)

    def leave(self, *names: str) -> None:
        """Note that arrays are known, though they are not looked at."""
        self._asked.update(names)

    def unknown(self) -> list[str]:
        """Names with shapes of the arrays that nothing asked for."""
        return [
            f"{name} {array.dtype}{list(array.shape)}"
            for name, array in self._arrays.items()
            if name not in self._asked | IGNORED
        ]


def read_parity_file(path: Path) -> ParityFile:
    """Read an `.npz`; nothing in it is unpickled.

    Raises:
        ParityError: it is missing, damaged, or holds other things than arrays of numbers.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile, EOFError) as error:
        raise ParityError(f"{path} cannot be read as an .npz of arrays ({error}): check the file") from error
    return ParityFile(path, arrays)


def find_words(where: Path | None, seen: int, unseen: int) -> Tensor | None:
    """Word vectors (D, 1 + n + u) of background, seen and unseen classes.

    Args:
        where: text file with D comma-separated rows, or a folder in which the file with as many columns as
            there are classes is taken; by default `word_vectors/reference` under `ZSI_TEST_DATA`.

    Returns:
        None where no place is named, or the default one does not exist.

    Raises:
        ParityError: a place is named, and no file there has that many columns.
    """
    if where is None:
        data = os.environ.get("ZSI_TEST_DATA")
        where = Path(data, "word_vectors", "reference") if data else None
        if where is None or not where.is_dir():
            return None
    columns = 1 + seen + unseen
    for path in sorted(where.glob("*.txt")) if where.is_dir() else [where]:
        try:
            with path.open(encoding="utf-8") as stream:
                fits = stream.readline().count(",") + 1 == columns
            if fits:
                return torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2))
        except (OSError, ValueError) as error:
            raise ParityError(f"{path} cannot be read as word vectors ({error}): check --words") from error
    raise ParityError(
        f"no word vectors of background, {seen} seen and {unseen} unseen classes ({columns} columns) in "
        f"{where}: name their file or folder with --words"
    )
