"""What a batch changes in an image: it adds, and replaces nothing that a person has touched. No Qt."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from app.project import Geometry, ObjectRecord, Queries
from app.project.geometry import iou
from app.proposals.drafting import Asked, Draft, draft
from app.proposals.free_regions import SAME_PLACE
from zsi_core.instances import Instances


def batch_draft(project: Queries, asked: Asked, found: Instances, *, replace: bool) -> Draft:
    """Compare what was found in an image with its objects; run it in a task.

    Args:
        project: a reader.
        asked: what was asked.
        found: the answer, best first.
        replace: untouched proposals of the asked classes that another model made give way.
    """
    classes = frozenset(asked.class_ids.values())
    gone = [
        record.uuid
        for record in (project.untouched_proposals(asked.image_id) if replace else ())
        if record.class_id in classes and _of_another_model(record, asked.run.checkpoint_sha256)
    ]
    return _adding(asked, found, project.objects(asked.image_id), gone)


def above(found: Instances, asked: Mapping[str, int], thresholds: Mapping[int, float]) -> Instances:
    """The instances whose score reaches the threshold of their class.

    Args:
        found: of the asked names alone.
        asked: name -> id of its class.
        thresholds: by the id of the class.
    """
    return found.select(
        [i for i, name in enumerate(found.names) if found.scores[i] >= thresholds[asked[name]]]
    )


def _adding(asked: Asked, found: Instances, objects: Sequence[ObjectRecord], gone: Collection[str]) -> Draft:
    kept = [record for record in objects if record.uuid not in gone]
    drafted = draft(asked, found, kept)
    waiting = [record for record in kept if record.state == "proposed"]
    drafted.found = [record for record in drafted.found if not _is_there(record, waiting)]
    drafted.replaced = list(gone)
    return drafted


def _is_there(new: ObjectRecord, waiting: Sequence[ObjectRecord]) -> bool:
    """Whether a proposal of its class is at the same place already."""
    return any(
        record.class_id == new.class_id
        and _touch(record.geometry, new.geometry)
        and iou(record.geometry, new.geometry) > SAME_PLACE
        for record in waiting
    )


def _touch(first: Geometry, second: Geometry) -> bool:
    a, b = first.box, second.box
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _of_another_model(record: ObjectRecord, sha256: str) -> bool:
    return record.by_model and record.made_by.get("checkpoint_sha256") != sha256
