"""Reading a project: by the window through `Project`, by a job in another thread through a reader."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from app.project.commands.images import EXTRA, INFO, LICENSES, threshold_key
from app.project.connection import connect_reading, file_version, sqlite_errors
from app.project.filters import ImageFilter
from app.project.journal import CHANGED
from app.project.records import IMAGE_STATUSES, ClassRecord, ImageRecord, ObjectRecord
from app.project.root import image_name, read_root
from app.project.stored import OBJECT_COLUMNS, class_record, image_record, object_record
from zsi_core.coco.provenance import STATES
from zsi_core.semantics.names import class_key

EVERYTHING = ImageFilter()


class Queries:
    """Questions to a project file; a context manager, which closes it. Use it in the thread that opened it.

    Attributes:
        path: the project file.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._makers: dict[int, Mapping[str, Any]] = {}

    @classmethod
    def open_for_reading(cls, path: Path) -> Queries:
        """A reading connection of its own, for instance in the thread of a job.

        Raises:
            ProjectError: it cannot be read.
        """
        connection = connect_reading(path)
        try:
            file_version(connection, path)
        except BaseException:
            connection.close()
            raise
        return Queries(connection, path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------ images

    def image(self, image_id: int) -> ImageRecord:
        """One image.

        Raises:
            KeyError: there is none with this id.
        """
        found = self.images([image_id])
        if not found:
            raise KeyError(image_id)
        return found[0]

    def image_ids(self, filter: ImageFilter = EVERYTHING, *, after: int | None = None) -> list[int]:
        """Ids of all images that pass, in order: the backbone of a list view, whose rows come by `images`.

        With `after`, only those that come after this image.
        """
        return self._ids(filter, beyond=after)

    def images(self, image_ids: Sequence[int]) -> list[ImageRecord]:
        """The records of some images (a page of the list), in the given order; unknown ids are left out."""
        root = self.root
        found = {}
        for chunk in _chunks(image_ids, 500):
            marks = ", ".join("?" * len(chunk))
            for row in self._all(f"SELECT * FROM images WHERE id IN ({marks})", *chunk):
                found[row["id"]] = image_record(row, root)
        return [found[image_id] for image_id in image_ids if image_id in found]

    def image_id(self, path: Path) -> int | None:
        """Id of the image with this file, None if it is not in the project."""
        row = self._one("SELECT id FROM images WHERE name = ?", image_name(path, self.root))
        return None if row is None else int(row["id"])

    def image_count(self, filter: ImageFilter = EVERYTHING) -> int:
        """Number of images that pass."""
        where, parameters = self._where(filter)
        return int(self._all(f"SELECT count(*) FROM images {where}", *parameters)[0][0])

    def status_counts(self) -> dict[str, int]:
        """Number of images by status, every one of `IMAGE_STATUSES`."""
        counts = dict.fromkeys(IMAGE_STATUSES, 0)
        for row in self._all("SELECT status, count(*) AS n FROM images GROUP BY status"):
            counts[row["status"]] = row["n"]
        return counts

    def next_image(
        self,
        image_id: int | None,
        filter: ImageFilter = EVERYTHING,
        *,
        step: int = 1,
        unfinished: bool = False,
    ) -> int | None:
        """The next (`step` 1) or previous (-1) image in the order of the filter, None at the end.

        From None, the first or last one. With `unfinished`, finished images are passed over. In the order
        "uncertain", an image that has no proposals to review any more is followed by the first one that has.
        """
        more = "finished = 0" if unfinished else ""
        return next(iter(self._ids(filter, more, beyond=image_id, step=step, limit=1)), None)

    # ----------------------------------------------------------------------------------- objects

    def objects(self, image_id: int) -> list[ObjectRecord]:
        """All objects of an image, rejected ones included, in drawing order, lowest first."""
        return self._objects("image_id = ? ORDER BY z, id", image_id)

    def object(self, uuid: str) -> ObjectRecord | None:
        """None if it does not exist (any more)."""
        return next(iter(self._objects("uuid = ?", uuid)), None)

    def pages(
        self, filter: ImageFilter = EVERYTHING, size: int = 200
    ) -> Iterator[list[tuple[ImageRecord, list[ObjectRecord]]]]:
        """Images with their objects, `size` images at a time, for export and training.

        All are of the moment when the first page is asked for, whatever is changed meanwhile. The pages have
        a connection of their own: the thread that asks for the first one must ask for the others.
        """
        with closing(Queries.open_for_reading(self.path)) as reader:
            reader._connection.execute("BEGIN")
            for image_ids in _chunks(reader.image_ids(filter), size):
                marks = ", ".join("?" * len(image_ids))
                objects: dict[int, list[ObjectRecord]] = {image_id: [] for image_id in image_ids}
                for record in reader._objects(f"image_id IN ({marks}) ORDER BY image_id, z, id", *image_ids):
                    objects[record.image_id].append(record)
                yield [(image, objects[image.id]) for image in reader.images(image_ids)]

    def shown_proposals(self, image_id: int) -> int:
        """How many proposals of an image reach the threshold of their class, or else that of their model."""
        sql = """
            SELECT count(*) AS n FROM objects o JOIN makers m ON m.id = o.maker_id
                LEFT JOIN settings s ON s.key = 'threshold/' || o.class_id
            WHERE o.image_id = ? AND o.state = 'proposed' AND NOT o.hidden AND coalesce(o.score, 1) >=
                coalesce(CAST(s.value AS REAL), json_extract(m.value, '$.threshold'), 0)"""
        return int(self._all(sql, image_id)[0]["n"])

    def untouched_proposals(self, image_id: int) -> list[ObjectRecord]:
        """Proposals of an image with which no person has done anything yet."""
        changed = f"SELECT EXISTS ({CHANGED})"
        return [
            record
            for record in self._objects("image_id = ? AND state = 'proposed' ORDER BY z, id", image_id)
            if not (record.edits or record.locked or record.hidden)
            and not self._all(changed, record.coco_id)[0][0]
        ]

    # ----------------------------------------------------------------------------------- classes

    def classes(self) -> list[ClassRecord]:
        """All classes in the order of lists."""
        return [class_record(row) for row in self._all("SELECT * FROM classes ORDER BY position, id")]

    def class_id(self, name: str) -> int | None:
        """Id of the class of this name (compared by `class_key`)."""
        row = self._one("SELECT id FROM classes WHERE key = ?", class_key(name))
        return None if row is None else int(row["id"])

    def class_counts(self) -> dict[int, dict[str, int]]:
        """Class id -> state -> number of objects, zeros included."""
        counts = {row["id"]: dict.fromkeys(STATES, 0) for row in self._all("SELECT id FROM classes")}
        for row in self._all("SELECT class_id, state, n FROM class_counts WHERE n > 0"):
            counts[row["class_id"]][row["state"]] = row["n"]
        return counts

    # ------------------------------------------------------------------------------- the project

    @property
    def root(self) -> Path:
        """The image folder that the names of images are relative to."""
        with sqlite_errors(self.path):
            return read_root(self._connection, self.path)

    def info(self) -> dict[str, Any]:
        """`info` of exported files; empty until it was set."""
        return dict(self._document(INFO, {}))

    def licenses(self) -> list[dict[str, Any]]:
        """`licenses` of exported files."""
        return list(self._document(LICENSES, []))

    def extra(self) -> dict[str, Any]:
        """Further keys at the top of an imported file, for export."""
        return dict(self._document(EXTRA, {}))

    def setting(self, key: str, default: Any = None) -> Any:
        """A preference of this project (see `SetSetting`)."""
        row = self._one("SELECT value FROM settings WHERE key = ?", key)
        return default if row is None else json.loads(row["value"])

    def threshold(self, class_id: int, default: float) -> float:
        """Score below which proposals of a class are not shown (see `threshold_key`)."""
        return float(self.setting(threshold_key(class_id), default))

    # ----------------------------------------------------------------------------------- helpers

    def _one(self, sql: str, *parameters: Any) -> sqlite3.Row | None:
        return next(iter(self._all(sql, *parameters)), None)

    def _all(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        with sqlite_errors(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def _document(self, document: int, default: Any) -> Any:
        row = self._one("SELECT value FROM documents WHERE id = ?", document)
        return default if row is None else json.loads(row["value"])

    def _objects(self, condition: str, *parameters: Any) -> list[ObjectRecord]:
        found = self._all(f"SELECT {OBJECT_COLUMNS} FROM objects WHERE {condition}", *parameters)
        if any(row["maker_id"] not in self._makers for row in found):
            makers = self._all("SELECT id, value FROM makers")
            self._makers = {row["id"]: json.loads(row["value"]) for row in makers}
        return [object_record(row, self._makers) for row in found]

    def _ids(
        self, filter: ImageFilter, *more: str, beyond: int | None, step: int = 1, limit: int = -1
    ) -> list[int]:
        """Ids of images that pass and come after (`step` 1) or before (-1) one; without it, of all."""
        where, parameters = self._where(filter, *more)
        if place := self._place(beyond, filter):
            columns = "(min_score, sort_key)" if filter.order == "uncertain" else "sort_key"
            marks = "(?, ?)" if filter.order == "uncertain" else "?"
            where += f"{' AND' if where else 'WHERE'} {columns} {'>' if step > 0 else '<'} {marks}"
        sql = f"SELECT id FROM images {where} {_order(filter, descending=step < 0)} LIMIT ?"
        with sqlite_errors(self.path):
            # Row by row: a list of 100,000 rows wakes the garbage collector.
            return [row[0] for row in self._connection.execute(sql, (*parameters, *place, limit))]

    def _place(self, image_id: int | None, filter: ImageFilter) -> tuple[Any, ...]:
        """Where an image stands in the order of a filter; empty for none."""
        row = self._one("SELECT min_score, sort_key FROM images WHERE id = ?", image_id)
        if row is None or (filter.order == "uncertain" and row["min_score"] is None):
            return ()
        return tuple(row) if filter.order == "uncertain" else (row["sort_key"],)

    def _where(self, filter: ImageFilter, *more: str) -> tuple[str, list[Any]]:
        """WHERE of a filter, and its parameters."""
        conditions = [condition for condition in more if condition]
        parameters: list[Any] = []
        for word in filter.words:
            conditions.append("instr(folded, ?) > 0")
            parameters.append(word.casefold())
        for name in filter.classes:
            ids = self._class_ids(name)
            marks = ", ".join("?" * len(ids))
            conditions.append(
                f"id IN (SELECT image_id FROM objects WHERE class_id IN ({marks}) AND state != 'rejected')"
            )
            parameters += ids
        if filter.states:
            statuses = [state for state in filter.states if state in IMAGE_STATUSES]
            # "+": the index of the uncertain ones is the better one.
            status = "+status" if filter.order == "uncertain" else "status"
            any_of = [f"{status} IN ({', '.join('?' * len(statuses))})"] if statuses else []
            parameters += statuses
            any_of += [f"n_{state} > 0" for state in STATES if state in filter.states]
            conditions.append(f"({' OR '.join(any_of)})")
        if filter.min_score is not None:
            conditions.append("max_score >= ?")
            parameters.append(filter.min_score)
        if filter.max_score is not None:
            conditions.append("min_score <= ?")
            parameters.append(filter.max_score)
        if filter.min_score is not None and filter.max_score is not None:
            conditions.append(
                "EXISTS (SELECT 1 FROM objects WHERE image_id = images.id AND state = 'proposed' "
                "AND score BETWEEN ? AND ?)"
            )
            parameters += (filter.min_score, filter.max_score)
        if filter.order == "uncertain":
            conditions.append("n_proposed > 0 AND min_score IS NOT NULL")
        return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), parameters

    def _class_ids(self, name: str) -> list[int]:
        key = class_key(name)
        exact = self._all("SELECT id FROM classes WHERE key = ?", key)
        beginning = "SELECT id FROM classes WHERE substr(key, 1, length(?1)) = ?1"
        return [row["id"] for row in exact or self._all(beginning, key)]


def _order(filter: ImageFilter, *, descending: bool = False) -> str:
    direction = "DESC" if descending else "ASC"
    if filter.order == "uncertain":
        return f"ORDER BY min_score {direction}, sort_key {direction}"
    return f"ORDER BY sort_key {direction}"


def _chunks(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
