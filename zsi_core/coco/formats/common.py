"""What the converters share: outlines of annotations, folders that appear complete, names of files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from zsi_core.coco.file_stream import writing
from zsi_core.coco.formats.labelled_image import LabelledImage
from zsi_core.coco.segmentation import polygon_rings, segmentation_rle
from zsi_core.coco.tally import Tally
from zsi_core.errors import AnnotationError
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part, trace
from zsi_core.instances.rle import Rle


def parts_of(annotation: dict[str, Any], size: tuple[int, int]) -> list[Part]:
    """Polygons of an annotation, with holes; empty for one that has only a box."""
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list):
        return [Part(ring) for ring in polygon_rings(segmentation)]
    mask = segmentation_rle(segmentation, *size)
    return trace(mask) if mask else []


def mask_of(annotation: dict[str, Any], size: tuple[int, int]) -> Rle | None:
    """Mask of an annotation; None where it has only a box, or covers no pixel."""
    mask = segmentation_rle(annotation["segmentation"], *size)
    return mask if mask and rles.areas([mask])[0] else None


def box_ring(annotation: dict[str, Any]) -> np.ndarray:
    """(4, 2) corners of the box."""
    x, y, width, height = annotation["bbox"]
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float64)


def count_losses(image: LabelledImage, tally: Tally, *, keeps: Sequence[str] = ()) -> None:
    """Note what every format but COCO loses: scores, provenance, crowds, further keys."""
    for annotation in image.annotations:
        for key, what in (
            ("score", "scores of objects: the format has none"),
            ("zsi", "records of who made an object: the format has none"),
        ):
            if key in annotation and key not in keeps:
                tally.note(what)
        if annotation["iscrowd"] and "iscrowd" not in keeps:
            tally.note("crowds: written as ordinary objects", image.name)


class Stems:
    """Names of the files that go with images, `a/1` for `a/1.jpg`; a second `a/1` keeps its suffix."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._taken: set[str] = set()

    def of(self, image: LabelledImage) -> str:
        """The name without suffix, unlike that of any image before, whatever the case."""
        stem = PurePosixPath(image.name).with_suffix("").as_posix()
        if stem.casefold() in self._taken:
            self._tally.change("images that differ in the suffix alone: it stays in the name", image.name)
            stem = image.name
        self._taken.add(stem.casefold())
        return stem


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder that appears under `target` when the body ends well, and not at all otherwise.

    Raises:
        AnnotationError: there is a folder with something in it, or it cannot be written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AnnotationError(f"{target} exists and is not empty: choose a new folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    except OSError as error:
        raise AnnotationError(
            f"{target} cannot be made ({error.strerror}): choose a folder that can be written"
        ) from error
    try:
        part.chmod(0o755)
        yield part
        if target.exists():
            target.rmdir()
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def copy_image(image: LabelledImage, target: Path, tally: Tally) -> bool:
    """Copy the file of an image; one that cannot be read is left out and told.

    Raises:
        AnnotationError: the copy cannot be written.
    """
    try:
        if target.exists() and target.samefile(image.path):
            return True
        source = image.path.open("rb")
    except OSError:
        tally.skip("image files that cannot be read: not copied", image.name)
        return False
    with source, writing(target, "wb") as stream:
        shutil.copyfileobj(source, stream)
    return True


def save_text(path: Path, text: str) -> None:
    """Write a text file, its folders included."""
    with writing(path) as stream:
        stream.write(text)
