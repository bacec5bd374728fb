"""Random choice of anchors and regions, repeatable image by image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler

from zsi_core.model.targets import Target


class ImageSampler(BalancedPositiveNegativeSampler):
    """torchvision's sampler; an image whose target has a seed is sampled with a random stream of its own.

    What is chosen in such an image does not depend on the other images of the batch, nor on the process.
    """

    def sample(
        self, labels: Sequence[Tensor], targets: Sequence[Target]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Masks (R,) of the positive and of the negative samples of each image.

        Args:
            labels: per image (R,): above 0 positive, 0 negative, -1 neither.
            targets: one per image.
        """
        positive: list[Tensor] = []
        negative: list[Tensor] = []
        for label, target in zip(labels, targets, strict=True):
            own = target.seed is not None
            on_gpu = [label.device] if label.device.type == "cuda" else []
            with torch.random.fork_rng(devices=on_gpu, enabled=own):
                if own:
                    torch.manual_seed(target.seed)
                chosen, rejected = self([label])
            positive += chosen
            negative += rejected
        return positive, negative
