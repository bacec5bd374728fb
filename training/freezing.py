"""Which weights of the backbone stay as ImageNet left them.

Measured with EfficientNet-Lite0 on an AVX512-BF16 processor: the weight gradients of the depthwise
convolutions take more than half of a training step, and their bf16 backward pass with stride 2 is 30 times
slower than in float32. A few thousand images change these filters little.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn

from zsi_core.errors import TrainingError
from zsi_core.model.backbone import Backbone


def freeze(backbone: Backbone, stages: int) -> None:
    """Freeze the stem, the first `stages` stages (0: nothing at all) and every depthwise filter.

    Raises:
        TrainingError: a backbone whose stages are not known.
    """
    if stages == 0:
        return
    names = {name for name, _ in backbone.body.named_children()}
    if not names & {"blocks", "layer1"}:
        raise TrainingError(
            "frozen_stages is known for EfficientNet, MobileNet and ResNet only: set it to 0 in the recipe"
        )
    stem = ("conv_stem.", "conv1.", "bn1.")
    frozen = (*stem, *(f"blocks.{i}." for i in range(stages)), *(f"layer{i + 1}." for i in range(stages)))
    for name, parameter in backbone.body.named_parameters():
        if name.startswith(frozen):
            parameter.requires_grad_(False)
    for module in _depthwise(backbone):
        module.weight.requires_grad_(False)


class _InFloat32:
    """Makes a convolution leave mixed precision for its own computation."""

    def forward(self, x: Tensor) -> Tensor:
        """As the other base class, in float32."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())  # type: ignore[misc]


class Float32Conv2d(_InFloat32, nn.Conv2d):
    """`nn.Conv2d` in float32."""


class Float32Conv2dSame(_InFloat32, Conv2dSame):
    """timm's convolution with TensorFlow's padding, which the strided ones of `tf_` networks are."""


_IN_FLOAT32 = {nn.Conv2d: Float32Conv2d, Conv2dSame: Float32Conv2dSame}


def depthwise_in_float32(backbone: Backbone) -> None:
    """Run strided depthwise convolutions in float32; worth it for training on a CPU in bf16."""
    for module in _depthwise(backbone):
        if module.stride != (1, 1):
            module.__class__ = _IN_FLOAT32.get(type(module), type(module))


def _depthwise(backbone: Backbone) -> Iterator[nn.Conv2d]:
    for module in backbone.body.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            yield module
