"""From what the model found to a change of the project. Qt-free; run it in a task: it takes time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.project.commands import Propose
from app.project.geometry import Geometry, encode
from app.project.records import ObjectRecord
from app.proposals.free_regions import is_free
from zsi_core.coco.provenance import ProposalRun, proposed
from zsi_core.instances import Instances

_SAME_SCORE = 0.005
"""A change of a score that is none: other names compete a little."""


@dataclass(frozen=True)
class Asked:
    """What was asked of an image.

    Attributes:
        image_id: of the project.
        class_ids: asked name -> class that it stands for.
        names: the classes' own names, for the label of the step.
        run: what all proposals have in common.
        seen_ids: in generalised mode, seen classes of the model -> those of the project, where it has them.
        shown_from: score from which proposals of seen classes are wanted.
    """

    image_id: int
    class_ids: Mapping[str, int]
    names: Sequence[str]
    run: ProposalRun
    seen_ids: Mapping[str, int] = field(default_factory=dict)
    shown_from: float = 0.0


@dataclass
class Draft:
    """What is to be changed.

    Attributes:
        found: new proposals of classes of the project.
        of_new_classes: name -> proposals of seen classes that the project does not have.
        replaced: uuids of untouched proposals that were not found again.
        regions: uuid -> region of the encoded image, of new proposals and of those found again.
        best: class id -> best score in the image, whether it may be proposed or not.
    """

    found: list[ObjectRecord] = field(default_factory=list)
    of_new_classes: dict[str, list[ObjectRecord]] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)
    regions: dict[str, int] = field(default_factory=dict)
    best: dict[int, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.found or self.of_new_classes or self.replaced)

    @property
    def geometries(self) -> dict[str, Geometry]:
        """uuid -> geometry of all new proposals."""
        new = [*self.found, *(record for records in self.of_new_classes.values() for record in records)]
        return {record.uuid: record.geometry for record in new}

    def command(self, asked: Asked) -> Propose:
        """The change."""
        return Propose(asked.names, self.found, self.replaced, self.of_new_classes)


def draft(asked: Asked, found: Instances, objects: Sequence[ObjectRecord]) -> Draft:
    """Compare what was found with the objects of the image.

    Proposals that are found again stay as they are, so that asking twice changes nothing.

    Args:
        asked: what was asked.
        found: the answer, best first.
        objects: all of the image, rejected ones included.
    """
    result = Draft(best=dict.fromkeys(asked.class_ids.values(), 0.0))
    classes = {*asked.class_ids.values(), *asked.seen_ids.values()}
    former = {
        record.uuid: record for record in objects if is_untouched(record) and record.class_id in classes
    }
    known = {(record.class_id, encode(record.geometry)): record for record in former.values()}
    for index, name in enumerate(found.names):
        class_id = asked.class_ids.get(name, asked.seen_ids.get(name))
        score = float(found.scores[index])
        if name in asked.class_ids:
            result.best[asked.class_ids[name]] = max(result.best[asked.class_ids[name]], score)
        elif score < asked.shown_from:
            continue
        geometry = geometry_of(found, index)
        if geometry is None or not is_free(geometry, class_id, objects):
            continue
        provenance = proposed(asked.run, found, index)
        record = ObjectRecord.of_provenance(asked.image_id, class_id or 0, geometry, provenance)
        same = known.get((class_id or 0, encode(geometry)))
        if same is not None and _says_the_same(same, record):
            former.pop(same.uuid, None)
            record = same
        elif class_id is None:
            result.of_new_classes.setdefault(name, []).append(record)
        else:
            result.found.append(record)
        result.regions[record.uuid] = int(found.region_indices[index])
    result.replaced = list(former)
    return result


def geometry_of(found: Instances, index: int) -> Geometry | None:
    """The mask of an instance with its outline traced; None where it has no pixel."""
    if not found.mask_areas[index]:
        return None
    geometry = Geometry.from_mask(found.masks[index])
    _ = geometry.parts  # kept: the window paints it without computing
    return geometry


def is_untouched(record: ObjectRecord) -> bool:
    """Whether it is a proposal of a model as it was made."""
    return record.state == "proposed" and record.by_model and not record.locked and not record.edits


def _says_the_same(record: ObjectRecord, new: ObjectRecord) -> bool:
    same = ("checkpoint_sha256", "words_sha256", "name", "threshold")
    return (
        all(record.made_by.get(key) == new.made_by.get(key) for key in same)
        and abs((record.score or 0.0) - (new.score or 0.0)) <= _SAME_SCORE
    )
