"""What a project holds, as plain immutable values: images, classes, objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.project.geometry import Geometry
from zsi_core.coco.provenance import STATES, drawn

IMAGE_STATUSES = ("new", "started", "proposals", "finished")
"""Status of an image, derived: without objects, with some, with proposals to review, marked as finished."""


@dataclass(frozen=True, slots=True)
class CocoValues:
    """What an imported annotation file says about an object, untouched; kept until the object is edited.

    `segmentation` is None where polygons or mask of the object's geometry are exactly it.
    """

    segmentation: Any
    area: float | None
    bbox: tuple[float, float, float, float]


@dataclass(frozen=True)
class ObjectRecord:
    """One object in an image.

    Attributes:
        uuid: identity, for ever.
        image_id, class_id: ids of the project.
        state: one of `STATES`: proposed, accepted, corrected, rejected, drawn.
        geometry: where it is.
        made_by: who made it, as in the contract of provenance: `{"model", ...}` or `{"tool"}`.
        created: time in ISO 8601, UTC.
        decided: when a person accepted or rejected the proposal; None before, and where an edit decided.
        edits: `{"tool", "time", "iou_to_proposal"}` each, oldest first; several in a row
            with one tool are one.
        iscrowd: a region of many objects.
        locked: edits of it are refused.
        hidden: not drawn.
        z: place in the drawing order of its image, lowest first; None on a new object: on top.
        coco: values of the file it was imported from, until it is edited or accepted.
        extra: unknown keys of that file's annotation, for export.
        coco_id: id in exported files; None on a new object: given by the project, never reused.
    """

    uuid: str
    image_id: int
    class_id: int
    state: str
    geometry: Geometry
    made_by: Mapping[str, Any]
    created: str
    decided: str | None = None
    edits: tuple[Mapping[str, Any], ...] = ()
    iscrowd: bool = False
    locked: bool = False
    hidden: bool = False
    z: int | None = None
    coco: CocoValues | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    coco_id: int | None = None

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}, but got {self.state!r}")

    @classmethod
    def drawn(
        cls, image_id: int, class_id: int, geometry: Geometry, tool: str, *, iscrowd: bool = False
    ) -> ObjectRecord:
        """A new object that a person made with a tool ("polygon", "brush", "paste" ...)."""
        return cls.of_provenance(image_id, class_id, geometry, drawn(tool), iscrowd=iscrowd)

    @classmethod
    def of_provenance(
        cls,
        image_id: int,
        class_id: int,
        geometry: Geometry,
        provenance: Mapping[str, Any],
        *,
        iscrowd: bool = False,
        coco: CocoValues | None = None,
        extra: Mapping[str, Any] | None = None,
        coco_id: int | None = None,
    ) -> ObjectRecord:
        """A new object with the provenance of `zsi_core.coco.provenance.proposed` or of a file's `zsi`."""
        return cls(
            uuid=provenance.get("uuid") or str(uuid4()),
            image_id=image_id,
            class_id=class_id,
            state=provenance["state"],
            geometry=geometry,
            made_by=provenance["made_by"],
            created=provenance["created"],
            decided=provenance.get("decided"),
            edits=tuple(provenance.get("edits", ())),
            iscrowd=iscrowd,
            coco=coco,
            extra=extra or {},
            coco_id=coco_id,
        )

    @property
    def by_model(self) -> bool:
        """Whether a model proposed it."""
        return "model" in self.made_by

    @property
    def score(self) -> float | None:
        """The model's score; None for an object made by hand."""
        return self.made_by.get("score")

    @property
    def provenance(self) -> dict[str, Any]:
        """The value of the key `zsi` in exported files."""
        decided = {} if self.decided is None else {"decided": self.decided}
        return {
            "uuid": self.uuid,
            "state": self.state,
            "made_by": dict(self.made_by),
            "edits": [dict(edit) for edit in self.edits],
            "created": self.created,
            **decided,
        }


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """A class. `id` is its COCO category id: given once, never reused; `name` as typed.

    `color` is "#rrggbb", `hotkey` a single key or "" for none, `position` its place in lists.
    """

    id: int
    name: str
    supercategory: str
    color: str
    hotkey: str
    position: int
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image of the project.

    Attributes:
        id: COCO id, never reused.
        name: path below the image folder with forward slashes, or an absolute path for a file outside of it.
        path: where the file is expected now.
        width, height: after EXIF rotation; None until somebody read them (see `SetImageFacts`).
        orientation: EXIF orientation of the file; None until read.
        file_size: bytes when it was last read; None until then.
        sha256: hash of the file; None until somebody needed it.
        finished: a person marked it as finished.
        labelled_completely: everything of the project's classes is labelled, so the rest is background.
        license: id of one of the project's licenses.
        extra: unknown keys of the imported file's image, for export.
        counts: number of objects by state.
        min_score, max_score: of the proposals that wait for review; None where there is none.
    """

    id: int
    name: str
    path: Path
    width: int | None
    height: int | None
    orientation: int | None
    file_size: int | None
    sha256: str | None
    finished: bool
    labelled_completely: bool
    license: int | None
    extra: Mapping[str, Any]
    counts: Mapping[str, int]
    min_score: float | None
    max_score: float | None

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width), None until known."""
        return None if self.width is None or self.height is None else (self.height, self.width)

    @property
    def status(self) -> str:
        """One of `IMAGE_STATUSES`."""
        if self.finished:
            return "finished"
        if self.counts["proposed"]:
            return "proposals"
        return "started" if any(self.counts.values()) else "new"


@dataclass(frozen=True, slots=True)
class Change:
    """What a command, an undo or a redo touched; handed to subscribers after it is in the file.

    Attributes:
        kind: "do", "undo" or "redo".
        label: the step, for a person: "Add polygon", "Delete 3 objects".
        images: ids of images whose row or objects changed, removed ones included.
        objects: uuids of objects added, changed or removed: ask the project which of them still exist.
        classes: ids of classes added, changed or removed.
        image_list: images were added, removed or moved.
        info: the project's info or licenses changed.
        settings: keys of settings that changed.
        skipped: what a command left out and why, one sentence each.
    """

    kind: str
    label: str
    images: frozenset[int] = frozenset()
    objects: frozenset[str] = frozenset()
    classes: frozenset[int] = frozenset()
    image_list: bool = False
    info: bool = False
    settings: frozenset[str] = frozenset()
    skipped: tuple[str, ...] = ()
