"""`ImportAnnotations`: everything that an annotation file holds, as one step of undo, or nothing of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.exchange.class_looks import look_of
from app.exchange.incoming import read_shapes
from app.no_collection import no_collection
from app.project.commands import AddClass, AddImages, AddObjects, Command, NewImage, SetImageState, SetInfo
from app.project.commands.images import EXTRA, INFO, LICENSES
from app.project.geometry import Geometry, encode
from app.project.records import CocoValues, ObjectRecord
from app.project.root import image_name, read_root
from app.project.rows import Rows
from zsi_core.coco.mend import MendedCategory, MendedImage, Mender
from zsi_core.coco.mend_annotation import MendedAnnotation
from zsi_core.coco.source import Source
from zsi_core.coco.tally import Tally
from zsi_core.semantics.names import class_key, name_problem

IMPORTED = "import"
"""The "tool" of objects whose file says nothing about who made them."""

THERE = "objects that the project has already"

BATCH = 1000

Progress = Callable[[int, int, str], None]
"""Told how many objects are read, of how many, and that in words; what it raises ends the work."""


class ImportAnnotations(Command):
    """Add images, classes and objects of an annotation file to a project.

    Ids of the file are kept where they are free. An image or class that the project has is not added again;
    neither is an object that it has already, by its uuid or by image, class and geometry.
    """

    def __init__(
        self,
        source: Source,
        images_dir: Path,
        tally: Tally,
        progress: Progress = lambda done, total, doing: None,
    ) -> None:
        """
        Args:
            images_dir: folder that the file names are relative to.
            tally: filled with what was read, changed and left out.
        """
        self._source, self._images_dir = source, images_dir
        self._tally, self._progress = tally, progress
        self._created = datetime.now(UTC).isoformat(timespec="seconds")

    @property
    def label(self) -> str:
        return f"Import {self._source.path.name}"

    @no_collection()
    def apply(self, rows: Rows) -> None:
        with rows.counted_at_the_end():
            self._apply(rows)

    def _apply(self, rows: Rows) -> None:
        read, total = 0, self._source.count("annotations")

        def on_image() -> None:
            nonlocal read
            read += 1
            if read % 100 == 0:
                self._progress(0, total, f"{read:,} images read")

        mender = Mender(self._source, self._tally, self._images_dir, on_image)
        licenses = self._add_info(rows, mender)
        images = self._add_images(rows, mender.images, licenses)
        classes: dict[int, int] = {}
        for category in mender.categories:
            classes[category.id] = self._class_id(rows, category)
        duplicates = _Duplicates(rows, self._tally)
        annotations = mender.annotations()
        done = 0
        while batch := list(islice(annotations, BATCH)):
            done += len(batch)
            records = []
            for annotation, (geometry, coco) in zip(batch, read_shapes(batch), strict=True):
                if annotation.category.id not in classes:
                    classes[annotation.category.id] = self._class_id(rows, annotation.category)
                image_id, class_id = images[annotation.image.id], classes[annotation.category.id]
                record = self._record(annotation, image_id, class_id, geometry, coco)
                if new := duplicates.unless_there(record):
                    records.append(new)
            AddObjects(records).apply(rows)
            self._tally.objects += len(records)
            self._progress(done, total, f"{done:,} of {total:,} objects read")
        self._tally.images, self._tally.classes = len(images), len(classes)

    # ---- the project's information

    def _add_info(self, rows: Rows, mender: Mender) -> dict[int, int]:
        """Returns file's license id -> project's."""
        former = {row["id"]: row["value"] for row in rows.all("SELECT id, value FROM documents")}
        if INFO not in former and mender.info:
            SetInfo(info=mender.info).apply(rows)
        elif mender.info and mender.info != json.loads(former[INFO]):
            self._tally.note("info of the file: not taken over, the project has its own")
        self._add_extra(rows, mender.extra, json.loads(former.get(EXTRA, "{}")))
        known: list[dict[str, Any]] = json.loads(former.get(LICENSES, "[]"))
        taken = {license["id"] for license in known if "id" in license}
        ids: dict[int, int] = {}
        added = []
        for license in mender.licenses:
            same = [other for other in known if {**other, "id": 0} == {**license, "id": 0}]
            if same:
                ids[license["id"]] = same[0]["id"]
                continue
            new_id = license["id"] if license["id"] not in taken else max(taken) + 1
            taken.add(new_id)
            ids[license["id"]] = new_id
            added.append({**license, "id": new_id})
        if added:
            SetInfo(licenses=[*known, *added]).apply(rows)
        return ids

    def _add_extra(self, rows: Rows, given: dict[str, Any], known: dict[str, Any]) -> None:
        for key in given.keys() & known.keys():
            if given[key] != known[key]:
                self._tally.note("further keys of the file: not taken over, the project has its own", key)
        if given.keys() - known.keys():
            SetInfo(extra={**given, **known}).apply(rows)

    # ---- images and classes

    def _add_images(self, rows: Rows, images: list[MendedImage], licenses: dict[int, int]) -> dict[int, int]:
        """Returns file's image id -> project's."""
        root = read_root(rows.connection, rows.project)
        names = {image.id: image_name(self._images_dir / image.file_name, root) for image in images}
        known = {row["name"]: row for row in rows.all("SELECT id, name, width, height FROM images")}
        new, flags = [], []
        for image in images:
            if names[image.id] in known:
                self._fill_size(rows, image, names[image.id])
                continue
            extra = dict(image.extra)
            marks = extra.get("zsi")
            if isinstance(marks, dict) and marks.keys() <= {"finished", "labelled_completely"}:
                del extra["zsi"]
                flags.append((image.id, marks))
            path = self._images_dir / image.file_name
            license = None if image.license is None else licenses[image.license]
            new.append(NewImage(path, image.width, image.height, license, extra, image.id))
        AddImages(new).apply(rows)
        by_name = {row["name"]: row["id"] for row in rows.all("SELECT id, name FROM images")}
        ids = {file_id: by_name[name] for file_id, name in names.items()}
        if renumbered := sum(file_id != ids[file_id] for file_id in ids):
            self._tally.noted["images that have another id in this project"] += renumbered
        for file_id, marks in flags:
            finished, complete = (marks.get(key) is True for key in ("finished", "labelled_completely"))
            SetImageState([ids[file_id]], finished or None, complete or None).apply(rows)
        return ids

    def _fill_size(self, rows: Rows, image: MendedImage, name: str) -> None:
        row = rows.one("SELECT id, width, height FROM images WHERE name = ?", name)
        assert row is not None
        if image.width is None:
            return
        if row["width"] is None:
            rows.update("images", row["id"], {"width": image.width, "height": image.height})
        elif (row["width"], row["height"]) != (image.width, image.height):
            self._tally.note("images that have another size in this project: check their objects", name)

    def _class_id(self, rows: Rows, category: MendedCategory) -> int:
        name = category.name
        if problem := name_problem(name):
            name = f"category {category.id}"
            self._tally.change("class names that cannot be looked for: named after their id", problem)
        row = rows.one("SELECT id FROM classes WHERE key = ?", class_key(name))
        if row is None:
            self._add_class(rows, name, category)
            row = rows.one("SELECT id FROM classes WHERE key = ?", class_key(name))
            assert row is not None
        if row["id"] != category.id:
            self._tally.note("classes that have another id in this project", name)
        return int(row["id"])

    def _add_class(self, rows: Rows, name: str, category: MendedCategory) -> None:
        extra, color, hotkey = dict(category.extra), None, None
        if look := look_of(extra):
            del extra["zsi"]
            color, hotkey = look["color"], look["hotkey"]
            if hotkey and rows.one("SELECT 1 FROM classes WHERE hotkey = ?", hotkey):
                hotkey = None  # the next free one: no class of the project loses its key
        parent = category.supercategory
        AddClass(name, color, hotkey, parent, class_id=category.id, extra=extra).apply(rows)

    # ---- objects

    def _record(
        self,
        annotation: MendedAnnotation,
        image_id: int,
        class_id: int,
        geometry: Geometry,
        coco: CocoValues | None,
    ) -> ObjectRecord:
        zsi = annotation.zsi or {
            "uuid": str(uuid4()),
            "state": "drawn",
            "made_by": {"tool": IMPORTED},
            "created": self._created,
        }
        return ObjectRecord.of_provenance(
            image_id,
            class_id,
            geometry,
            zsi,
            iscrowd=annotation.iscrowd,
            coco=coco,
            extra=annotation.extra,
            coco_id=annotation.id,
        )


class _Duplicates:
    """Finds objects that the project had before the import; doubles within the file stay as they are."""

    def __init__(self, rows: Rows, tally: Tally) -> None:
        self._rows, self._tally = rows, tally
        self._labelled = {row["image_id"] for row in rows.all("SELECT DISTINCT image_id FROM objects")}
        self._shapes: dict[int, set[tuple[int, bytes]]] = {}
        self._uuids: set[str] = set()

    def unless_there(self, record: ObjectRecord) -> ObjectRecord | None:
        """The object to add, None if it is there."""
        if record.made_by.get("tool") != IMPORTED:  # its uuid is the file's
            if record.uuid in self._uuids:
                self._tally.change("objects whose uuid another one has: given a new one")
                record = replace(record, uuid=str(uuid4()))
            self._uuids.add(record.uuid)
            if self._rows.one("SELECT 1 FROM objects WHERE uuid = ?", record.uuid):
                self._tally.skip(THERE)
                return None
        labelled = record.image_id in self._labelled
        if labelled and (record.class_id, encode(record.geometry)) in self._shapes_of(record.image_id):
            self._tally.skip(THERE)
            return None
        return record

    def _shapes_of(self, image_id: int) -> set[tuple[int, bytes]]:
        if image_id not in self._shapes:
            found = self._rows.all("SELECT class_id, geometry FROM objects WHERE image_id = ?", image_id)
            self._shapes[image_id] = {(row["class_id"], bytes(row["geometry"])) for row in found}
        return self._shapes[image_id]
