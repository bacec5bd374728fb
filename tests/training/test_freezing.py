"""Which weights stay as they were, and convolutions that leave mixed precision."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from training.freezing import depthwise_in_float32, freeze
from zsi_core.errors import TrainingError
from zsi_core.model.backbone import Backbone


@pytest.fixture(scope="module")
def untouched() -> Backbone:
    torch.manual_seed(0)
    return Backbone("tf_efficientnet_lite0", 16, freeze_batch_norm=True)


@pytest.fixture
def backbone(untouched: Backbone) -> Backbone:
    return copy.deepcopy(untouched)


def frozen(backbone: Backbone) -> set[str]:
    return {name for name, parameter in backbone.named_parameters() if not parameter.requires_grad}


def depthwise(backbone: Backbone) -> dict[str, nn.Conv2d]:
    return {
        f"body.{name}": module
        for name, module in backbone.body.named_modules()
        if isinstance(module, nn.Conv2d) and module.groups > 1
    }


def test_zero_stages_freeze_nothing(backbone: Backbone) -> None:
    freeze(backbone, 0)
    assert frozen(backbone) == set()


@pytest.mark.parametrize("stages", [1, 3])
def test_stem_stages_and_depthwise_filters_are_frozen(stages: int, backbone: Backbone) -> None:
    freeze(backbone, stages)
    early = ("body.conv_stem.", "body.bn1.", *(f"body.blocks.{i}." for i in range(stages)))
    expected = {name for name, _ in backbone.named_parameters() if name.startswith(early)}
    filters = {f"{name}.weight" for name in depthwise(backbone)}
    assert len(filters) == 16
    assert filters - expected, "some lie behind the frozen stages"
    assert frozen(backbone) == expected | filters
    assert not any(name.startswith("fpn.") for name in frozen(backbone))


def test_stages_of_a_resnet() -> None:
    backbone = Backbone("test_resnet", 16, freeze_batch_norm=True)
    freeze(backbone, 1)
    assert {name.split(".")[1] for name in frozen(backbone)} == {"conv1", "bn1", "layer1"}
    assert all(not p.requires_grad for p in backbone.body.get_submodule("layer1").parameters())


def test_a_backbone_of_unknown_stages_is_refused() -> None:
    backbone = Backbone("test_byobnet", 16, freeze_batch_norm=True)
    freeze(backbone, 0)
    with pytest.raises(TrainingError, match="set it to 0 in the recipe"):
        freeze(backbone, 1)


def test_float32_convolutions_give_the_same_numbers(untouched: Backbone, backbone: Backbone) -> None:
    depthwise_in_float32(backbone)
    images = torch.rand(1, 3, 64, 64) * 2 - 1
    before, after = untouched.eval()(images), backbone.eval()(images)
    assert all(torch.equal(after[level], before[level]) for level in before)
    assert set(backbone.state_dict()) == set(untouched.state_dict())


def test_strided_depthwise_convolutions_leave_mixed_precision(backbone: Backbone) -> None:
    seen: dict[str, torch.dtype] = {}
    for name, module in depthwise(backbone).items():
        module.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.dtype}))
    depthwise_in_float32(backbone)
    with torch.autocast("cpu", torch.bfloat16):
        backbone(torch.rand(1, 3, 64, 64))
    strided = {name for name, module in depthwise(backbone).items() if module.stride != (1, 1)}
    assert len(strided) == 4
    assert {name for name, dtype in seen.items() if dtype == torch.float32} == strided
    assert {dtype for name, dtype in seen.items() if name not in strided} == {torch.bfloat16}
