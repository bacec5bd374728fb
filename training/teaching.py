"""Teacher vectors of a run: given, kept from an earlier run, or computed now."""

from __future__ import annotations

import hashlib
from pathlib import Path

from training.backbone_weights import find_efficientnet_lite0
from training.progress import RunProgress
from training.recipe import DataSpec, Recipe
from training.teacher import ImageNetTeacher, write_teacher_vectors
from zsi_core.errors import AnnotationError, TrainingError
from zsi_core.files import atomic_write, file_sha256, user_cache_dir
from zsi_core.semantics.table import WordTable


def prepare_teacher(
    recipe: Recipe, data_root: Path, out: Path, table: WordTable, progress: RunProgress
) -> Path:
    """Put the teacher vectors of every set of a recipe into a folder.

    What an earlier run has computed for the same annotation file is taken from the user's cache folder.

    Args:
        recipe: names the sets.
        data_root: folder that they are relative to.
        out: folder of the run; the vectors go into `teacher` below it.
        table: word table.
        progress: shows how far it is.

    Returns:
        The folder.

    Raises:
        TrainingError: the teacher's weights are not installed, or a file cannot be written.
    """
    folder = out / "teacher"
    try:
        weights = find_efficientnet_lite0()
    except TrainingError as error:
        raise TrainingError(
            f"the recipe distils an ImageNet classifier, but {error}; or train without one: "
            "--set teacher=false"
        ) from error
    weights_sha256 = file_sha256(weights)
    teacher: ImageNetTeacher | None = None
    try:
        folder.mkdir(exist_ok=True)
        for spec in recipe.datasets:
            key = _key(spec, data_root, weights_sha256, table.sha256)
            kept = user_cache_dir() / "teacher" / f"{key}.npz"
            if not kept.is_file():
                kept.parent.mkdir(parents=True, exist_ok=True)
                teacher = teacher or ImageNetTeacher(weights, table)
                write_teacher_vectors(
                    data_root / spec.annotations,
                    data_root / spec.images,
                    kept,
                    teacher,
                    lambda done, total, name=spec.name: progress.show(  # type: ignore[misc]
                        f"asking the teacher about {name}", done, total
                    ),
                )
            with atomic_write(folder / f"{spec.name}.npz") as stream:
                stream.write(kept.read_bytes())
    except OSError as error:
        raise TrainingError(
            f"teacher vectors cannot be written ({error.strerror}: {error.filename}): free some space or "
            "check permissions, or train without them: --set teacher=false"
        ) from error
    return folder


def _key(spec: DataSpec, data_root: Path, weights_sha256: str, words_sha256: str) -> str:
    """Of what the vectors of a set depend on; the photographs of an annotation file do not change."""
    path = data_root / spec.annotations
    if not path.is_file():
        raise AnnotationError(f"{path} does not exist: check --data and the data sets of the recipe")
    parts = (file_sha256(path), str((data_root / spec.images).resolve()), weights_sha256, words_sha256)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
