"""What is asked of every image, by the paper (section 5.1) and where that leaves room by a choice told here.

    zsi         names: the unseen classes. The softmax holds background and unseen classes, as in the paper
                (e W_u with W_u = [v_b | unseen], section 3.2.1): nothing else competes for a region.
    gzsi        names: seen and unseen classes. The softmax holds background and both, because telling them
                apart is the task; a checkpoint's `seen_penalty` makes room for the unseen ones. Seen and
                unseen classes have a list of results each, of which none takes a place of the other.
    regions     for class-agnostic recall: the best regions, whatever they are. They are ranked by the
                foreground score (probability of anything but background, fused with the objectness as a
                name's is) and suppress each other whatever their names; the mask is that of the best name.
    given_boxes the mask of every object of the file, given its box and its name.

Lists hold the best 100 of an image; nothing is cut off by a score. Suppression is per name, never across
names. There are no distractors, and no classes but the split's, whatever else the model knows: a user's query
differs in all of this, and finds less (`zsi_core.inference.vocabulary`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zsi_core.errors import SplitError
from zsi_core.inference.scoring import PER_NAME_NMS
from zsi_core.inference.vocabulary import Vocabulary, VocabularyBuilder
from zsi_core.semantics import ClassSplit, WordTable, class_key

MAX_DETECTIONS = 100
SCORE_THRESHOLD = 0.0

NAME = "zsi-cvpr2021"
DETAILS: dict[str, Any] = {
    "zsi_softmax": "background, unseen",
    "gzsi_softmax": "background, seen, unseen",
    "regions_ranked_by": "foreground score",
    "distractors": False,
    "score_threshold": SCORE_THRESHOLD,
    "nms_per_name": PER_NAME_NMS,
    "nms_across_names": None,
    "detections_per_list": MAX_DETECTIONS,
}
"""Stands in `metrics.json` and in files of predictions: another value is another protocol."""


@dataclass(frozen=True)
class Vocabularies:
    """The names of the lists of results; each shows its own first names, and all compete."""

    zsi: Vocabulary
    gzsi_seen: Vocabulary
    gzsi_unseen: Vocabulary


def vocabularies(table: WordTable, split: ClassSplit) -> Vocabularies:
    """Vocabularies of a split.

    Raises:
        NameResolutionError: a class has no word vector.
    """
    both = VocabularyBuilder(table, split.seen, with_distractors=False).build(split.unseen, "gzsi")
    unseen = range(len(split.unseen))
    seen = range(len(unseen), len(both.names))
    return Vocabularies(
        zsi=both.select(unseen, shown=len(unseen)),
        gzsi_seen=both.select([*seen, *unseen], shown=len(seen)),
        gzsi_unseen=both.select([*unseen, *seen], shown=len(unseen)),
    )


def require_zero_shot(split: ClassSplit, trained_on: Sequence[str]) -> None:
    """Refuse a split whose unseen classes the model knows.

    Raises:
        SplitError: it knows some, or the split has none.
    """
    if not split.unseen:
        raise SplitError(f"class split {split.name!r} has no unseen class: there is nothing to evaluate")
    known = {class_key(name) for name in trained_on}
    if leaked := [name for name in split.unseen if class_key(name) in known]:
        raise SplitError(
            f"the model was trained on {', '.join(leaked)}, which class split {split.name!r} calls unseen: "
            "evaluate it with the split that it was trained with"
        )
