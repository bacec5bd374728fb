"""Which weights of the backbone stay as ImageNet left them.

Measured with EfficientNet-Lite0 on an AVX512-BF16 processor: the weight gradients of the depthwise
convolutions take more than half of a training step, and their bf16 backward pass with stride 2 is 30 times
slower than in float32. A few thousand images change these filters little.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zsi_core.model.backbone import Backbone


def freeze(backbone: Backbone, stages: int) -> None:
    """Freeze the stem, the first `stages` stages (0: nothing at all) and every depthwise filter."""
    if stages == 0:
        return
    prefixes = ("conv_stem", "bn1", *(f"blocks.{i}." for i in range(stages)))
    for name, parameter in backbone.body.named_parameters():
        if name.startswith(prefixes):
            parameter.requires_grad_(False)
    for module in backbone.body.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.weight.requires_grad_(False)


class Float32Conv2d(nn.Conv2d):
    """A convolution that leaves mixed precision for its own computation."""

    def forward(self, x: Tensor) -> Tensor:
        """As `nn.Conv2d`, in float32."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def depthwise_in_float32(backbone: Backbone) -> None:
    """Run strided depthwise convolutions in float32; worth it for training on a CPU in bf16."""
    for module in backbone.body.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1 and module.stride != (1, 1):
            module.__class__ = Float32Conv2d
