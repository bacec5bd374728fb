"""Make sense of an annotation file of unknown origin: what can be mended is, the rest is left out and told.

Import and `zsi validate --fix` follow the same rules, which are these. What makes a file useless or hostile
(no JSON, NaN, paths that lead out of the image folder) is refused as a whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from zsi_core.coco.mend_annotation import MendedAnnotation, mended_annotation
from zsi_core.coco.mend_values import IdKey, Ids, extras, id_key, readable
from zsi_core.coco.ring_batch import with_rings
from zsi_core.coco.source import Source
from zsi_core.coco.tally import Tally
from zsi_core.coco.values import file_name_problem, is_side, shown
from zsi_core.errors import AnnotationError, ImageError
from zsi_core.images import image_size
from zsi_core.instances.rle import MAX_PIXELS
from zsi_core.semantics.names import class_key, tidy

NAMELESS = "object"
"""Class of objects that have none."""

MAX_EXTRA = 16 << 20
"""Characters of a further value at the top of a file that is passed on; it is kept in memory."""

_IMAGE_KEYS = frozenset({"id", "file_name", "width", "height", "license"})
_TOP_KEYS = frozenset({"info", "licenses", "images", "annotations", "categories"})
_CATEGORY_KEYS = frozenset({"id", "name", "supercategory"})


@dataclass(frozen=True, slots=True)
class MendedImage:
    """An image; `width` and `height` are None where neither the file nor the image says them."""

    id: int
    file_name: str
    width: int | None
    height: int | None
    license: int | None
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MendedCategory:
    """A class; every `class_key` of a name occurs once."""

    id: int
    name: str
    supercategory: str
    extra: Mapping[str, Any]


class Mender:
    """Reads a source by the rules of this module.

    Attributes:
        tally: what was changed and left out.
        images, categories: in the order of the file; `annotations` may add categories.
        info, licenses: of the file.
        extra: further keys at its top, which the program only passes on.
    """

    def __init__(
        self,
        source: Source,
        tally: Tally,
        images_dir: Path | None = None,
        on_image: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            images_dir: folder of the images; if given, missing files and other sizes are noted, and sizes
                that the file does not say are read there.
            on_image: called for every image that was read; what it raises ends the reading.

        Raises:
            AnnotationError: the file cannot be read, an image lies outside of the image folder, or there is
                no image.
        """
        self.tally = tally
        self._source, self._images_dir, self._on_image = source, images_dir, on_image
        info = source.value("info", {})
        self.info: dict[str, Any] = extras(info, frozenset(), tally, "info") if isinstance(info, dict) else {}
        self.extra = self._read_extra()
        self.licenses = self._read_licenses()
        self._image_of: dict[IdKey, MendedImage] = {}
        self.images = self._read_images()
        if not self.images:
            raise AnnotationError(f"{source.path} lists no image: check that it is the right file")
        self._name_of: dict[IdKey, str] = {}
        self._by_name: dict[str, MendedCategory] = {}
        self._category_ids = Ids()
        self.categories = self._read_categories()

    # ---- the top of the file

    def _read_extra(self) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for key in [key for key in self._source.keys() if key not in _TOP_KEYS]:  # noqa: SIM118
            found = extras({key: self._source.value(key, None)}, _TOP_KEYS, self.tally, "the file")
            if len(json.dumps(found)) > MAX_EXTRA:
                self.tally.skip(f"further values at the top of the file, of more than {MAX_EXTRA} bytes", key)
            else:
                kept |= found
        return kept

    def _read_licenses(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        ids: set[int] = set()
        for i, raw in enumerate(self._source.entries("licenses")):
            key = id_key(raw.get("id")) if isinstance(raw, dict) else None
            if not isinstance(key, int) or key in ids:
                self.tally.skip("licenses without an id of their own", f"licenses[{i}]")
                continue
            ids.add(key)
            found.append({"id": key, **extras(raw, frozenset({"id"}), self.tally, f"licenses[{i}]")})
        return found

    # ---- images

    def _read_images(self) -> list[MendedImage]:
        licenses = {license["id"] for license in self.licenses}
        ids = Ids()
        by_name: dict[str, MendedImage] = {}
        owner: dict[IdKey, str] = {}
        unnumbered: list[str] = []
        for i, raw in enumerate(self._source.entries("images")):
            self._on_image()
            where = f"images[{i}]"
            if not isinstance(raw, dict):
                self.tally.skip("entries of images that are no objects", where)
                continue
            name = self._file_name(raw.get("file_name"), where)
            if name is None:
                continue
            key = id_key(raw.get("id"))
            if name in by_name:
                self.tally.change("images that are listed twice: merged", f"{where} {name}")
            else:
                image = self._image(raw, name, licenses, where)
                if key is not None and key in owner:
                    self.tally.change(
                        "images whose id another one has: numbered anew, objects stay with the first", where
                    )
                    unnumbered.append(name)
                elif ids.keep(key):
                    image = replace(image, id=int(key or 0))
                else:
                    self.tally.change("images whose id is no ordinary integer: numbered anew", where)
                    unnumbered.append(name)
                by_name[name] = image
            if key is not None:
                owner.setdefault(key, name)
        for name in unnumbered:
            by_name[name] = replace(by_name[name], id=ids.new())
        self._image_of = {key: by_name[name] for key, name in owner.items()}
        return list(by_name.values())

    def _file_name(self, name: Any, where: str) -> str | None:
        """The path of an image below the image folder; None where it has to be left out."""
        if not isinstance(name, str) or not name.strip():
            self.tally.skip("images without a file name, and their objects", where)
            return None
        if not readable(name):
            self.tally.skip("images whose file name is no valid text, and their objects", where)
            return None
        if self._images_dir is not None and Path(name).is_absolute():
            folder = Path(os.path.abspath(self._images_dir))  # noqa: PTH100
            if Path(name).is_relative_to(folder) and ".." not in Path(name).parts:
                self.tally.change("absolute file names: made relative to the image folder", where)
                name = Path(name).relative_to(folder).as_posix()
        if problem := file_name_problem(name):
            raise AnnotationError(
                f"{self._source.path}: {where}.file_name {problem}, but is {shown(name)}: correct it there; "
                "nothing was read"
            )
        path = PurePosixPath(name.replace("\\", "/")).as_posix()
        if path != name:
            self.tally.change("file names with backslashes or doubled slashes: written with /", where)
        return path

    def _image(self, raw: dict[str, Any], name: str, licenses: set[int], where: str) -> MendedImage:
        width, height = raw.get("width"), raw.get("height")
        stated: tuple[int, int] | None = None
        if is_side(width) and is_side(height) and width * height <= MAX_PIXELS:
            stated = (width, height)
        size = self._checked_size(name, stated)
        if size is None:
            self.tally.note("images whose size is not known", f"{where} {name}")
        elif stated is None:
            self.tally.change("images without a size: read from the image", f"{where} {name}")
        license = raw.get("license")
        if license is not None and not (type(license) is int and license in licenses):
            self.tally.change("licenses of images that the file does not list: left out", where)
            license = None
        extra = extras(raw, _IMAGE_KEYS, self.tally, where)
        width, height = size or (None, None)
        return MendedImage(0, name, width, height, license, extra)

    def _checked_size(self, name: str, stated: tuple[int, int] | None) -> tuple[int, int] | None:
        """(width, height), as stated, or else as the image itself says."""
        if self._images_dir is None:
            return stated
        path = self._images_dir / name
        if not path.exists():
            self.tally.note(f"images that are not in {self._images_dir}: listed all the same", name)
            return stated
        try:
            real = image_size(path)
        except ImageError:
            self.tally.note("images that cannot be read: listed all the same", name)
            return stated
        if stated is not None and stated != real:
            turned = stated == (real[1], real[0])
            self.tally.note(
                "images whose size is stated before EXIF rotation: check their objects"
                if turned
                else "images that have another size than the file says: check their objects",
                f"{name}: {real[0]} x {real[1]}, stated {stated[0]} x {stated[1]}",
            )
        return stated or real

    # ---- categories

    def _read_categories(self) -> list[MendedCategory]:
        unnumbered: list[MendedCategory] = []
        for i, raw in enumerate(self._source.entries("categories")):
            where = f"categories[{i}]"
            if not isinstance(raw, dict):
                self.tally.skip("entries of categories that are no objects", where)
                continue
            key = id_key(raw.get("id"))
            name = self._category_name(raw, key, where)
            if class_key(name) in self._by_name:
                self.tally.change("classes that are listed twice: merged", f"{where} {name}")
            else:
                parent = raw.get("supercategory")
                category = MendedCategory(
                    0,
                    tidy(name),
                    parent if isinstance(parent, str) and readable(parent) else "",
                    extras(raw, _CATEGORY_KEYS, self.tally, where),
                )
                if (key is None or key not in self._name_of) and self._category_ids.keep(key):
                    category = replace(category, id=int(key or 0))
                else:
                    self.tally.change("classes whose id is no integer of their own: numbered anew", where)
                    unnumbered.append(category)
                self._by_name[class_key(name)] = category
            if key is not None:
                self._name_of.setdefault(key, class_key(name))
        for category in unnumbered:
            self._by_name[class_key(category.name)] = replace(category, id=self._category_ids.new())
        return list(self._by_name.values())

    def _category_name(self, raw: dict[str, Any], key: IdKey | None, where: str) -> str:
        name = raw.get("name")
        if not isinstance(name, str) or not name.strip():
            self.tally.change("classes without a name: named after their id", where)
            return NAMELESS if key is None else _named_after(key)
        if readable(name):
            return name
        self.tally.change("class names with half characters: written with ?", where)
        return name.encode("utf-8", "replace").decode("utf-8")

    def _category(self, raw: dict[str, Any], index: int) -> MendedCategory:
        """The class of an object."""
        key = id_key(raw.get("category_id"))
        if key is not None and key in self._name_of:
            return self._by_name[self._name_of[key]]
        if key is None:
            name = NAMELESS
            self.tally.change(f"objects without a class: they get “{name}”", f"annotations[{index}]")
        else:
            name = _named_after(key)
            self._name_of[key] = class_key(name)
            self.tally.change("classes that the file does not list: named after their id", name)
        if class_key(name) not in self._by_name:
            new_id = int(key or 0) if self._category_ids.keep(key) else self._category_ids.new()
            category = MendedCategory(new_id, tidy(name), "", {})
            self._by_name[class_key(name)] = category
            self.categories.append(category)
        return self._by_name[class_key(name)]

    # ---- annotations

    def annotations(self) -> Iterator[MendedAnnotation]:
        """All objects that make sense, in the order of the file; those that need a new id come last."""
        waiting: list[MendedAnnotation] = []
        ids = Ids()
        for i, (raw, rings) in enumerate(with_rings(self._source.entries("annotations"))):
            mended = self._annotation(raw, rings, i)
            if mended is None:
                continue
            key = id_key(mended.raw.get("id"))
            if ids.keep(key):
                mended.id = int(key or 0)
                yield mended
            else:
                self.tally.change(
                    "objects whose id is missing, taken or no integer: numbered anew", f"annotations[{i}]"
                )
                waiting.append(mended)
        for mended in waiting:
            mended.id = ids.new()
            yield mended

    def _annotation(self, raw: Any, rings: list[np.ndarray] | None, index: int) -> MendedAnnotation | None:
        if not isinstance(raw, dict):
            self.tally.skip("entries of annotations that are no objects", f"annotations[{index}]")
            return None
        key = id_key(raw.get("image_id"))
        image = self._image_of.get(key) if key is not None else None
        if image is None:
            self.tally.skip("objects of an image that is not listed", f"annotations[{index}]")
            return None
        mended = mended_annotation(raw, rings, image.width, image.height, self.tally, index)
        if mended is None:
            return None
        mended.image = image
        mended.category = self._category(raw, index)
        return mended


def _named_after(key: IdKey) -> str:
    text = f"category {key}"
    return tidy(text)[:60] if readable(text) else NAMELESS
