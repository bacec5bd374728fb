"""The file of a teacher: word vectors of annotations, and of regions that nobody annotated.

Shapes
    A  annotations with a vector    M  further regions    D  length of a word vector
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from training.recipe import DataSpec
from zsi_core.errors import TrainingError

TEACH_AGAIN = "write it again with `python -m training teach`"
REGIONS = ("region_image", "region_boxes", "region_vectors")


@dataclass(frozen=True)
class TeacherVectors:
    """What a teacher says about one set.

    Attributes:
        objects: annotation id -> (D,) float16.
        regions: image id -> boxes (m, 4) float32, x1, y1, x2, y2 in pixels of the photograph, and their
            vectors (m, D) float16.
    """

    objects: Mapping[int, np.ndarray]
    regions: Mapping[int, tuple[np.ndarray, np.ndarray]]


def read_teachers(specs: Sequence[DataSpec], folder: Path, dimension: int) -> dict[str, TeacherVectors]:
    """The teacher files `NAME.npz` of some sets; a set may be without one.

    A file holds `ids` (A,) int64 and `vectors` (A, D) float16, and may hold `region_image` (M,) int64 image
    ids, `region_boxes` (M, 4) float32 and `region_vectors` (M, D) float16.

    Raises:
        TrainingError: a file is damaged or made for another word table, or there is none at all.
    """
    teachers = {}
    for spec in specs:
        path = folder / f"{spec.name}.npz"
        if path.is_file():
            teachers[spec.name] = _read(path, dimension)
    if not teachers:
        raise TrainingError(f"{folder} holds no teacher vectors: write them with `python -m training teach`")
    return teachers


def _read(path: Path, dimension: int) -> TeacherVectors:
    try:
        with np.load(path, allow_pickle=False) as stored:
            ids, vectors = stored["ids"], stored["vectors"]
            regions = [stored[name] for name in REGIONS] if REGIONS[0] in stored else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise TrainingError(f"{path} cannot be read ({error}): {TEACH_AGAIN}") from error
    _require(path, "vectors", vectors, (len(ids), dimension))
    objects = dict(zip(ids.tolist(), vectors, strict=True))
    if regions is None:
        return TeacherVectors(objects, {})
    images, boxes, region_vectors = regions
    _require(path, "region_boxes", boxes, (len(images), 4))
    _require(path, "region_vectors", region_vectors, (len(images), dimension))
    order = np.argsort(images, kind="stable")
    found, starts = np.unique(images[order], return_index=True)
    rows = np.split(order, starts[1:])
    # Not strict: of no regions at all, the only part is an empty one.
    parts = zip(found.tolist(), rows, strict=False)
    return TeacherVectors(
        objects, {image: (boxes[of].astype(np.float32), region_vectors[of]) for image, of in parts}
    )


def _require(path: Path, name: str, array: np.ndarray, shape: tuple[int, int]) -> None:
    if array.shape != shape:
        raise TrainingError(
            f"{path} must hold {name} with shape {shape}, but got {array.shape}: {TEACH_AGAIN}"
        )
