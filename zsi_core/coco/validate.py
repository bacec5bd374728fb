"""Find every fault of a COCO annotation file, however damaged or hostile, in bounded time and memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from zsi_core.coco.check_annotation import AnnotationChecker, state
from zsi_core.coco.faults import Fault, Severity
from zsi_core.coco.json_file import load_json
from zsi_core.coco.values import file_name_problem, is_id, is_side, shown
from zsi_core.errors import AnnotationError, ImageError
from zsi_core.images import find_images, image_size
from zsi_core.instances.rle import MAX_PIXELS
from zsi_core.semantics.names import class_key

MAX_LISTED = 1000
"""Faults of each severity that are listed; further ones are only counted."""

# These have checks of their own, which notice NaN as well.
_CHECKED_FIELDS = {"id", "file_name", "width", "height", "license", "image_id", "category_id", "name"}
_CHECKED_FIELDS |= {"bbox", "area", "iscrowd", "segmentation", "score"}


def validate(path: str | Path, images_dir: str | Path | None = None) -> list[Fault]:
    """Check an annotation file: structure, references, file names, numbers and geometry.

    Args:
        path: the file.
        images_dir: folder of its images; if given, they must exist, be readable and have the stated size.

    Returns:
        The faults in the order of the file, errors and warnings; at most `MAX_LISTED` of each, and then one
        with the number of those left out. Without errors, `read_coco` accepts the file.

    Raises:
        AnnotationError: the file cannot be read or is not JSON, or `images_dir` is not a folder.
    """
    folder = None if images_dir is None else Path(images_dir)
    if folder is not None and not folder.is_dir():
        raise AnnotationError(f"{folder} is not a folder: name the folder that the file's images lie in")
    return _limited(_document_faults(load_json(path, allow_nan=True), folder))


def _limited(faults: Iterable[Fault]) -> list[Fault]:
    listed: list[Fault] = []
    counts = dict.fromkeys(Severity, 0)
    for fault in faults:
        counts[fault.severity] += 1
        if counts[fault.severity] <= MAX_LISTED:
            listed.append(fault)
    for severity, count in counts.items():
        if count > MAX_LISTED:
            left_out = f"{count - MAX_LISTED} more {severity}s are not listed"
            listed.append(Fault("file", left_out, "correct those above first", severity))
    return listed


def _document_faults(document: Any, folder: Path | None) -> Iterator[Fault]:
    if isinstance(document, list):
        yield Fault("file", "is a list, perhaps of detection results", "check the annotation file instead")
        return
    if not isinstance(document, dict):
        yield Fault("file", f"must be a JSON object, but is {shown(document)}")
        return
    yield from _list_faults(document)
    yield from _infinite_faults({key: document.get(key) for key in ("info", "licenses")}, "")

    licenses, images, categories, annotations = (
        _objects(document, key) for key in ("licenses", "images", "categories", "annotations")
    )
    yield from _id_faults(licenses)
    license_ids = {raw["id"] for _, raw in licenses if is_id(raw.get("id"))}

    yield from _id_faults(images)
    yield from _same_name_faults(images)
    for where, raw in images:
        yield from _image_faults(raw, where, license_ids)
    if folder is not None:
        yield from _folder_faults(images, folder)

    yield from _id_faults(categories)
    yield from _category_faults(categories)

    yield from _id_faults(annotations)
    checker = AnnotationChecker(
        sizes={raw["id"]: _size(raw) for _, raw in images if is_id(raw.get("id"))},
        category_ids={raw["id"] for _, raw in categories if is_id(raw.get("id"))},
    )
    for where, raw in annotations:
        yield from checker.faults(raw, where)
        yield from _infinite_faults(raw, where)


def _list_faults(document: dict[str, Any]) -> Iterator[Fault]:
    """The lists of the file, and that they hold objects."""
    for key in ("images", "annotations", "categories", "licenses"):
        if key not in document and key == "licenses":
            continue
        entries = document.get(key)
        if not isinstance(entries, list):
            yield Fault(key, f"must be a list, but {state(document, key)}")
            continue
        for i, entry in enumerate(entries):
            if not isinstance(entry, dict):
                yield Fault(f"{key}[{i}]", f"must be an object, but is {shown(entry)}")


def _objects(document: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    """(where it stands, object) for the entries of a list that are objects."""
    entries = document.get(key)
    if not isinstance(entries, list):
        return []
    return [(f"{key}[{i}]", entry) for i, entry in enumerate(entries) if isinstance(entry, dict)]


def _id_faults(entries: list[tuple[str, dict[str, Any]]]) -> Iterator[Fault]:
    first: dict[int, str] = {}
    for where, raw in entries:
        value = raw.get("id")
        if not is_id(value):
            yield Fault(f"{where}.id", f"must be an integer, but {state(raw, 'id')}")
        elif value in first:
            yield Fault(f"{where}.id", f"{value} is the id of {first[value]} as well", "give it a new one")
        else:
            first[value] = where


def _image_faults(raw: dict[str, Any], where: str, license_ids: set[int]) -> Iterator[Fault]:
    if problem := file_name_problem(raw.get("file_name")):
        yield Fault(f"{where}.file_name", f"{problem}, but {state(raw, 'file_name')}")
    for side in ("width", "height"):
        if not is_side(raw.get(side)):
            yield Fault(f"{where}.{side}", f"must be a number of pixels, but {state(raw, side)}")
    if is_side(raw.get("height")) and is_side(raw.get("width")) and not _size(raw):
        yield Fault(where, f"{raw['width']} x {raw['height']} pixels are more than the {MAX_PIXELS} possible")
    license = raw.get("license")
    if license is not None and not (is_id(license) and license in license_ids):
        yield Fault(f"{where}.license", f"{shown(license)} is not the id of any license of the file")
    yield from _infinite_faults(raw, where)


def _same_name_faults(images: list[tuple[str, dict[str, Any]]]) -> Iterator[Fault]:
    first: dict[str, tuple[str, str]] = {}
    for where, raw in images:
        name = raw.get("file_name")
        if not isinstance(name, str):
            continue
        path = name.replace("\\", "/")
        earlier, earlier_path = first.setdefault(path.casefold(), (where, path))
        if earlier == where:
            continue
        if path == earlier_path:
            hint = "keep sub-folders in the name, or merge the two"
            yield Fault(f"{where}.file_name", f"{shown(name)} is the name of {earlier} as well", hint)
        else:
            what = f"{shown(name)} differs from the name of {earlier} only in upper and lower case"
            yield Fault(f"{where}.file_name", what, "they are one file on many computers", Severity.WARNING)


def _category_faults(categories: list[tuple[str, dict[str, Any]]]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for where, raw in categories:
        name = raw.get("name")
        if not (isinstance(name, str) and name.strip()):
            yield Fault(f"{where}.name", f"must be a class name, but {state(raw, 'name')}")
        elif (earlier := first.setdefault(class_key(name), where)) != where:
            what = f"{shown(name)} is the same class as {earlier}"
            yield Fault(f"{where}.name", what, "merge them, or tell them apart", Severity.WARNING)
        yield from _infinite_faults(raw, where)


def _folder_faults(images: list[tuple[str, dict[str, Any]]], folder: Path) -> Iterator[Fault]:
    listed = set()
    for where, raw in images:
        if file_name_problem(raw.get("file_name")):
            continue
        parts = PurePosixPath(raw["file_name"].replace("\\", "/")).parts
        listed.add("/".join(parts))
        try:
            width, height = image_size(Path(folder, *parts))
        except ImageError as error:
            yield Fault(f"{where}.file_name", str(error))
            continue
        stated = _size(raw)
        if stated and stated != (height, width):
            turned = "; sizes count after EXIF rotation" if stated == (width, height) else ""
            what = f"is {stated[1]} x {stated[0]} pixels, but the file has {width} x {height}{turned}"
            yield Fault(where, what, "correct width and height, or check that it is the same image")
    extra = sum(found.name not in listed for found in find_images([folder]))
    if extra:
        what = f"{extra} of the image files in the folder are missing from the list"
        yield Fault("images", what, "list images without objects, too", Severity.WARNING)


def _size(raw: dict[str, Any]) -> tuple[int, int] | None:
    """(height, width) of an image, None where the file gives no sensible one."""
    height, width = raw.get("height"), raw.get("width")
    if is_side(height) and is_side(width) and height * width <= MAX_PIXELS:
        return height, width
    return None


def _infinite_faults(raw: dict[str, Any], where: str) -> Iterator[Fault]:
    """NaN and infinity in fields without a check of their own: JSON cannot hold them, so no reader must."""
    waiting: list[tuple[str, Any]] = [
        (f"{where}.{key}" if where else key, value)
        for key, value in reversed(raw.items())
        if key not in _CHECKED_FIELDS
    ]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            yield Fault(place, f"must be a finite number, but is {value}")
        elif isinstance(value, dict):
            waiting += ((f"{place}.{key}", inner) for key, inner in reversed(value.items()))
        elif isinstance(value, list):
            waiting += ((f"{place}[{i}]", value[i]) for i in reversed(range(len(value))))
