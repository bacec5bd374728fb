"""Finds the images of a folder in a thread, a batch at a time, so that the first rows appear at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.jobs import Task
from app.project.root import sort_key

BATCH = 250
"""Images that the window takes in at once: some 10 ms of work."""


@dataclass
class ScanResult:
    """What came of a scan.

    Attributes:
        found: how many images there are.
        unreadable: folders and files that could not be read, with the reason.
    """

    found: int = 0
    unreadable: list[str] = field(default_factory=list)


def scan(task: Task, paths: Sequence[Path]) -> ScanResult:
    """Report the image files among `paths` and below the folders among them, in batches of paths.

    The rules are those of `zsi_core.images.find_images`; within a folder the order is a person's.
    """
    result = ScanResult()
    batch: list[Path] = []
    for path in paths:
        if not path.exists():
            result.unreadable.append(f"{path}: it is not there any more")
            continue
        for file in _images_below(path, result) if path.is_dir() else [path]:
            task.check()
            batch.append(file)
            result.found += 1
            # A short first batch, so that the window has something to show.
            if len(batch) >= (BATCH if result.found > BATCH else 100):
                task.report(batch)
                batch = []
    if batch:
        task.report(batch)
    return result


def _images_below(folder: Path, result: ScanResult) -> Iterator[Path]:
    from zsi_core.images import image_suffixes  # Pillow waits for the first folder

    suffixes = image_suffixes()
    named: dict[str, bool] = {}  # name -> whether it is a folder
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    named[name] = True
                elif name[name.rfind(".") :].lower() in suffixes and entry.is_file():
                    named[name] = False
    except OSError as error:
        result.unreadable.append(f"{folder}: {error.strerror or error}")
        return
    for name in sorted(named, key=sort_key):
        path = folder / name
        if named[name]:
            yield from _images_below(path, result)
        else:
            yield path
