"""labelme's JSON files, one for each image. Holes are written as its shape "mask", parts share a group."""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zsi_core.coco.formats.building import DocumentBuilder, image_name
from zsi_core.coco.formats.common import (
    Stems,
    box_ring,
    copy_image,
    count_losses,
    mask_of,
    new_folder,
    parts_of,
    save_text,
)
from zsi_core.coco.formats.labelled_image import LabelledImage
from zsi_core.coco.json_file import load_json
from zsi_core.coco.tally import Tally
from zsi_core.coco.values import is_number, is_side
from zsi_core.errors import AnnotationError
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part

VERSION = "5.5.0"
"""Of labelme, whose shapes these are."""

CIRCLE_POINTS = 64


def write_labelme(
    images: Iterable[LabelledImage],
    categories: Sequence[dict[str, Any]],
    target: Path,
    tally: Tally,
    *,
    copy_images: bool,
) -> None:
    """Write a folder of JSON files.

    Raises:
        AnnotationError: the folder is not empty, or cannot be written.
    """
    names = {category["id"]: category["name"] for category in categories}
    stems = Stems(tally)
    with new_folder(target) as folder:
        for image in images:
            count_losses(image, tally, keeps=("iscrowd",))
            stem = stems.of(image)
            height, width = image.size
            if copy_images:
                copy_image(image, folder / image.name, tally)
                path = Path(image.name).name
            else:
                path = Path(os.path.relpath(image.path, (target / stem).parent)).as_posix()
            shapes = []
            for number, annotation in enumerate(image.annotations, 1):
                shapes += _shapes(annotation, names[annotation["category_id"]], number, image.size)
            document: dict[str, Any] = {
                "version": VERSION,
                "flags": {},
                "shapes": shapes,
                "imagePath": path,
                "imageData": None,
                "imageHeight": height,
                "imageWidth": width,
            }
            save_text(folder / f"{stem}.json", json.dumps(document, ensure_ascii=False, indent=1))


def _shapes(
    annotation: dict[str, Any], label: str, number: int, size: tuple[int, int]
) -> list[dict[str, Any]]:
    shape: dict[str, Any] = {
        "label": label,
        "points": [],
        "group_id": None,
        "description": "",
        "shape_type": "polygon",
        "flags": {"crowd": True} if annotation["iscrowd"] else {},
        "mask": None,
    }
    parts = parts_of(annotation, size)
    if not parts:
        corners = box_ring(annotation)[[0, 2]].tolist()
        return [{**shape, "shape_type": "rectangle", "points": corners}]
    mask = mask_of(annotation, size) if any(part.holes for part in parts) else None
    if mask is not None:
        x1, y1, x2, y2 = (int(edge) for edge in rles.boxes([mask])[0])
        pixels = rles.decode(mask)[y1:y2, x1:x2]
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        # Its corners are the first and the last pixel.
        corners = [[x1, y1], [x2 - 1, y2 - 1]]
        encoded = base64.b64encode(stream.getvalue()).decode("ascii")
        return [{**shape, "shape_type": "mask", "points": corners, "mask": encoded}]
    group = number if len(parts) > 1 else None
    return [{**shape, "group_id": group, "points": part.outer.tolist()} for part in parts]


def read_labelme(path: Path, images_dir: Path, tally: Tally) -> dict[str, Any]:
    """A labelme file, or all in a folder and below, as a COCO document.

    Shapes of one label and group are one object. Points and lines are left out.

    Raises:
        AnnotationError: a file cannot be read, or there is none.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    builder = DocumentBuilder(images_dir, tally)
    found = False
    for file in files:
        document = load_json(file)
        if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
            if path.is_dir():
                tally.skip("JSON files without shapes", file.name)
                continue
            raise AnnotationError(f"{file} is no file of labelme: it has no list of shapes")
        found = True
        _read_file(document, file, builder)
    if not found:
        raise AnnotationError(f"{path} holds no file of labelme: name the folder with its JSON files")
    return builder.document


def _read_file(document: dict[str, Any], file: Path, builder: DocumentBuilder) -> None:
    name = image_name(document.get("imagePath"), file, builder.images_dir)
    width, height = document.get("imageWidth"), document.get("imageHeight")
    stated = (width, height) if is_side(width) and is_side(height) else None
    image = builder.add_image(name, stated)
    if image is None:
        return
    groups: dict[tuple[str, Any], list[Part]] = {}
    for i, shape in enumerate(document["shapes"]):
        where = f"{file.name}: shapes[{i}]"
        if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
            builder.tally.skip("shapes without a label", where)
            continue
        points, kind = _points(shape.get("points")), shape.get("shape_type", "polygon")
        crowd = isinstance(shape.get("flags"), dict) and shape["flags"].get("crowd") is True
        label, group = shape["label"], shape.get("group_id")
        if points is None:
            builder.tally.skip("shapes with malformed points", where)
        elif kind == "rectangle" and len(points) in (2, 4):
            builder.add_box(image, label, (*points.min(axis=0), *points.max(axis=0)), crowd)
        elif kind == "mask" and len(points) == 2:
            mask = _pixels(shape.get("mask"), points, image)
            if mask is None:
                builder.tally.skip("masks that cannot be read", where)
            else:
                builder.add_mask(image, label, mask, crowd)
        elif kind in ("polygon", "circle") and len(points) >= 2:
            ring = _circle(points) if kind == "circle" else points
            if len(ring) < 3:
                builder.tally.skip("polygons with fewer than 3 points", where)
            elif isinstance(group, int):
                groups.setdefault((label, group), []).append(Part(ring))
            else:
                builder.add_parts(image, label, [Part(ring)], crowd)
        else:
            builder.tally.skip("points, lines and other shapes without an area", where)
    for (label, _), parts in groups.items():
        builder.add_parts(image, label, parts, False)


def _points(value: Any) -> np.ndarray | None:
    if not isinstance(value, list) or not value:
        return None
    for point in value:
        if not (isinstance(point, list) and len(point) == 2 and all(is_number(number) for number in point)):
            return None
    return np.array(value, dtype=np.float64)


def _circle(points: np.ndarray) -> np.ndarray:
    """Centre and a point of the circle as a polygon."""
    centre, edge = points[:2]
    angles = np.linspace(0, 2 * math.pi, CIRCLE_POINTS, endpoint=False)
    circle = centre + np.linalg.norm(edge - centre) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.round(circle, 2)


def _pixels(value: Any, points: np.ndarray, image: dict[str, Any]) -> np.ndarray | None:
    """(H, W) bool mask of the image, None where the value is no mask of it."""
    if not isinstance(value, str) or "width" not in image:
        return None
    (x1, y1), (x2, y2) = np.round(points).astype(int)
    try:
        with Image.open(io.BytesIO(base64.b64decode(value, validate=True)), formats=["PNG"]) as crop:
            if crop.size != (x2 - x1 + 1, y2 - y1 + 1):
                return None
            inside = np.asarray(crop.convert("L")) > 0
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError):
        return None
    if min(x1, y1) < 0 or x2 >= image["width"] or y2 >= image["height"]:
        return None
    pixels = np.zeros((image["height"], image["width"]), bool)
    pixels[y1 : y2 + 1, x1 : x2 + 1] = inside
    return pixels
