"""An encoded image: everything that asking for names needs, and nothing that depends on them.

Shapes
    R  regions    C  channels of the mask head    D  length of a word vector
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from zsi_core.inference.preprocessing import Fitted
from zsi_core.inference.second_opinion import Opinions
from zsi_core.model import Regions


@dataclass(frozen=True)
class EncodedImage:
    """What `Segmenter.encode` keeps of an image; stays where the model is.

    Attributes:
        regions: boxes in canvas pixels, objectness, semantic features, background vectors, pyramid.
        boxes: (R, 4) float32 in pixels of the photograph.
        slots: (R, 1 + n, 4) float32, the same refined for each seen class; None with one box for all names.
        fitted: how the photograph lies in the canvas (its pixels are dropped).
        checkpoint_sha256: the weights that made it; others cannot read it.
        opinions: of the classifier beside the network, which `regions.features` are joined with; None where
            the checkpoint has no classifier.
        pixel_features: (region, slot) -> (C, 28, 28), filled in as queries show regions; slot 0 is the box of
            the region itself.
    """

    regions: Regions
    boxes: Tensor
    fitted: Fitted
    checkpoint_sha256: str
    opinions: Opinions | None = None
    slots: Tensor | None = None
    pixel_features: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the photograph."""
        return self.fitted.image_size

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def nbytes(self) -> int:
        """Bytes of tensors held, for a cache budget."""
        tensors = [
            self.boxes,
            self.regions.boxes,
            self.regions.objectness,
            self.regions.features,
            *self.regions.background,
            *self.regions.pyramid.values(),
            *self.pixel_features.values(),
            *(t for t in (self.slots, self.regions.slots) if t is not None),
        ]
        return sum(t.numel() * t.element_size() for t in tensors)
