"""Batches of a run, read ahead by worker processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from training.data import Batch, Batches, Draw, Item, TrainingImages, collate
from zsi_core.errors import TrainingError, ZsiError


class _Reported(Dataset[Item | ZsiError]):
    """Errors meant for a person as values: a `DataLoader` would hand them on wrapped in a traceback."""

    def __init__(self, images: TrainingImages) -> None:
        self.images = images

    def __getitem__(self, draw: Draw) -> Item | ZsiError:
        try:
            return self.images[draw]
        except ZsiError as error:
            return error


def batches(images: TrainingImages, order: Batches, workers: int, *, pin_memory: bool) -> Iterator[Batch]:
    """The batches of this process, endlessly.

    Args:
        images: where they come from.
        order: which images make up which batch.
        workers: processes that read images; 0 reads in this one.
        pin_memory: for fast copies to a GPU.

    Raises:
        ZsiError: what `images` raises.
        TrainingError: a worker was killed.
    """
    cv2.setNumThreads(1)  # OpenCV's pool of threads must not be there when a worker is forked: it would hang
    loader: DataLoader[Batch | ZsiError] = DataLoader(
        _Reported(images),  # type: ignore[arg-type]
        batch_sampler=order,
        collate_fn=_collate,
        num_workers=workers,
        pin_memory=pin_memory,
        worker_init_fn=_start_worker,
        # Every image is seeded by its draw: this only keeps the loader off the process's own stream.
        generator=torch.Generator().manual_seed(0),
    )
    iterator = iter(loader)
    while True:
        try:
            batch = next(iterator)
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise TrainingError(
                f"a process that reads images was ended from outside ({error}); if memory is short, go on "
                "with --resume and fewer --workers"
            ) from error
        if isinstance(batch, ZsiError):
            raise batch
        yield batch


def _collate(items: Sequence[Item | ZsiError]) -> Batch | ZsiError:
    good: list[Item] = []
    for item in items:
        if isinstance(item, ZsiError):
            return item
        good.append(item)
    return collate(good)


def _start_worker(number: int) -> None:
    # Ctrl+C reaches all processes of a terminal; the step under way still needs its images.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
