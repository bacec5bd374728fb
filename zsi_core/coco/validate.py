"""Find every fault of a COCO annotation file, however damaged or hostile, in bounded time and memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePosixPath
from typing import Any

from zsi_core.coco.check_annotation import AnnotationChecker, state
from zsi_core.coco.faults import Fault, Severity
from zsi_core.coco.json_file import load_json
from zsi_core.coco.source import DocumentSource, Source
from zsi_core.coco.stream import CocoStream, MalformedError
from zsi_core.coco.values import file_name_problem, is_id, is_side, shown
from zsi_core.errors import AnnotationError, ImageError
from zsi_core.images import find_images, image_size
from zsi_core.instances.rle import MAX_PIXELS
from zsi_core.semantics.names import class_key

MAX_LISTED = 1000
"""Faults of each severity that are listed; further ones are only counted."""

_LISTS = ("images", "annotations", "categories", "licenses")

# Fields with checks of their own, which notice NaN as well.
_OF_IMAGES = {"id", "file_name", "width", "height", "license"}
_OF_CATEGORIES = {"id", "name"}
_OF_ANNOTATIONS = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "score"}
_OF_RLE = {"size", "counts"}


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
    return _limited(_file_faults(Path(path), folder))


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


def _file_faults(path: Path, folder: Path | None) -> Iterator[Fault]:
    source: Source
    try:
        source = CocoStream(path)
    except MalformedError:
        # It says where in the file, and reads NaN, which is a fault to be listed.
        document = load_json(path, allow_nan=True)
        if isinstance(document, list):
            yield Fault(
                "file", "is a list, perhaps of detection results", "check the annotation file instead"
            )
            return
        if not isinstance(document, dict):
            yield Fault("file", f"must be a JSON object, but is {shown(document)}")
            return
        source = DocumentSource(path, document)
    yield from _list_faults(source)
    for key in source.keys():  # noqa: SIM118
        if key not in _LISTS:
            yield from _infinite_faults(source.value(key, None), key)

    licenses = _Objects(source, "licenses")
    yield from _id_faults(licenses)
    for where, raw in licenses:
        yield from _further_faults(raw, where, {"id"})
    license_ids = {raw["id"] for _, raw in licenses if is_id(raw.get("id"))}

    images = _Objects(source, "images")
    yield from _id_faults(images)
    yield from _same_name_faults(images)
    for where, raw in images:
        yield from _image_faults(raw, where, license_ids)
    if folder is not None:
        yield from _folder_faults(images, folder)

    categories = _Objects(source, "categories")
    yield from _id_faults(categories)
    yield from _category_faults(categories)

    annotations = _Objects(source, "annotations")
    yield from _id_faults(annotations)
    checker = AnnotationChecker(
        sizes={raw["id"]: _size(raw) for _, raw in images if is_id(raw.get("id"))},
        category_ids={raw["id"] for _, raw in categories if is_id(raw.get("id"))},
    )
    for where, raw in annotations:
        yield from checker.faults(raw, where)
        yield from _further_faults(raw, where, _OF_ANNOTATIONS)
        yield from _further_faults(raw.get("segmentation"), f"{where}.segmentation", _OF_RLE)


class _Objects:
    """(where it stands, object) for the entries of a list that are objects; decoded anew each time."""

    def __init__(self, source: Source, key: str) -> None:
        self._source, self._key = source, key

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        if _is_list(self._source, self._key):
            for i, entry in enumerate(self._source.entries(self._key)):
                if isinstance(entry, dict):
                    yield f"{self._key}[{i}]", entry


def _is_list(source: Source, key: str) -> bool:
    try:
        return source.count(key) > 0 or source.value(key, None) == []
    except AnnotationError:
        return False


def _list_faults(source: Source) -> Iterator[Fault]:
    """The lists of the file, and that they hold objects."""
    keys = set(source.keys())
    for key in _LISTS:
        if key not in keys:
            if key != "licenses":
                yield Fault(key, "must be a list, but is missing")
        elif not _is_list(source, key):
            yield Fault(key, f"must be a list, but is {shown(source.value(key, None))}")
        else:
            for i, entry in enumerate(source.entries(key)):
                if not isinstance(entry, dict):
                    yield Fault(f"{key}[{i}]", f"must be an object, but is {shown(entry)}")


def _id_faults(entries: _Objects) -> Iterator[Fault]:
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
    yield from _further_faults(raw, where, _OF_IMAGES)


def _same_name_faults(images: _Objects) -> Iterator[Fault]:
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


def _category_faults(categories: _Objects) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for where, raw in categories:
        name = raw.get("name")
        if not (isinstance(name, str) and name.strip()):
            yield Fault(f"{where}.name", f"must be a class name, but {state(raw, 'name')}")
        elif (earlier := first.setdefault(class_key(name), where)) != where:
            what = f"{shown(name)} is the same class as {earlier}"
            yield Fault(f"{where}.name", what, "merge them, or tell them apart", Severity.WARNING)
        yield from _further_faults(raw, where, _OF_CATEGORIES)


def _folder_faults(images: _Objects, folder: Path) -> Iterator[Fault]:
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


def _further_faults(raw: Any, where: str, checked: AbstractSet[str]) -> Iterator[Fault]:
    """Those of fields without a check of their own."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            if key not in checked:
                yield from _infinite_faults(value, f"{where}.{key}")


def _infinite_faults(value: Any, where: str) -> Iterator[Fault]:
    """NaN and infinity: JSON cannot hold them, so no reader must."""
    waiting = [(where, value)]
    while waiting:
        place, inner = waiting.pop()
        if isinstance(inner, float) and not math.isfinite(inner):
            yield Fault(place, f"must be a finite number, but is {inner}")
        elif isinstance(inner, dict):
            waiting += ((f"{place}.{key}", inner[key]) for key in reversed(inner))
        elif isinstance(inner, list):
            waiting += ((f"{place}[{i}]", inner[i]) for i in reversed(range(len(inner))))
