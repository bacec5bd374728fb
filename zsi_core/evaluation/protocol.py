"""What is asked of every image: the paper's protocol (section 5.1), and choices where it leaves room.

Each list holds the best 100 results of an image:

    zsi         names: the unseen classes. The softmax holds background and unseen classes, as in the paper
                (e W_u with W_u = [v_b | unseen], section 3.2.1): no seen class competes for a region.
    seen        the same of the seen classes (e W_s). Both lists together are the results of "gzsi": two
                branches, of which none takes a place of the other, as in the authors' evaluation. Hence the
                unseen figures of "gzsi" are those of "zsi" wherever the images are the same.
    joint       for the strict reading of "gzsi": one softmax of background, seen and unseen classes, one list
                for all. The checkpoint's `seen_penalty` makes room for the unseen classes.
    regions     for class-agnostic recall: the best regions, whatever they are. They are ranked by the
                foreground score (probability of anything but background in the joint softmax, fused with the
                objectness as a name's is) and suppress each other whatever their names; the mask is that of
                the best name.
    given_boxes the mask of every object of the file, given its box and its name.

Nothing is cut off by a score, unless the model's `evaluation_threshold` says so. Suppression is per name,
never across names. There are no distractors, and no classes but the split's, whatever else the model knows. A
user's query differs in all of this, and finds less (`zsi_core.inference.vocabulary`). Models that score other
names through the seen classes have one softmax for all lists (`THROUGH_SEEN`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from zsi_core.errors import SplitError
from zsi_core.inference.scoring import PROTOCOL
from zsi_core.inference.vocabulary import Vocabulary, VocabularyBuilder
from zsi_core.model import ModelConfig
from zsi_core.semantics import ClassSplit, WordTable, class_key

NAME = "zsi-cvpr2021"
DETAILS: dict[str, Any] = {
    "zsi": "softmax of background and unseen classes; 100 results an image",
    "gzsi": "a softmax of background and seen classes beside that of zsi; 100 results an image of each",
    "strict": "one softmax of background, seen and unseen classes; 100 results an image",
    "regions": "ranked by foreground score, class-agnostic suppression; 100 an image",
    "distractors": False,
    "score_threshold": 0.0,
    "nms_per_name": PROTOCOL.per_name,
    "nms_across_names": PROTOCOL.across_names,
}
"""Stands in `metrics.json` and in files of predictions: another value is another protocol."""

THROUGH_SEEN: dict[str, Any] = {
    "zsi": "softmax of background and seen classes, carried over to unseen ones as p W_s^T W_u; 100 an image",
    "gzsi": "the same carried over to seen classes, beside those of zsi; 100 results an image of each",
    "strict": "the lists of gzsi as one; 100 results an image",
    "regions": "ranked by foreground probability, class-agnostic suppression; 100 an image",
}
"""What differs for models that score other names through the seen classes, as the published code does."""


def details(model: ModelConfig) -> dict[str, Any]:
    """What is asked of a model with this configuration."""
    wording = THROUGH_SEEN if model.transfer == "seen_posterior" else {}
    return DETAILS | wording | {"score_threshold": model.evaluation_threshold}


@dataclass(frozen=True)
class Vocabularies:
    """The names of the lists of results; all of them are shown."""

    zsi: Vocabulary
    seen: Vocabulary
    joint: Vocabulary


def vocabularies(table: WordTable, split: ClassSplit) -> Vocabularies:
    """Vocabularies of a split.

    Raises:
        NameResolutionError: a class has no word vector.
    """
    joint = VocabularyBuilder(table, split.seen, with_distractors=False).build(split.unseen, "gzsi")
    unseen = range(len(split.unseen))
    seen = range(len(unseen), len(joint.names))
    among_themselves = joint.select(seen, shown=len(seen))
    return Vocabularies(
        zsi=joint.select(unseen, shown=len(unseen)),
        # Without unseen classes to make room for, the seen penalty would favour the background.
        seen=replace(among_themselves, seen=torch.zeros_like(among_themselves.seen)),
        joint=joint,
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
