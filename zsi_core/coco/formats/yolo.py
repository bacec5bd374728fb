"""YOLO's segmentation labels: a text file for each image, a line for each object, coordinates from 0 to 1.

An object is one ring there. Parts are joined by a line of no width, as Ultralytics' own converter does; holes
are filled, and both are told.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from zsi_core.coco.formats.building import DocumentBuilder
from zsi_core.coco.formats.common import (
    Stems,
    box_ring,
    copy_image,
    count_losses,
    new_folder,
    parts_of,
    save_text,
)
from zsi_core.coco.formats.labelled_image import LabelledImage
from zsi_core.coco.tally import Tally
from zsi_core.errors import AnnotationError
from zsi_core.images import find_images
from zsi_core.instances.polygons import Part

DATA = "data.yaml"
MAX_LINE = 1 << 20
"""Characters of a line, some 50,000 points."""

_MAX_PAIRS = 4_000_000  # of points, among which the shortest bridge is looked for


def write_yolo(
    images: Iterable[LabelledImage],
    categories: Sequence[dict[str, Any]],
    target: Path,
    tally: Tally,
    *,
    copy_images: bool,
    split: bool,
) -> None:
    """Write `labels/`, `data.yaml` and, if wanted, `images/`; all images are in `train` unless `split`.

    Raises:
        AnnotationError: the folder is not empty, or cannot be written.
    """
    numbers = {category["id"]: number for number, category in enumerate(categories)}
    stems = Stems(tally)
    if any(category["id"] != number for number, category in enumerate(categories)):
        tally.note("file with class ids of its own: YOLO counts classes from 0")
    with new_folder(target) as folder:
        for image in images:
            count_losses(image, tally)
            part = "val" if split and image.in_val else "train"
            stem = stems.of(image)
            lines = [
                f"{numbers[annotation['category_id']]} {_line(annotation, image, tally)}\n"
                for annotation in image.annotations
            ]
            save_text(folder / "labels" / part / f"{stem}.txt", "".join(lines))
            if copy_images:
                suffix = Path(image.name).suffix
                copy_image(image, folder / "images" / part / f"{stem}{suffix}", tally)
        names = "".join(
            f"  {number}: {json.dumps(category['name'])}\n" for number, category in enumerate(categories)
        )
        val = "val" if split else "train"
        save_text(folder / DATA, f"train: images/train\nval: images/{val}\nnames:\n{names or '  {}'}")


def _line(annotation: dict[str, Any], image: LabelledImage, tally: Tally) -> str:
    parts = parts_of(annotation, image.size)
    if any(part.holes for part in parts):
        tally.note("objects with holes: filled", image.name)
    if len(parts) > 1:
        tally.note("objects of several parts: joined by a line of no width", image.name)
    if not parts:
        tally.note("objects with a box alone: written as the box's outline", image.name)
    ring = joined([part.outer for part in parts]) if parts else box_ring(annotation)
    height, width = image.size
    values = np.clip(ring / [width, height], 0, 1).ravel()
    return " ".join(f"{value:.6f}".rstrip("0").rstrip(".") for value in values)


def joined(rings: Sequence[np.ndarray]) -> np.ndarray:
    """One ring (P, 2) that runs around several, with bridges there and back between their nearest points."""
    path = rings[0]
    for ring in rings[1:]:
        i, j = _nearest(path, ring)
        detour = np.concatenate([np.roll(ring, -j, axis=0), ring[j : j + 1]])
        path = np.concatenate([path[: i + 1], detour, path[i:]])
    return path


def _nearest(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    if len(first) * len(second) > _MAX_PAIRS:
        return len(first) - 1, 0
    squares = ((first[:, None] - second[None]) ** 2).sum(axis=2)
    i, j = np.unravel_index(int(squares.argmin()), squares.shape)
    return int(i), int(j)


def read_yolo(path: Path, images_dir: Path, tally: Tally) -> dict[str, Any]:
    """A folder with `labels/` and `data.yaml`, or a folder of label files, as a COCO document.

    A label file belongs to the image of the same path and name in the image folder. Every image there is
    listed; lines of boxes (centre and size) become objects that have only a box.

    Raises:
        AnnotationError: there is no label file or no image, or a file cannot be read.
    """
    if path.is_file():
        path = path.parent
    labels = path / "labels" if (path / "labels").is_dir() else path
    names = _class_names(path)
    builder = DocumentBuilder(images_dir, tally)
    for name in names.values():
        builder.add_class(name)
    files = {
        file.relative_to(labels).with_suffix("").as_posix(): file for file in sorted(labels.rglob("*.txt"))
    }
    files.pop("classes", None)
    if not files:
        raise AnnotationError(f"{labels} holds no label file (.txt): name the folder of a YOLO data set")
    for listed in find_images([images_dir]):
        image = builder.add_image(listed.name)
        file = files.pop(Path(listed.name).with_suffix("").as_posix(), None) or files.pop(listed.name, None)
        if image is not None and file is not None:
            _read_file(file, image, names, builder)
    for file in files.values():
        tally.skip(f"label files without an image in {images_dir}", file.relative_to(labels).as_posix())
    return builder.document


def _read_file(file: Path, image: dict[str, Any], names: dict[int, str], builder: DocumentBuilder) -> None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{file} cannot be read ({error}): copy it again") from error
    size = np.array([image["width"], image["height"]], dtype=np.float64)
    for number, line in enumerate(text.splitlines(), 1):
        values = _numbers(line)
        if not line.strip():
            continue
        if values is None or len(values) < 5:
            builder.tally.skip("lines that are no labels", f"{file.name}, line {number}")
            continue
        label = names.get(int(values[0]), f"class {int(values[0])}")
        coordinates = values[1:] if len(values) % 2 else values[1:-1]  # a last one is the score
        if len(coordinates) == 4:
            (x, y), (width, height) = (np.array(coordinates).reshape(2, 2) * size).tolist()
            builder.add_box(image, label, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
        else:
            ring = np.array(coordinates).reshape(-1, 2) * size
            builder.add_parts(image, label, [Part(ring)])


def _numbers(line: str) -> list[float] | None:
    """Class and coordinates of a line; None where they make no sense."""
    if len(line) > MAX_LINE:
        return None
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        return None
    sensible = all(math.isfinite(value) and abs(value) <= 2 for value in values[1:])
    number = values[0] if values else -1
    return values if sensible and 0 <= number < 1e6 and number == int(number) else None


def _class_names(folder: Path) -> dict[int, str]:
    """Number -> name, from data.yaml or classes.txt; empty where there is neither."""
    for file in [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))]:
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            raise AnnotationError(f"{file} cannot be read ({error}): correct or remove it") from error
        names = content.get("names") if isinstance(content, dict) else None
        if isinstance(names, list):
            names = dict(enumerate(names))
        if isinstance(names, dict):
            # Nothing nested: with YAML's aliases, a short text can stand for an endless value.
            plain = {key: name for key, name in names.items() if isinstance(name, str | int | float)}
            return {key: str(name) for key, name in plain.items() if isinstance(key, int)}
    for file in (folder / "classes.txt", folder / "labels" / "classes.txt"):
        if file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            return {number: line.strip() for number, line in enumerate(lines) if line.strip()}
    return {}
