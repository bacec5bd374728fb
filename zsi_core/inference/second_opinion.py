"""A second opinion on names: an image classifier looks at the most object-like regions.

A zero-shot detector that was trained on few photographs finds objects better than it names them. A classifier
that was trained on a million photographs names crops better, also those of unseen classes. Its answer is a
word vector like the semantic feature e, so both are joined before any name is asked for:

    e' = e / |e| + weight * t    with t of the crop that overlaps the region most

It costs a few dozen milliseconds an image, once.

Shapes
    R  regions    K  regions that were looked at    D  length of a word vector
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torchvision.ops import box_iou, nms

from zsi_core.checkpoint import SECOND_OPINION, SecondOpinionInfo
from zsi_core.errors import CheckpointError
from zsi_core.inference.classifier import NamedClassifier, crop

SMALLEST_SIDE = 16.0
"""Regions with a shorter side, in pixels of the photograph, are not worth a look."""

DISTINCT = 0.6
"""Overlap from which the less object-like of two regions is not looked at."""

SAME_OBJECT = 0.5
"""Overlap from which the opinion about a region holds for another one."""


@dataclass(frozen=True)
class Opinions:
    """What the classifier made of an image.

    Attributes:
        boxes: (K, 4) float32 in pixels of the photograph, that were looked at.
        vectors: t, (K, D) unit word vectors.
        weight: of t beside a semantic feature of length 1.
    """

    boxes: Tensor
    vectors: Tensor
    weight: float

    def join(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Semantic features (R, D) of boxes (R, 4) with the opinion about the box that overlaps most."""
        features = F.normalize(features, dim=1)
        if not len(self.boxes):
            return features
        overlap, which = box_iou(boxes, self.boxes).max(dim=1)
        return features + self.weight * (overlap >= SAME_OBJECT)[:, None] * self.vectors[which]


class SecondOpinion:
    """Looks at the regions of an image and says what they are, in word vectors."""

    def __init__(self, classifier: NamedClassifier, info: SecondOpinionInfo) -> None:
        self.classifier = classifier
        self.info = info

    @classmethod
    def load(cls, folder: Path, info: SecondOpinionInfo, *, device: str, dtype: torch.dtype) -> SecondOpinion:
        """Read it from a checkpoint folder.

        Raises:
            CheckpointError: the file is missing, or not the one that the configuration names.
        """
        path = folder / SECOND_OPINION
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != info.sha256:
                raise CheckpointError(
                    f"{path} is not the file that config.json beside it names: copy the checkpoint again"
                )
            tensors = {name: value.float() for name, value in load(content).items()}
            names = tensors.pop("names")
            network = timm.create_model(info.network, pretrained=False, num_classes=len(names))
            network.load_state_dict(tensors)
        except (OSError, KeyError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f"{path} cannot be read ({error}): copy the checkpoint again") from error
        return cls(NamedClassifier(network.to(device), names.to(device), dtype=dtype), info)

    def about(self, image: np.ndarray, boxes: Tensor, objectness: Tensor) -> Opinions:
        """Look at the regions that are most likely objects.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (R, 4) in its pixels.
            objectness: (R,).
        """
        worth = ((boxes[:, 2:] - boxes[:, :2]).amin(dim=1) >= SMALLEST_SIDE).nonzero()[:, 0]
        distinct = worth[nms(boxes[worth], objectness[worth], DISTINCT)][: self.info.regions]
        crops = [crop(image, box, self.info.side) for box in boxes[distinct].tolist()]
        seen = [i for i, shown in enumerate(crops) if shown is not None]
        looked_at = boxes[distinct[seen]]
        if not seen:
            return Opinions(looked_at, self.classifier.names[:0], self.info.weight)
        # Always as many, because every new shape costs oneDNN a compilation.
        batch = [crops[i] for i in seen] + [crops[seen[0]]] * (self.info.regions - len(seen))
        vectors = self.classifier.vectors(batch)[: len(seen)]  # type: ignore[arg-type]
        return Opinions(looked_at, vectors, self.info.weight)


def second_opinion_file(classifier: NamedClassifier) -> bytes:
    """Content of the file, float16."""
    tensors = {**classifier.network.state_dict(), "names": classifier.names}
    return save(
        {
            name: (value.half() if value.is_floating_point() else value).contiguous()
            for name, value in tensors.items()
        }
    )
