"""A file of predictions: a journal with one line for each image, so that a run goes on where it stopped.

The first line says what the predictions belong to; an entry's lists hold COCO results (`predict.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsi_core.coco import CocoFile
from zsi_core.coco.values import shown
from zsi_core.errors import AnnotationError
from zsi_core.evaluation.protocol import details
from zsi_core.files import file_sha256
from zsi_core.proposing.journal import Journal, NotAJournalError
from zsi_core.proposing.processes import Processes
from zsi_core.semantics import ClassSplit

if TYPE_CHECKING:
    from zsi_core.inference import Segmenter

HOLDS = "predictions of zsi evaluate"


def header(segmenter: Segmenter, coco: CocoFile, split: ClassSplit) -> dict[str, Any]:
    """What predictions depend on, besides the pixels."""
    return {
        "holds": HOLDS,
        "model": segmenter.checkpoint.sha256,
        "words": segmenter.checkpoint.info.words_sha256,
        "calibration": dataclasses.asdict(segmenter.calibration),
        "annotations": file_sha256(coco.path),
        "seen": list(split.seen),
        "unseen": list(split.unseen),
        "protocol": details(segmenter.checkpoint.info.model),
    }


def new_predictions(path: Path, about: dict[str, Any], segmenter: Segmenter) -> Journal:
    """Start a file of predictions.

    Args:
        about: from `header`.

    Raises:
        AnnotationError: the file cannot be written.
    """
    return Journal.create(path, {**about, "precision": str(segmenter.dtype).removeprefix("torch.")})


def existing_predictions(path: Path, processes: Processes) -> Journal | None:
    """The predictions of an earlier run, if the file exists; in another process than the main one, its part.

    Raises:
        AnnotationError: it is no file of predictions, or cannot be written.
        LockedError: it is in use.
    """
    if not path.exists():
        return None
    try:
        journal = Journal.resume(path) if processes.is_main else Journal.part(path, processes.number)
    except NotAJournalError as error:
        raise _no_predictions(path) from error
    if journal.header.get("holds") != HOLDS:
        with journal:
            raise _no_predictions(path)
    return journal


def require_same(journal: Journal, wanted: dict[str, Any]) -> None:
    """Refuse predictions that belong to something else.

    Raises:
        AnnotationError: another model, annotation file, split or protocol; the message says which.
    """
    other = [key for key, value in wanted.items() if journal.header.get(key) != value]
    if other:
        told = "; ".join(
            f"{key}: {shown(journal.header.get(key))}, now {shown(wanted[key])}" for key in other
        )
        raise AnnotationError(
            f"{journal.path} holds predictions of something else ({told}): name another file with "
            "--predictions, or remove it"
        )


def results_of(journal: Journal, file_names: Iterable[str], kind: str) -> list[dict[str, Any]]:
    """One list of results of all named images, best first within each."""
    return [result for entry in journal.entries(file_names) for result in entry.get(kind, ())]


def _no_predictions(path: Path) -> AnnotationError:
    return AnnotationError(
        f"{path} is not a file of predictions that can be gone on with: name another one with --predictions, "
        "or remove it"
    )
