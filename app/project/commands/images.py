"""Commands on images, and on the project as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.project.commands.base import Command, counted
from app.project.errors import CommandError
from app.project.root import image_name, read_root
from app.project.rows import Rows
from app.project.stored import dumped, image_values

INFO, LICENSES, EXTRA = 1, 2, 3
"""Rows of the table `documents`."""

THRESHOLDS = "threshold/"
"""What the keys of the settings begin with that hold thresholds of classes."""


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to add; only the path is needed, the rest can be read later (`SetImageFacts`).

    `image_id` is the id in an imported file, kept where it is free.
    """

    path: Path
    width: int | None = None
    height: int | None = None
    license: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    image_id: int | None = None


@dataclass(frozen=True)
class AddImages(Command):
    """Add image files by their paths, without reading them; those already listed are left as they are.

    A file whose name is not valid Unicode is skipped (see `Change.skipped`).
    Not undoable by itself, so that the first Ctrl+Z after opening a folder does not empty the list.
    """

    images: Sequence[NewImage | Path]

    @property
    def label(self) -> str:
        return counted("Add", len(self.images), "image")

    @property
    def undoable(self) -> bool:
        return False

    def apply(self, rows: Rows) -> None:
        root = read_root(rows.connection, rows.project)
        for given in self.images:
            image = given if isinstance(given, NewImage) else NewImage(given)
            name = image_name(image.path, root)
            if not _is_unicode(name):
                rows.touched.skipped.append(f"{name!a} is not listed: its name is no valid text; rename it")
                continue
            if rows.one("SELECT 1 FROM images WHERE name = ?", name):
                continue
            values = {
                **image_values(name),
                "width": image.width,
                "height": image.height,
                "license": image.license,
                "extra": dumped(image.extra),
            }
            wanted = image.image_id
            if wanted is not None and not rows.one("SELECT 1 FROM images WHERE id = ?", wanted):
                values["id"] = wanted
            rows.insert("images", values)


@dataclass(frozen=True)
class RemoveImages(Command):
    """Take images and their objects out of the project; the files stay."""

    image_ids: Sequence[int]

    @property
    def label(self) -> str:
        return counted("Remove", len(self.image_ids), "image")

    def apply(self, rows: Rows) -> None:
        for image_id in self.image_ids:
            _check_image(rows, image_id)
            for row in rows.all("SELECT id FROM objects WHERE image_id = ?", image_id):
                rows.delete("objects", row["id"])
            rows.delete("images", image_id)


@dataclass(frozen=True)
class SetImageState(Command):
    """Mark images as finished or as labelled completely; None leaves a mark as it is."""

    image_ids: Sequence[int]
    finished: bool | None = None
    labelled_completely: bool | None = None

    @property
    def label(self) -> str:
        return counted("Mark", len(self.image_ids), "image")

    def apply(self, rows: Rows) -> None:
        marks = {"finished": self.finished, "labelled_completely": self.labelled_completely}
        _update(
            rows, self.image_ids, {mark: int(value) for mark, value in marks.items() if value is not None}
        )


@dataclass(frozen=True)
class SetImageFacts(Command):
    """What was read from an image file; None leaves a value as it is. Not undoable.

    Attributes:
        width, height: after EXIF rotation (`zsi_core.images.image_size`).
        orientation: EXIF orientation.
        file_size: bytes.
        sha256: `zsi_core.files.file_sha256`.
    """

    image_id: int
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    file_size: int | None = None
    sha256: str | None = None

    @property
    def label(self) -> str:
        return "Read image"

    @property
    def undoable(self) -> bool:
        return False

    def apply(self, rows: Rows) -> None:
        columns = ("width", "height", "orientation", "file_size", "sha256")
        facts = {column: getattr(self, column) for column in columns}
        _update(rows, [self.image_id], {key: value for key, value in facts.items() if value is not None})


@dataclass(frozen=True)
class SetInfo(Command):
    """`info`, `licenses` and further keys at the top of exported COCO files; None leaves one as it is."""

    info: Mapping[str, Any] | None = None
    licenses: Sequence[Mapping[str, Any]] | None = None
    extra: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        return "Edit the project's information"

    def apply(self, rows: Rows) -> None:
        documents = ((INFO, self.info), (LICENSES, self.licenses), (EXTRA, self.extra))
        for document, value in documents:
            if value is None:
                continue
            values = {"value": dumped(value)}
            if rows.one("SELECT 1 FROM documents WHERE id = ?", document):
                rows.update("documents", document, values)
            else:
                rows.insert("documents", {"id": document, **values})


@dataclass(frozen=True)
class SetSetting(Command):
    """A preference of this project, any JSON value (None removes it). Not undoable.

    The threshold of a class: `SetSetting(threshold_key(class_id), 0.4)`; read it with `Project.threshold`.
    """

    key: str
    value: Any

    @property
    def label(self) -> str:
        return "Change a setting"

    @property
    def undoable(self) -> bool:
        return False

    def apply(self, rows: Rows) -> None:
        rows.set_setting(self.key, None if self.value is None else dumped(self.value))


def threshold_key(class_id: int) -> str:
    """Key of the setting that holds the threshold of a class."""
    return f"{THRESHOLDS}{class_id}"


def _is_unicode(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # bytes of a file name that Linux allows and nobody else
        return False
    return True


def _check_image(rows: Rows, image_id: int) -> None:
    if rows.one("SELECT 1 FROM images WHERE id = ?", image_id) is None:
        raise CommandError(f"image {image_id} is not in the project any more")


def _update(rows: Rows, image_ids: Sequence[int], values: Mapping[str, Any]) -> None:
    for image_id in image_ids if values else ():
        _check_image(rows, image_id)
        rows.update("images", image_id, values)
