"""Records as rows of the file, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.project import geometry as geometries
from app.project.records import ClassRecord, CocoValues, ImageRecord, ObjectRecord
from app.project.root import sort_key
from app.project.rows import Rows
from zsi_core.coco.provenance import STATES

OBJECT_COLUMNS = (
    "id, uuid, image_id, class_id, state, z, iscrowd, locked, hidden, maker_id, made_by, created, decided, "
    "edits, extra, geometry, coco"
)

# What all proposals of a run, or all objects drawn with a tool, share: kept once (see `maker_id`).
_SHARED = ("model", "checkpoint_sha256", "words_sha256", "threshold", "tool")


def object_values(rows: Rows, record: ObjectRecord, z: int) -> dict[str, Any]:
    """The row of a new object, but for its id."""
    shared = {key: value for key, value in record.made_by.items() if key in _SHARED}
    own = {key: value for key, value in record.made_by.items() if key not in _SHARED}
    score = record.score
    return {
        "uuid": record.uuid,
        "image_id": record.image_id,
        "class_id": record.class_id,
        "state": record.state,
        "z": z,
        "iscrowd": int(record.iscrowd),
        "locked": int(record.locked),
        "hidden": int(record.hidden),
        "score": float(score) if isinstance(score, int | float) else None,
        "maker_id": maker_id(rows, shared),
        "made_by": dumped(own) if own else "{}",
        "created": record.created,
        "decided": record.decided,
        "edits": dumped(list(record.edits)) if record.edits else "[]",
        "extra": dumped(record.extra) if record.extra else "{}",
        "geometry": geometries.encode(record.geometry),
        "coco": None if record.coco is None else dumped_coco(record.coco),
    }


def maker_id(rows: Rows, shared: Mapping[str, Any]) -> int:
    """Id of the shared part of a provenance, given now if it is new; these are never removed."""
    key = repr(shared)
    if key not in rows.makers:
        text = dumped(shared)
        row = rows.one("SELECT id FROM makers WHERE value = ?", text)
        if row is not None:
            rows.makers[key] = int(row["id"])
        else:
            inserted = rows.connection.execute("INSERT INTO makers (value) VALUES (?)", (text,))
            rows.makers[key] = int(inserted.lastrowid or 0)
    return rows.makers[key]


def object_record(row: sqlite3.Row, makers: Mapping[int, Mapping[str, Any]]) -> ObjectRecord:
    """The object of a row of `OBJECT_COLUMNS`."""
    return ObjectRecord(
        uuid=row["uuid"],
        image_id=row["image_id"],
        class_id=row["class_id"],
        state=row["state"],
        geometry=geometries.decode(row["geometry"]),
        made_by={**makers[row["maker_id"]], **_loaded(row["made_by"])},
        created=row["created"],
        decided=row["decided"],
        edits=() if row["edits"] == "[]" else tuple(json.loads(row["edits"])),
        iscrowd=bool(row["iscrowd"]),
        locked=bool(row["locked"]),
        hidden=bool(row["hidden"]),
        z=row["z"],
        coco=None if row["coco"] is None else _loaded_coco(row["coco"]),
        extra=_loaded(row["extra"]),
        coco_id=row["id"],
    )


def image_values(name: str) -> dict[str, Any]:
    """The columns that follow from the name of an image."""
    return {"name": name, "folded": name.casefold(), "sort_key": sort_key(name)}


def image_record(row: sqlite3.Row, root: Path) -> ImageRecord:
    """The image of a complete row."""
    return ImageRecord(
        id=row["id"],
        name=row["name"],
        path=root / row["name"],
        width=row["width"],
        height=row["height"],
        orientation=row["orientation"],
        file_size=row["file_size"],
        sha256=row["sha256"],
        finished=bool(row["finished"]),
        labelled_completely=bool(row["labelled_completely"]),
        license=row["license"],
        extra=json.loads(row["extra"]),
        counts={state: row[f"n_{state}"] for state in STATES},
        min_score=row["min_score"],
        max_score=row["max_score"],
    )


def class_record(row: sqlite3.Row) -> ClassRecord:
    """The class of a complete row."""
    return ClassRecord(
        id=row["id"],
        name=row["name"],
        supercategory=row["supercategory"],
        color=row["color"],
        hotkey=row["hotkey"],
        position=row["position"],
        extra=json.loads(row["extra"]),
    )


dumped = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""JSON as the file holds it. (`json.dumps` makes an encoder for every call.)"""


def dumped_coco(coco: CocoValues) -> str:
    """COCO values as the file holds them."""
    values = [coco.segmentation, coco.area, coco.bbox]
    # Numbers alone, of every object of an import: msgspec takes a tenth of the time.
    return msgspec.json.encode(values).decode() if coco.segmentation is None else dumped(values)


def _loaded(text: str) -> dict[str, Any]:
    """An object of JSON; most are empty, and there are a hundred thousand."""
    return {} if text == "{}" else json.loads(text)


def _loaded_coco(text: str) -> CocoValues:
    segmentation, area, (x, y, width, height) = json.loads(text)
    return CocoValues(segmentation, area, (x, y, width, height))
