"""What the window and the training process tell each other about a retraining: files in its run folder.

plan.json                        what is to be done (`RetrainingPlan`)
train_complete.json              images whose every object is labelled: the rest of them is background
train_partial.json               the other training images: what nobody labelled there may be anything
held_out.json                    images that never train; before and after are measured on them
probe.json                       how long it will take on this machine (`Probe`)
log.jsonl, control, checkpoint/  as of every training run
before.json, after.json          figures on the held-out part, as `metrics.json`
model/                           the new model, complete
comparisons.json, pictures/      held-out images with what both models find in them (`Comparison`)
report.html                      figures, curves and pictures
result.json                      how it ended (`Result`); it is there when all of the above is, not before
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from zsi_core.coco.json_file import load_json
from zsi_core.coco.writer import write_json
from zsi_core.errors import TrainingError

PLAN, PROBE, BEFORE, AFTER, RESULT = "plan.json", "probe.json", "before.json", "after.json", "result.json"
COMPLETE, PARTIAL, HELD_OUT = "train_complete.json", "train_partial.json", "held_out.json"
MODEL, REPORT = "model", "report.html"
COMPARISONS, PICTURES = "comparisons.json", "pictures"

RecipeName = Literal["fast", "full"]
RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)


@dataclass(frozen=True)
class PlannedClass:
    """A class of the project.

    Attributes:
        name: as typed.
        objects, images: labelled objects in the training part, and images that show one.
        held_out: objects in the held-out part.
        trained: it has enough to become a seen class; otherwise the model is not shown any of it.
    """

    name: str
    objects: int
    images: int
    held_out: int
    trained: bool


@dataclass(frozen=True)
class RetrainingPlan:
    """What a retraining is going to do.

    Attributes:
        project: file of the project.
        images: folder that the names in the annotation files are relative to.
        model: the one to start from: name or folder.
        recipe: "fast" trains the heads on features as they are, "full" the whole network.
        classes: of the project, in its order.
        training_images, complete_images: that train, and those among them that are labelled completely.
        held_out_images: that never train.
        all_complete: every image is taken as labelled completely, whatever its mark says.
        warnings: what a person should know before, one sentence each.
        problem: why it cannot start; empty if it can.
    """

    project: str
    images: str
    model: str
    recipe: RecipeName
    classes: tuple[PlannedClass, ...]
    training_images: int
    complete_images: int
    held_out_images: int
    all_complete: bool = False
    warnings: tuple[str, ...] = ()
    problem: str = ""

    @property
    def trained(self) -> tuple[str, ...]:
        """Names that become seen classes."""
        return tuple(c.name for c in self.classes if c.trained)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the other classes."""
        return tuple(c.name for c in self.classes if not c.trained)

    def write(self, folder: Path) -> None:
        """Write `plan.json`.

        Raises:
            AnnotationError: it cannot be written.
        """
        write_json(folder / PLAN, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Inverse of `write`.

        Raises:
            AnnotationError: the file is missing or no JSON.
            TrainingError: it is no plan.
        """
        values = _values(folder / PLAN, cls)
        try:
            classes = tuple(PlannedClass(**given) for given in values["classes"])
        except TypeError as error:
            raise _foreign(folder / PLAN, error) from error
        return cls(**values | {"classes": classes, "warnings": tuple(values["warnings"])})


@dataclass(frozen=True)
class Probe:
    """What a few steps on this machine tell.

    Attributes:
        seconds: expected duration of everything.
        steps: of training.
        device: it will run on.
        warnings: what only the process can know, such as classes of nearly the same meaning.
    """

    seconds: float
    steps: int
    device: str
    warnings: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Write `probe.json`.

        Raises:
            AnnotationError: it cannot be written.
        """
        write_json(folder / PROBE, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Inverse of `write`.

        Raises:
            AnnotationError, TrainingError: there is none, or something else.
        """
        values = _values(folder / PROBE, cls)
        return cls(**values | {"warnings": tuple(values["warnings"])})


@dataclass(frozen=True)
class Result:
    """How a retraining ended.

    Attributes:
        seconds: of all its sessions together.
        before, after: rows of the table: mask AP50 (that of boxes where no object has a mask) of the groups
            "seen", "unseen" and "harmonic_mean"; None where a group is empty.
        kept: share of the objects that the old model shows on photographs of everyday things, asked for
            names it was never trained on, that the new model still shows.
        installed: name under which a person keeps it; empty until then.
    """

    seconds: float
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]
    kept: float | None
    installed: str = ""

    def write(self, folder: Path) -> None:
        """Write `result.json`.

        Raises:
            AnnotationError: it cannot be written.
        """
        write_json(folder / RESULT, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Inverse of `write`.

        Raises:
            AnnotationError, TrainingError: there is none, or something else.
        """
        return cls(**_values(folder / RESULT, cls))


@dataclass(frozen=True)
class Comparison:
    """A held-out image with what the old and the new model find in it.

    Attributes:
        image: its name.
        names: that are labelled in it, and that both were asked for.
        labelled, found_before, found_after: how many objects.
        before, after: picture files in `pictures/`.
    """

    image: str
    names: tuple[str, ...]
    labelled: int
    found_before: int
    found_after: int
    before: str
    after: str

    @classmethod
    def read(cls, folder: Path) -> tuple[Self, ...]:
        """Those of a run folder; none where there are no held-out images.

        Raises:
            AnnotationError, TrainingError: the file is damaged.
        """
        path = folder / COMPARISONS
        if not path.is_file():
            return ()
        try:
            return tuple(cls(**values | {"names": tuple(values["names"])}) for values in load_json(path))
        except (TypeError, KeyError) as error:
            raise _foreign(path, error) from error


def _values(path: Path, kind: Any) -> dict[str, Any]:
    values = load_json(path)
    wanted = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(values, dict) or set(values) != wanted:
        raise _foreign(path, "other keys than this version writes")
    return values


def _foreign(path: Path, reason: object) -> TrainingError:
    return TrainingError(
        f"{path} was damaged or written by another version ({reason}): start the retraining anew"
    )
