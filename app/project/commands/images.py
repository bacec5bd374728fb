"""Commands on images, and on the project as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from app.project.commands.base import Command
from app.project.rows import Rows


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to add; only the path is needed, the rest can be read later (`SetImageFacts`)."""

    path: Path
    width: int | None = None
    height: int | None = None
    license: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    image_id: int | None = None


@dataclass(frozen=True)
class AddImages(Command):
    """Add image files by their paths, without reading them; those already listed are skipped.

    Not undoable by itself, so that the first Ctrl+Z after opening a folder does not empty the list.
    """

    undoable: ClassVar[bool] = False
    images: Sequence[NewImage | Path]


@dataclass(frozen=True)
class RemoveImages(Command):
    """Take images and their objects out of the project; the files stay."""

    image_ids: Sequence[int]


@dataclass(frozen=True)
class SetImageState(Command):
    """Mark images as finished or as labelled completely; None leaves a mark as it is."""

    image_ids: Sequence[int]
    finished: bool | None = None
    labelled_completely: bool | None = None


@dataclass(frozen=True)
class SetImageFacts(Command):
    """What was read from an image file; None leaves a value as it is. Not undoable.

    Attributes:
        width, height: after EXIF rotation (`zsi_core.images.image_size`).
        orientation: EXIF orientation.
        file_size: bytes.
        sha256: `zsi_core.files.file_sha256`.
    """

    undoable: ClassVar[bool] = False
    image_id: int
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    file_size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class SetInfo(Command):
    """The `info` and `licenses` of exported COCO files; None leaves one as it is."""

    info: Mapping[str, Any] | None = None
    licenses: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class SetSetting(Command):
    """A preference of this project, any JSON value (None removes it). Not undoable.

    Thresholds of classes: `SetSetting(threshold_key(class_id), 0.4)`, `Queries.threshold(class_id)`.
    """

    undoable: ClassVar[bool] = False
    key: str
    value: Any
