"""Which number format is fastest, measured while other work comes and goes."""

from __future__ import annotations

import pytest
import torch

from zsi_core.inference import precision


@pytest.mark.parametrize("fast", [torch.float32, torch.bfloat16])
def test_a_format_that_was_disturbed_now_and_then_is_not_taken_for_the_slower_one(monkeypatch, fast) -> None:
    rounds: list[torch.dtype] = []

    def seconds(conv: torch.nn.Module, x: torch.Tensor) -> float:
        assert next(conv.parameters()).dtype is x.dtype
        rounds.append(x.dtype)
        disturbed = len(rounds) < precision.REPEATS  # the first half of all rounds
        return (1.0 if x.dtype is fast else 2.0) * (10.0 if disturbed and x.dtype is fast else 1.0)

    monkeypatch.setattr(precision, "_seconds", seconds)
    assert precision.fastest_dtype.__wrapped__("cpu") is fast
    assert rounds == [torch.float32, torch.bfloat16] * precision.REPEATS
