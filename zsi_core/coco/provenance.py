"""Who made an object: the value of the key `zsi` of an annotation, the same in files and in the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from zsi_core.instances import Instances

STATES = ("proposed", "accepted", "corrected", "rejected", "drawn")


@dataclass(frozen=True)
class ProposalRun:
    """What all proposals of one run of a model have in common.

    Attributes:
        model: name of the checkpoint.
        checkpoint_sha256, words_sha256: hashes of its weights and of its word table.
        threshold: score from which on they are shown. A run of `zsi propose` keeps no others; the window
            keeps some below it, for its sliders.
        resolved_as: typed class name -> the words whose vector stood for it.
    """

    model: str
    checkpoint_sha256: str
    words_sha256: str
    threshold: float
    resolved_as: Mapping[str, str] = field(default_factory=dict)


def proposed(run: ProposalRun, instances: Instances, index: int) -> dict[str, Any]:
    """Provenance of one instance that a model has just proposed."""
    name = instances.names[index]
    made_by = {
        "model": run.model,
        "checkpoint_sha256": run.checkpoint_sha256,
        "words_sha256": run.words_sha256,
        "name": name,
        "resolved_as": run.resolved_as.get(name, name),
        "score": rounded_score(instances.scores[index]),
        "runner_up": instances.runner_up_names[index],
        "runner_up_score": rounded_score(instances.runner_up_scores[index]),
        "threshold": run.threshold,
    }
    return _new("proposed", made_by)


def drawn(tool: str) -> dict[str, Any]:
    """Provenance of an object that was just drawn by hand."""
    return _new("drawn", {"tool": tool})


def rounded_score(score: float) -> float:
    """A score as files hold it: four digits after the point."""
    return round(float(score), 4)


def _new(state: str, made_by: dict[str, Any]) -> dict[str, Any]:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"uuid": str(uuid4()), "state": state, "made_by": made_by, "edits": [], "created": created}
