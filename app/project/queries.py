"""Reading a project: by the window through `Project`, by a job in another thread through `Project.reader()`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.project.filters import ImageFilter
from app.project.records import ClassRecord, ImageRecord, ObjectRecord


class Queries:
    """Questions to a project file. Use it in the thread that opened it."""

    path: Path
    """The project file."""

    # images ------------------------------------------------------------------------------------

    def image(self, image_id: int) -> ImageRecord:
        """Raises `KeyError` for an id that does not exist."""
        raise NotImplementedError

    def image_ids(self, filter: ImageFilter = ImageFilter()) -> list[int]:
        """Ids of all images that pass, in order: the backbone of a list view (100,000 in some 50 ms)."""
        raise NotImplementedError

    def images(self, image_ids: Sequence[int]) -> list[ImageRecord]:
        """The records of some images (a page of the list), in the given order; unknown ids are left out."""
        raise NotImplementedError

    def image_id(self, path: Path) -> int | None:
        """Id of the image with this file, None if it is not in the project."""
        raise NotImplementedError

    def status_counts(self) -> dict[str, int]:
        """Number of images by status, every one of `IMAGE_STATUSES`."""
        raise NotImplementedError

    def next_image(
        self,
        image_id: int | None,
        filter: ImageFilter = ImageFilter(),
        *,
        step: int = 1,
        unfinished: bool = False,
    ) -> int | None:
        """The next (`step` 1) or previous (-1) image in the order of the filter, None at the end.

        From None, the first or last one. With `unfinished`, finished images are passed over.
        """
        raise NotImplementedError

    # objects -----------------------------------------------------------------------------------

    def objects(self, image_id: int) -> list[ObjectRecord]:
        """All objects of an image, rejected ones included, in drawing order, lowest first."""
        raise NotImplementedError

    def object(self, uuid: str) -> ObjectRecord | None:
        """None if it does not exist (any more)."""
        raise NotImplementedError

    def pages(
        self, filter: ImageFilter = ImageFilter(), size: int = 200
    ) -> Iterator[list[tuple[ImageRecord, list[ObjectRecord]]]]:
        """Images with their objects, `size` images at a time, all of one moment: for export and training."""
        raise NotImplementedError

    # classes -----------------------------------------------------------------------------------

    def classes(self) -> list[ClassRecord]:
        """All classes in the order of lists."""
        raise NotImplementedError

    def class_id(self, name: str) -> int | None:
        """Id of the class of this name (compared by `class_key`)."""
        raise NotImplementedError

    def class_counts(self) -> dict[int, dict[str, int]]:
        """Class id -> state -> number of objects, zeros included."""
        raise NotImplementedError

    # the project -------------------------------------------------------------------------------

    def info(self) -> Mapping[str, Any]:
        """`info` of exported files."""
        raise NotImplementedError

    def licenses(self) -> Sequence[Mapping[str, Any]]:
        """`licenses` of exported files."""
        raise NotImplementedError

    def setting(self, key: str, default: Any = None) -> Any:
        """A preference of this project."""
        raise NotImplementedError

    def threshold(self, class_id: int, default: float) -> float:
        """Score below which proposals of a class are not shown."""
        raise NotImplementedError

    @property
    def root(self) -> Path:
        """The image folder that the names of images are relative to."""
        raise NotImplementedError
