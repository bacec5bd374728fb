"""Which number format is fastest here: bfloat16 where the processor has instructions for it, else float32."""

from __future__ import annotations

import functools
import time

import torch
from torch import nn

REPEATS = 8


@functools.cache
def fastest_dtype(device_type: str) -> torch.dtype:
    """bfloat16 or float32, whichever runs a typical convolution faster on this device.

    Processors differ by more than their feature flags tell (AMX, AVX512-BF16 or plain AVX2 emulation), so
    this times the 3x3 convolution that fills most of an encoding once per process, about 0.1 s.

    Args:
        device_type: "cpu" or "cuda".
    """
    if device_type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    conv = nn.Conv2d(128, 128, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.randn(1, 128, 60, 80).to(memory_format=torch.channels_last)
    best = dict.fromkeys((torch.float32, torch.bfloat16), float("inf"))
    for _ in range(REPEATS):  # in turn, so that other work on the machine slows down both
        for dtype, seconds in best.items():
            best[dtype] = min(seconds, _seconds(conv.to(dtype), x.to(dtype)))
    return min(best, key=lambda dtype: best[dtype])


@torch.inference_mode()
def _seconds(conv: nn.Module, x: torch.Tensor) -> float:
    conv(x)  # the first call of a shape compiles
    start = time.perf_counter()
    conv(x)
    return time.perf_counter() - start
