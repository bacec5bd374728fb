"""Training data: sets and their objects, the order of batches, images with their targets."""

from training.data.dataset import Batch, Item, TrainingImages, collate
from training.data.samples import Sample, SetCounts, Skipped, TrainingObject, read_samples
from training.data.sampling import Batches, Draw, WeightedEpochs, image_weights

__all__ = [
    "Batch",
    "Batches",
    "Draw",
    "Item",
    "Sample",
    "SetCounts",
    "Skipped",
    "TrainingImages",
    "TrainingObject",
    "WeightedEpochs",
    "collate",
    "image_weights",
    "read_samples",
]
