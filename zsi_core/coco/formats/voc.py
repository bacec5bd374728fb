"""Pascal VOC: boxes in XML files, class and object numbers as PNGs with VOC's colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from zsi_core.coco.file_stream import writing
from zsi_core.coco.formats.common import (
    Stems,
    copy_image,
    count_losses,
    mask_of,
    new_folder,
    save_text,
)
from zsi_core.coco.formats.labelled_image import LabelledImage
from zsi_core.coco.tally import Tally
from zsi_core.instances import rle as rles

MAX_NUMBER = 254
"""Largest number of a class or an object: 0 is background, 255 the border in VOC's own files."""


def write_voc(
    images: Iterable[LabelledImage],
    categories: Sequence[dict[str, Any]],
    target: Path,
    tally: Tally,
    *,
    copy_images: bool,
    split: bool,
) -> None:
    """Write `Annotations`, `SegmentationClass`, `SegmentationObject`, `ImageSets`, `labels.txt` and, if
    wanted, `JPEGImages`.

    Raises:
        AnnotationError: the folder is not empty, or cannot be written.
    """
    numbers = {category["id"]: number for number, category in enumerate(categories, 1)}
    names = {category["id"]: category["name"] for category in categories}
    stems = Stems(tally)
    sets: dict[str, list[str]] = {"train": [], "val": [], "trainval": []}
    with new_folder(target) as folder:
        for image in images:
            count_losses(image, tally, keeps=("iscrowd",))
            stem = stems.of(image)
            for name in ("trainval", "val" if split and image.in_val else "train"):
                sets[name].append(stem)
            save_text(folder / "Annotations" / f"{stem}.xml", _xml(image, names))
            by_class, by_object = _pixels(image, numbers, tally)
            _write_png(folder / "SegmentationClass" / f"{stem}.png", by_class)
            _write_png(folder / "SegmentationObject" / f"{stem}.png", by_object)
            if copy_images:
                suffix = Path(image.name).suffix
                copy_image(image, folder / "JPEGImages" / f"{stem}{suffix}", tally)
        for name, listed in sets.items():
            if listed:
                text = "".join(f"{stem}\n" for stem in listed)
                save_text(folder / "ImageSets" / "Segmentation" / f"{name}.txt", text)
        save_text(folder / "labels.txt", "".join(f"{name}\n" for name in ("background", *names.values())))


def _xml(image: LabelledImage, names: dict[int, str]) -> str:
    root = ElementTree.Element("annotation")
    *folders, name = image.name.split("/")
    _add(root, folder="/".join(folders) or "JPEGImages", filename=name)
    height, width = image.size
    _add(ElementTree.SubElement(root, "size"), width=width, height=height, depth=3)
    _add(root, segmented=1)
    for annotation in image.annotations:
        item = ElementTree.SubElement(root, "object")
        label = _xml_text(names[annotation["category_id"]])
        _add(item, name=label, pose="Unspecified", truncated=0, difficult=annotation["iscrowd"])
        x, y, w, h = annotation["bbox"]
        # VOC counts pixels from 1, the last one included.
        corners = {"xmin": x + 1, "ymin": y + 1, "xmax": x + w, "ymax": y + h}
        _add(ElementTree.SubElement(item, "bndbox"), **{key: f"{value:g}" for key, value in corners.items()})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(parent: ElementTree.Element, **values: object) -> None:
    for key, value in values.items():
        ElementTree.SubElement(parent, key).text = str(value)


def _xml_text(text: str) -> str:
    """Without control characters, which XML cannot hold."""
    return "".join(character for character in text if character.isprintable())


def _pixels(image: LabelledImage, numbers: dict[int, int], tally: Tally) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of classes and of objects, (H, W) uint8 each; later objects lie over earlier ones."""
    by_class, by_object = np.zeros(image.size, np.uint8), np.zeros(image.size, np.uint8)
    for number, annotation in enumerate(image.annotations, 1):
        mask = mask_of(annotation, image.size)
        if mask is None:
            tally.note("objects with a box alone: in the XML file, not in the masks", image.name)
            continue
        class_number = numbers[annotation["category_id"]]
        if number > MAX_NUMBER or class_number > MAX_NUMBER:
            tally.skip(f"masks of more than {MAX_NUMBER} objects in an image, or classes", image.name)
            continue
        inside = rles.decode(mask)
        if by_object[inside].any():
            tally.note("objects that lie over others: these lose the pixels below them", image.name)
        by_class[inside], by_object[inside] = class_number, number
    return by_class, by_object


def _write_png(path: Path, numbers: np.ndarray) -> None:
    picture = Image.fromarray(numbers)
    picture.putpalette(_PALETTE)
    with writing(path, "wb") as stream:
        picture.save(stream, "PNG")


def _voc_colour(number: int) -> list[int]:
    colour = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            colour[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return colour


_PALETTE = [value for number in range(256) for value in _voc_colour(number)]
