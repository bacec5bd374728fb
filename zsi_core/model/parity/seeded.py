"""Weights and inputs of the parity files: every value follows from its name."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

BIAS_STD = 0.05


def seeded(name: str, shape: Sequence[int], std: float = 1.0) -> Tensor:
    """Tensor from N(0, std^2), float32, drawn in float64 with the CRC-32 of the name as seed."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float64).mul(std).to(torch.float32)


def weight(name: str, shape: Sequence[int], gain: float) -> Tensor:
    """A parameter by its published name: std gain / sqrt(fan-in), biases 0.05."""
    shape = tuple(shape)
    return seeded(name, shape, gain / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 else BIAS_STD)
