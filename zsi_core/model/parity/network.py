"""The whole network with the weights of the parity files, in which pooled regions are given.

Shapes
    R  regions    D  length of a word vector    n  seen classes    u  unseen classes    V  vocabulary
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from zsi_core.model import ZSI, ModelConfig
from zsi_core.model.parity.compare import Report
from zsi_core.model.parity.files import ParityFile, find_words
from zsi_core.model.parity.seeded import weight


@dataclass(frozen=True)
class Words:
    """Word vectors of a file's split, as long as the published ones are.

    Attributes:
        background: (D,), the word.
        seen: (n, D).
        unseen: (u, D).
    """

    background: Tensor
    seen: Tensor
    unseen: Tensor


def words_of(file: ParityFile, where: Path | None, seen: int, unseen: int, report: Report) -> Words | None:
    """Word vectors, the file's own or from elsewhere (see `find_words`); notes the split of the file."""
    report.notes.append(f"{seen} seen and {unseen} unseen classes")
    columns = file.of_shape(len(file["v_b"]), 1 + seen + unseen)
    if columns is None:
        columns = find_words(where, seen, unseen)
    if columns is None:
        return None
    rows = columns.T.contiguous()
    return Words(rows[0], rows[1 : 1 + seen], rows[1 + seen :])


def build(seen: int, **changes: object) -> ZSI:
    """The reference profile with a small backbone, for word vectors as long as they are given."""
    config = ModelConfig.reference(seen, backbone="resnet18", word_norm=1.0, **changes)
    return ZSI(config, torch.ones(config.semantic_dimension)).eval()


def fill(layers: dict[str, nn.Module], prefix: str, gain: float) -> None:
    """Weights and biases by their published names."""
    for name, layer in layers.items():
        for part in ("weight", "bias"):
            parameter = getattr(layer, part)
            parameter.copy_(weight(f"{prefix}{name}.{part}", parameter.shape, gain))


class Given(nn.Module):
    """Stands in for a pooling layer: the pooled regions of a file."""

    def __init__(self, pooled: Tensor) -> None:
        super().__init__()
        self.pooled = pooled

    def forward(self, *_: object) -> Tensor:
        """What was given."""
        return self.pooled


def synchronised(ours: Tensor, theirs: Tensor, v_b: Tensor, word: Tensor) -> bool:
    """Whether v_b, and not the word "background", made the background channel of a file.

    Args:
        ours: semantic features (..., D).
        theirs: (...,), the background channel of the file.
        v_b, word: (D,).
    """
    return bool((ours @ v_b - theirs).abs().max() <= (ours @ word - theirs).abs().max())
