"""Mask images: a PNG with the numbers of objects, one with those of classes, and a list of what they mean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from zsi_core.coco.file_stream import writing
from zsi_core.coco.formats.building import DocumentBuilder
from zsi_core.coco.formats.common import Stems, copy_image, count_losses, mask_of, new_folder, save_text
from zsi_core.coco.formats.labelled_image import LabelledImage
from zsi_core.coco.json_file import load_json
from zsi_core.coco.tally import Tally
from zsi_core.coco.values import file_name_problem
from zsi_core.errors import AnnotationError
from zsi_core.images import find_images
from zsi_core.instances import rle as rles

LIST = "masks.json"
MAX_NUMBER = 65_535
VOID = 255
"""Pixels of no class in the class masks of most data sets."""


def write_masks(
    images: Iterable[LabelledImage],
    categories: Sequence[dict[str, Any]],
    target: Path,
    tally: Tally,
    *,
    copy_images: bool,
) -> None:
    """Write `objects/` (16-bit numbers of objects), `classes/` (numbers of classes), `masks.json` and, if
    wanted, `images/`.

    Raises:
        AnnotationError: the folder is not empty, or cannot be written.
    """
    numbers = {category["id"]: number for number, category in enumerate(categories, 1)}
    listed = []
    stems = Stems(tally)
    with new_folder(target) as folder:
        for image in images:
            count_losses(image, tally)
            stem = stems.of(image)
            by_class, by_object, objects = _pixels(image, numbers, tally)
            _write_png(folder / "objects" / f"{stem}.png", by_object)
            few = len(categories) < VOID
            _write_png(folder / "classes" / f"{stem}.png", by_class.astype(np.uint8) if few else by_class)
            listed.append({"file_name": image.name, "mask": f"{stem}.png", "objects": objects})
            if copy_images:
                copy_image(image, folder / "images" / image.name, tally)
        names = {numbers[category["id"]]: category["name"] for category in categories}
        save_text(folder / LIST, json.dumps({"classes": names, "images": listed}, indent=1))


def _pixels(
    image: LabelledImage, numbers: dict[int, int], tally: Tally
) -> tuple[np.ndarray, np.ndarray, list[dict[str, int]]]:
    """Numbers of classes and of objects, (H, W) uint16 each, and which object is of which class."""
    by_class, by_object = np.zeros(image.size, np.uint16), np.zeros(image.size, np.uint16)
    objects = []
    for number, annotation in enumerate(image.annotations, 1):
        mask = mask_of(annotation, image.size)
        if mask is None:
            tally.skip("objects with a box alone: they have no pixels", image.name)
            continue
        if number > MAX_NUMBER:
            tally.skip(f"masks of more than {MAX_NUMBER} objects in an image", image.name)
            continue
        inside = rles.decode(mask)
        if by_object[inside].any():
            tally.note("objects that lie over others: these lose the pixels below them", image.name)
        by_class[inside], by_object[inside] = numbers[annotation["category_id"]], number
        objects.append({"number": number, "class": numbers[annotation["category_id"]]})
    return by_class, by_object, objects


def _write_png(path: Path, numbers: np.ndarray) -> None:
    with writing(path, "wb") as stream:
        Image.fromarray(numbers).save(stream, "PNG")


def read_masks(path: Path, images_dir: Path, tally: Tally) -> dict[str, Any]:
    """A folder of mask images as a COCO document.

    With `masks.json`, every object comes back. Without it, a PNG of the name of an image holds numbers of
    classes (0 background, 255 nothing; 0 and 255 alone: one class), and every connected piece is an object.

    Raises:
        AnnotationError: there is no mask, or a file cannot be read.
    """
    builder = DocumentBuilder(images_dir, tally)
    if (path / LIST).is_file():
        _read_listed(path, builder)
    else:
        _read_plain(path, builder)
    return builder.document


def _read_listed(path: Path, builder: DocumentBuilder) -> None:
    document = load_json(path / LIST)
    names = document.get("classes") if isinstance(document, dict) else None
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(names, dict) or not isinstance(images, list):
        raise AnnotationError(f"{path / LIST} is not the list of a folder of masks: export it again")
    for name in names.values():
        builder.add_class(str(name))
    for i, entry in enumerate(images):
        name, file = (entry.get("file_name"), entry.get("mask")) if isinstance(entry, dict) else (None, None)
        if file_name_problem(name) or file_name_problem(file):
            builder.tally.skip("entries of masks.json without proper file names", f"images[{i}]")
            continue
        pixels = _read_png(path / "objects" / str(file))
        image = builder.add_image(str(name), (pixels.shape[1], pixels.shape[0]))
        objects = entry.get("objects")
        for item in objects if image is not None and isinstance(objects, list) else ():
            number, label = (item.get(key) if isinstance(item, dict) else None for key in ("number", "class"))
            inside = pixels == number if isinstance(number, int) else np.zeros_like(pixels, dtype=bool)
            assert image is not None
            builder.add_mask(image, str(names.get(str(label), f"class {label}")), inside)


def _read_plain(path: Path, builder: DocumentBuilder) -> None:
    masks = {file.relative_to(path).with_suffix("").as_posix(): file for file in sorted(path.rglob("*.png"))}
    names = _class_names(path)
    used = 0
    for found in find_images([builder.images_dir]):
        file = masks.get(Path(found.name).with_suffix("").as_posix())
        if file is None or file.samefile(found.path):
            continue
        used += 1
        pixels = _read_png(file)
        image = builder.add_image(found.name)
        if image is None:
            continue
        if pixels.shape != (image["height"], image["width"]):
            builder.tally.skip("masks of another size than their image", found.name)
            continue
        numbers = [int(number) for number in np.unique(pixels) if number]
        if numbers != [VOID]:
            numbers = [number for number in numbers if number != VOID]
        for number in numbers:
            label = names.get(number, "object" if number == VOID else f"class {number}")
            count, pieces = cv2.connectedComponents((pixels == number).astype(np.uint8), connectivity=8)
            for piece in range(1, count):
                builder.add_mask(image, label, pieces == piece)
    if not used:
        raise AnnotationError(
            f"{path} has no mask (.png) of the name of an image in {builder.images_dir}: check both folders"
        )


def _read_png(path: Path) -> np.ndarray:
    """(H, W) integers of a PNG: numbers, not colours."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode not in ("L", "P", "I", "I;16", "1"):
                raise AnnotationError(f"{path} is in colour: masks hold numbers of classes or objects")
            return np.asarray(image).astype(np.int64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AnnotationError(f"{path} cannot be read ({error}): export it again") from error


def _class_names(path: Path) -> dict[int, str]:
    for file in (path / "labels.txt", path.parent / "labels.txt"):
        if file.is_file():  # of VOC: background first
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            return {number: line.strip() for number, line in enumerate(lines) if line.strip()}
    return {}
