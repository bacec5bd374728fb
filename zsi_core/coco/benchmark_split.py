"""The annotation files of a zero-shot benchmark from those of COCO (section 5.1 of the paper).

    training    images that show no unseen class, with the objects of the seen classes
    ZSI test    images that show an unseen class, with the objects of the unseen classes
    GZSI test   the objects of all classes of the split, on the images that `GZSI_IMAGES` says

Images and annotations are copied as they are, with their ids. Categories stand in the order of the split,
from which the authors' programs take their class numbers. Files are read and written entry by entry.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from zsi_core.coco.stream import CocoStream
from zsi_core.coco.values import is_box, is_number, shown
from zsi_core.errors import AnnotationError
from zsi_core.files import atomic_write
from zsi_core.semantics.names import class_key
from zsi_core.semantics.split import ClassSplit

MIN_SIDE = 32
"""Training images with a shorter side are left out, as by the authors."""

GZSI_IMAGES = {"coco_65_15": "unseen"}
"""Which images the GZSI test has: those of the ZSI test ("unseen"), as in the published lists of 65/15, or by
default all that show any class of the split. For 48/17 the published figures allow only the latter: unseen
mAP falls from ZSI to GZSI although the unseen results are the same."""


PASSES_TRAINING, PASSES_TEST = 2, 3
"""How often the entries of a file are read, for a bar of progress."""


@dataclass(frozen=True)
class CheckValue:
    """Published counts of a ZSI test set: images, unseen objects, and objects of all classes on them."""

    images: int
    unseen: int
    objects: int


VAL2014_IMAGES = 40_504
CHECK_VALUES = {"coco_65_15": CheckValue(10_098, 16_388, 68_169)}
"""Counted from the published lists of test images of val2014."""


@dataclass
class SetCounts:
    """What a written file holds.

    Attributes:
        images: all of them.
        crowd_only_images: those of a ZSI test on which the unseen classes appear as crowds only.
        seen, unseen: objects, without crowds.
        crowds: crowd regions.
    """

    images: int = 0
    crowd_only_images: int = 0
    seen: int = 0
    unseen: int = 0
    crowds: int = 0


class BenchmarkSource:
    """An annotation file in the layout of COCO's releases, and what each of its categories is to a split."""

    def __init__(
        self, path: str | Path, split: ClassSplit, on_read: Callable[[int], None] = lambda _: None
    ) -> None:
        """
        Args:
            path: the file, instances_train2014.json for example.
            split: seen and unseen classes.
            on_read: told now and then how many bytes of entries were read since it was told last.

        Raises:
            AnnotationError: the file cannot be read, or lacks classes of the split.
        """
        self.split = split
        self.stream = CocoStream(path, on_read)
        by_key = {class_key(str(c.get("name"))): c for c in self.stream.objects("categories", "id")}
        if missing := [n for n in (*split.seen, *split.unseen) if class_key(n) not in by_key]:
            raise AnnotationError(
                f"{path} lacks {len(missing)} classes of the split {split.name}: {', '.join(missing[:5])}"
                f"{' ...' if len(missing) > 5 else ''}; name an instances file of COCO, or another split"
            )
        self.seen = {by_key[class_key(name)]["id"]: by_key[class_key(name)] for name in split.seen}
        self.unseen = {by_key[class_key(name)]["id"]: by_key[class_key(name)] for name in split.unseen}

    def annotations(self) -> Iterator[dict[str, Any]]:
        """All annotations of the file."""
        return self.stream.objects("annotations", "image_id", "category_id")

    def check_value(self) -> CheckValue | None:
        """What the test sets must hold, if this file is the whole of val2014 and the lists are published."""
        names = [str(image.get("file_name")) for image in self.stream.objects("images", "id")]
        is_val2014 = len(names) == VAL2014_IMAGES and all(n.startswith("COCO_val2014_") for n in names)
        return CHECK_VALUES.get(self.split.name) if is_val2014 else None

    def write_training_set(self, target: Path) -> SetCounts:
        """Write the training images.

        An image on which anything of an unseen class is annotated, be it a crowd or a speck, is left out.
        Annotations that the authors' loader skips are left out too: marked `ignore`, without area, or with a
        side under a pixel; then images without any annotation, or with a side under `MIN_SIDE`.

        Raises:
            AnnotationError: nothing is left, or a file cannot be read or written.
        """
        unseen_on: set[int] = set()
        labelled: set[int] = set()
        for annotation in self.annotations():
            if annotation["category_id"] in self.unseen:
                unseen_on.add(annotation["image_id"])
            elif annotation["category_id"] in self.seen and self._is_trained_on(annotation):
                labelled.add(annotation["image_id"])
        return self._write(target, "training", labelled - unseen_on, self.seen, self._is_trained_on, MIN_SIDE)

    def write_test_sets(self, zsi: Path, gzsi: Path) -> tuple[SetCounts, SetCounts]:
        """Write the images of both tests.

        Annotations that training leaves out stay: the authors' evaluation sees them too.

        Raises:
            AnnotationError: nothing is left, or a file cannot be read or written.
        """
        shows_any: set[int] = set()
        shows_unseen: set[int] = set()
        has_unseen_object: set[int] = set()
        for annotation in self.annotations():
            image, category = annotation["image_id"], annotation["category_id"]
            if category in self.unseen:
                shows_unseen.add(image)
                if not annotation.get("iscrowd"):
                    has_unseen_object.add(image)
            if category in self.unseen or category in self.seen:
                shows_any.add(image)
        images = shows_unseen if GZSI_IMAGES.get(self.split.name) == "unseen" else shows_any
        everything = {**self.seen, **self.unseen}
        counts = (
            self._write(zsi, "ZSI test", shows_unseen, self.unseen),
            self._write(gzsi, "GZSI test", images, everything),
        )
        counts[0].crowd_only_images = len(shows_unseen - has_unseen_object)
        return counts

    def _is_trained_on(self, annotation: dict[str, Any]) -> bool:
        """Whether the authors' loader takes an annotation."""
        box = annotation.get("bbox")
        if not is_box(box):
            raise AnnotationError(
                f"{self.stream.path}: bbox of annotation {shown(annotation.get('id'))} must be "
                f"[x, y, width, height], but is {shown(box)}; `zsi validate` lists every fault of the file"
            )
        area = annotation.get("area")
        empty = is_number(area) and area <= 0
        return not (annotation.get("ignore") or empty or min(box[2:]) < 1)

    def _write(
        self,
        target: Path,
        role: str,
        image_ids: AbstractSet[int],
        categories: Mapping[int, dict[str, Any]],
        keep: Callable[[dict[str, Any]], bool] = lambda _: True,
        min_side: int = 0,
    ) -> SetCounts:
        counts = SetCounts()
        known: set[int] = set()
        written: set[int] = set()

        def images() -> Iterator[dict[str, Any]]:
            for image in self.stream.objects("images", "id", "width", "height"):
                known.add(image["id"])
                if image["id"] in image_ids and min(image["width"], image["height"]) >= min_side:
                    written.add(image["id"])
                    yield image

        def annotations() -> Iterator[dict[str, Any]]:
            for annotation in self.annotations():
                category = annotation["category_id"]
                if annotation["image_id"] in written and category in categories and keep(annotation):
                    if annotation.get("iscrowd"):
                        counts.crowds += 1
                    elif category in self.seen:
                        counts.seen += 1
                    else:
                        counts.unseen += 1
                    yield annotation

        info = self.stream.value("info", {})
        origin = {"split": self.split.name, "set": role, "source": self.stream.path.name}
        try:
            with atomic_write(target, "w") as stream:
                stream.write('{"info":' + _json({**(info if isinstance(info, dict) else {}), "zsi": origin}))
                stream.write(',"licenses":' + _json(self.stream.value("licenses", [])))
                stream.write(',"categories":' + _json(list(categories.values())))
                _write_list(stream, "images", images())
                if strangers := image_ids - known:
                    raise AnnotationError(
                        f"{self.stream.path} has annotations of image {min(strangers)}, but does not list "
                        "that image: `zsi validate` lists every fault of the file"
                    )
                if not written:
                    raise AnnotationError(
                        f"{self.stream.path} has no image for the {role} set of {self.split.name}: "
                        "check the file and the split"
                    )
                _write_list(stream, "annotations", annotations())
                stream.write("}\n")
        except OSError as error:
            raise AnnotationError(
                f"{target} cannot be written ({error.strerror}): check that the folder may be written to and "
                "has space left"
            ) from error
        counts.images = len(written)
        return counts


def _write_list(stream: IO[str], key: str, entries: Iterable[dict[str, Any]]) -> None:
    stream.write(f',"{key}":[')
    for i, entry in enumerate(entries):
        stream.write(",\n" if i else "\n")
        stream.write(_json(entry))
    stream.write("]")


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
