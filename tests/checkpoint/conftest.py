"""A small network, its word table and its checkpoint."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from zsi_core.checkpoint import CheckpointInfo, save_checkpoint, vectors_sha256
from zsi_core.model import ZSI, ModelConfig
from zsi_core.semantics import WordTable, resolve_all

DIMENSION = 16
WORDS = ["dog", "car", "person", "cat", "background"]
SEEN = ("dog", "car", "person")


def make_table(seed: int, dimension: int = DIMENSION) -> WordTable:
    """The same words with other vectors for every seed."""
    vectors = np.random.default_rng(seed).normal(size=(len(WORDS), dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return WordTable(WORDS, vectors, hashlib.sha256(vectors.tobytes()).hexdigest(), f"table{seed}.txt")


@pytest.fixture(scope="session")
def table() -> WordTable:
    return make_table(0)


@pytest.fixture(scope="session")
def other_tables() -> dict[str, WordTable]:
    return {"same dimension": make_table(1), "another dimension": make_table(1, DIMENSION + 1)}


@pytest.fixture(scope="session")
def config() -> ModelConfig:
    return ModelConfig(
        semantic_dimension=DIMENSION,
        backbone="test_efficientnet",
        pyramid_channels=16,
        box_features=32,
        mask_channels=16,
        proposals_test=20,
    )


@pytest.fixture
def model(config: ModelConfig, table: WordTable) -> ZSI:
    """With seeded weights; BatchNorm statistics have left their initial values."""
    torch.manual_seed(0)
    network = ZSI(config, torch.from_numpy(table.vector("background")))
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 2.0)
        if name.endswith("num_batches_tracked"):
            buffer.fill_(70_000)
    return network


@pytest.fixture(scope="session")
def info(config: ModelConfig, table: WordTable) -> CheckpointInfo:
    return CheckpointInfo(
        model=config,
        seen=SEEN,
        seen_sha256=vectors_sha256(resolve_all(table, SEEN)),
        words_sha256=table.sha256,
        preprocessing={"canvases": [[64, 96], [96, 64]]},
        calibration={"threshold": 0.2, "seen_penalty": 1},
        metrics={"map50": 0.5, "per_class": {"dög": 0.25}},
        recipe={"name": "small", "steps": 3},
        parent="f" * 64,
    )


@pytest.fixture(scope="session")
def saved(
    config: ModelConfig, info: CheckpointInfo, table: WordTable, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint that no test may change."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("models") / "small"
    save_checkpoint(folder, ZSI(config, torch.from_numpy(table.vector("background"))), info, "# small\n")
    return folder


@pytest.fixture
def checkpoint(saved: Path, tmp_path: Path) -> Path:
    """A copy of `saved`, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "small"))
