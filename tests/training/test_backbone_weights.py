"""ImageNet weights of the backbone: finding, reading and placing them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
import timm
import torch
from safetensors.torch import save_file

from training.backbone_weights import find_efficientnet_lite0, load_backbone_file, load_imagenet_backbone
from zsi_core.errors import TrainingError
from zsi_core.model.backbone import Backbone


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Of the whole classifier, no two tensors alike."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    tensors = network.state_dict()
    for i, tensor in enumerate(tensors.values()):
        tensor.fill_(i)
    return tensors


@pytest.fixture(scope="module")
def file(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the package has it: the same tensors in the same order under other names."""
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save({f"foreign.{i}": tensor for i, tensor in enumerate(weights.values())}, path)
    return path


def test_every_tensor_finds_its_place(weights: dict[str, torch.Tensor], file: Path) -> None:
    backbone = Backbone("tf_efficientnet_lite0", 16, freeze_batch_norm=True)
    load_imagenet_backbone(backbone, file)
    placed = backbone.body.state_dict()
    assert len(placed) > 250
    assert all(torch.equal(tensor, weights[name]) for name, tensor in placed.items())


@pytest.mark.parametrize("name", ["test_efficientnet", "test_resnet"])
def test_another_backbone_is_refused(name: str, file: Path) -> None:
    with pytest.raises(TrainingError, match="for the backbone tf_efficientnet_lite0 only"):
        load_imagenet_backbone(Backbone(name, 16, freeze_batch_norm=True), file)


def test_a_file_with_other_tensors_is_refused(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(dict(list(weights.items())[:-1]), tmp_path / "short.pth")
    backbone = Backbone("tf_efficientnet_lite0", 16, freeze_batch_norm=True)
    with pytest.raises(TrainingError, match=r"short.pth does not hold the tensors of EfficientNet-Lite0"):
        load_imagenet_backbone(backbone, tmp_path / "short.pth")


def test_the_package_with_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(TrainingError, match="are not installed: run"):
        find_efficientnet_lite0()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "lite0.pth").write_bytes(b"")
    assert find_efficientnet_lite0() == tmp_path / "models" / "lite0.pth"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match="or start from a checkpoint with --from"):
        find_efficientnet_lite0()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_ones_own_for_any_backbone(suffix: str, tmp_path: Path) -> None:
    network = timm.create_model("test_resnet", pretrained=False)
    tensors = {name: torch.full_like(t, i) for i, (name, t) in enumerate(network.state_dict().items())}
    path = tmp_path / f"own{suffix}"
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    backbone = Backbone("test_resnet", 16, freeze_batch_norm=True)
    load_backbone_file(backbone, path)
    placed = backbone.body.state_dict()
    assert len(placed) > 10
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in placed.items())
    with pytest.raises(TrainingError, match="does not hold the weights of this backbone"):
        load_backbone_file(Backbone("test_efficientnet", 16, freeze_batch_norm=True), path)


@pytest.mark.parametrize("name", ["missing.pth", "damaged.pth", "damaged.safetensors"])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    if not name.startswith("missing"):
        (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(TrainingError, match=f"{name} cannot be read as backbone weights"):
        load_backbone_file(Backbone("test_resnet", 16, freeze_batch_norm=True), tmp_path / name)
