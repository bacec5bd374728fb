"""Small networks and drawn scenes for the tests of the model."""

import pytest
import torch

from zsi_core.model import ZSI, ModelConfig, Target

DIMENSION = 16
SIDE = 128


@pytest.fixture
def make_model():
    """A small network with seeded weights; keyword arguments are fields of ModelConfig."""

    def make(**fields) -> ZSI:
        torch.manual_seed(0)
        small = {
            "semantic_dimension": DIMENSION,
            "pyramid_channels": 32,
            "box_features": 64,
            "mask_channels": 32,
            "proposals_train": 60,
            "proposals_test": 40,
            "regions_train": 32,
        }
        return ZSI(ModelConfig(**(small | fields)), torch.randn(DIMENSION))

    return make


@pytest.fixture
def words():
    """(5, D) unit word vectors."""
    generator = torch.Generator().manual_seed(1)
    return torch.nn.functional.normalize(torch.randn(5, DIMENSION, generator=generator), dim=1)


@pytest.fixture
def scene():
    """Two images with two bright rectangles each: images, sizes, targets. The second leaves some padding."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randint(0, 60, (2, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    sizes = [(SIDE, SIDE), (96, 112)]
    targets = []
    for image, shift in zip(images, (0, 12), strict=True):
        boxes = torch.tensor([[8.0, 10.0, 60.0, 50.0], [40.0 + shift, 52.0, 90.0 + shift, 92.0]])
        masks = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2), colour in zip(masks, boxes.int().tolist(), (0, 2), strict=True):
            mask[y1:y2, x1:x2] = 1
            image[colour, y1:y2, x1:x2] = 230
        targets.append(
            Target(
                boxes=boxes,
                labels=torch.tensor([0, 3]),
                masks=masks,
                has_mask=torch.tensor([True, True]),
                ignore=torch.zeros(0, 4),
            )
        )
    return images, sizes, targets
