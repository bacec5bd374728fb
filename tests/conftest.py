"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from zsi_core.model import ModelConfig

# A busy machine is no fault of an example.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the photographs that are not in the repository; for tests marked `shared`."""
    folder = os.environ.get("ZSI_TEST_DATA")
    if not folder:
        pytest.skip("ZSI_TEST_DATA does not name the folder with the test photographs")
    return Path(folder)


@pytest.fixture(scope="session")
def small_network() -> ModelConfig:
    """A network that trains in seconds and needs no ImageNet weights."""
    from zsi_core.model import ModelConfig

    return ModelConfig(
        backbone="test_efficientnet",
        pyramid_channels=16,
        box_features=32,
        mask_channels=16,
        proposals_train=40,
        proposals_test=20,
        regions_train=32,
    )


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a real checkpoint with random weights, which knows dog, car and person; fast to run."""
    import torch

    from zsi_core.checkpoint import CheckpointInfo, save_checkpoint, vectors_sha256
    from zsi_core.model import ZSI, ModelConfig
    from zsi_core.semantics import WordTable, resolve_all

    table = WordTable.bundled()
    seen = ("dog", "car", "person")
    config = ModelConfig(pyramid_channels=32, box_features=64, mask_channels=32, proposals_test=60)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ZSI(config, torch.from_numpy(table.vector("background")))
    info = CheckpointInfo(
        model=config,
        seen=seen,
        seen_sha256=vectors_sha256(resolve_all(table, seen)),
        words_sha256=table.sha256,
        preprocessing={"canvases": [[96, 128], [128, 96]]},
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_checkpoint(folder, model, info, "# tiny\n\nRandom weights.\n")
    return folder


@pytest.fixture
def same_arithmetic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every run of the model compute the same: one thread, float32."""
    import torch

    from zsi_core.inference import segmenter

    monkeypatch.setattr(segmenter, "fastest_dtype", lambda _: torch.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
