"""A checkpoint and the word vectors it was trained with belong together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from zsi_core.checkpoint import load_checkpoint, vectors_sha256
from zsi_core.errors import CheckpointError, WordTableError
from zsi_core.inference import Segmenter
from zsi_core.semantics import WordTable


def test_the_table_of_training_is_accepted(saved: Path, table: WordTable) -> None:
    segmenter = Segmenter(load_checkpoint(saved), table, dtype=torch.float32)
    assert segmenter.canvases == ((64, 96), (96, 64))
    assert segmenter.calibration.threshold == 0.2


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("same dimension", "is not the one the model was trained with"),
        ("another dimension", "has 17 dimensions, but 16 are needed"),
    ],
)
def test_another_table_is_refused(
    which: str, message: str, saved: Path, other_tables: dict[str, WordTable]
) -> None:
    with pytest.raises(WordTableError, match=message):
        Segmenter(load_checkpoint(saved), other_tables[which], dtype=torch.float32)


@pytest.mark.parametrize("seen", [["car", "dog", "person"], ["dog", "car", "cat"], ["dog", "car"]])
def test_seen_classes_with_other_vectors_are_refused(
    seen: list[str], checkpoint: Path, table: WordTable
) -> None:
    values = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    (checkpoint / "config.json").write_text(json.dumps(values | {"seen": seen}))
    with pytest.raises(CheckpointError, match="resolve to other vectors than in training"):
        Segmenter(load_checkpoint(checkpoint), table, dtype=torch.float32)


def test_the_hash_of_vectors_is_the_one_in_shipped_checkpoints() -> None:
    vectors = np.array([[1.0, 0.0], [0.6, -0.8]], dtype=np.float32)
    assert vectors_sha256(vectors) == "7c378881fb2160b5d5699e6fdb4515f2f5a1d5f3b37fa0109f2fe7900842a54e"
    assert vectors_sha256(vectors.astype(np.float64)) == vectors_sha256(vectors)
    assert vectors_sha256(np.asfortranarray(vectors)) == vectors_sha256(vectors)
    assert vectors_sha256(vectors * np.float32(1 + 1e-6)) == vectors_sha256(vectors)
    assert vectors_sha256(vectors[::-1]) != vectors_sha256(vectors)
    assert vectors_sha256(vectors * np.float32(1.01)) != vectors_sha256(vectors)
