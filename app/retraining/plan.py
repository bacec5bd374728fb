"""What a retraining on a project would do, and the files that its process reads. No Qt, no torch."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.exchange.options import ExportOptions
from app.exchange.outgoing import Outgoing, Progress
from app.project import Queries
from app.retraining.words import counted
from zsi_core.coco.file_stream import CocoFileStream, coco_file
from zsi_core.coco.formats.labelled_image import LabelledImage
from zsi_core.coco.tally import Tally
from zsi_core.errors import TrainingError
from zsi_core.retraining import COMPLETE, HELD_OUT, PARTIAL, PlannedClass, RecipeName, RetrainingPlan

MIN_OBJECTS, MIN_IMAGES = 10, 3
"""Labelled objects of a class in the training part, and images with one, from which on it is trained."""

HELD_OUT_PERCENT = 20
"""Share of the images that never trains. A hash of its name decides about each image, so that a later
retraining holds the same ones out, however many were added meanwhile."""

FEW_HELD_OUT = 5
"""Held-out objects of a class below which figures about it mean little."""


def make_plan(
    project: Queries,
    *,
    model: str = "starter",
    recipe: RecipeName = "fast",
    all_complete: bool = False,
    progress: Progress = lambda done, total: None,
) -> RetrainingPlan:
    """What a retraining would do with a project as it is now. Reads every object: call it in a job.

    Labelled objects are those that a person accepted, corrected or drew.

    Args:
        model: to start from: name of an installed one, or a checkpoint folder.
        recipe: "fast" or "full".
        all_complete: take every image as labelled completely, whatever its mark says.
        progress: told how many images are done, of how many.

    Returns:
        The plan; `problem` says why it cannot start, if so.
    """
    counts = _Counts()
    outgoing = _outgoing(project, progress)
    for image in _labelled(outgoing, project.root, counts.elsewhere, counts.missing):
        counts.add(image, all_complete)
    classes = tuple(
        PlannedClass(
            category["name"],
            objects := counts.objects[category["id"]],
            images := counts.images[category["id"]],
            counts.held_out_objects[category["id"]],
            objects >= MIN_OBJECTS and images >= MIN_IMAGES,
        )
        for category in outgoing.categories
        if counts.objects[category["id"]] + counts.held_out_objects[category["id"]]
    )
    plan = RetrainingPlan(
        project=str(project.path.resolve()),
        images=str(project.root),
        model=model,
        recipe=recipe,
        classes=classes,
        training_images=counts.training,
        complete_images=counts.complete,
        held_out_images=counts.held_out,
        all_complete=all_complete,
    )
    return replace(plan, warnings=tuple(_warnings(plan, counts)), problem=_problem(plan))


def write_plan(
    project: Queries,
    plan: RetrainingPlan,
    folder: Path,
    *,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write the annotation files and the plan into an existing run folder.

    Raises:
        TrainingError: the plan says that it cannot start.
        AnnotationError: a file cannot be written.
    """
    if plan.problem:
        raise TrainingError(plan.problem)
    outgoing = _outgoing(project, progress)
    head = {"info": outgoing.info, "licenses": outgoing.licenses, "categories": outgoing.categories}
    with ExitStack() as stack:
        files: dict[str, CocoFileStream] = {
            name: stack.enter_context(coco_file(folder / name, **head))  # type: ignore[arg-type]
            for name in (COMPLETE, PARTIAL, HELD_OUT)
        }
        for image in _labelled(outgoing, project.root, [], []):
            file = files[_file(image, plan.all_complete)]
            file.add_image(image.entry)
            file.add_annotations(image.annotations)
    plan.write(folder)


@dataclass
class _Counts:
    """What a project holds; objects and images by category id, those of the training part unless they say
    otherwise."""

    objects: Counter[int] = field(default_factory=Counter)
    images: Counter[int] = field(default_factory=Counter)
    held_out_objects: Counter[int] = field(default_factory=Counter)
    training: int = 0
    complete: int = 0
    held_out: int = 0
    boxes_only: int = 0
    elsewhere: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(self, image: LabelledImage, all_complete: bool) -> None:
        of_classes = Counter(a["category_id"] for a in image.annotations if not a["iscrowd"])
        if image.in_val:
            self.held_out += 1
            self.held_out_objects += of_classes
            return
        self.training += 1
        self.complete += _file(image, all_complete) == COMPLETE
        self.objects += of_classes
        self.images += Counter(of_classes.keys())
        self.boxes_only += sum(not a["segmentation"] for a in image.annotations)


def _outgoing(project: Queries, progress: Progress) -> Outgoing:
    options = ExportOptions(scores=False, val_percent=HELD_OUT_PERCENT)
    return Outgoing(project, options, Tally(), progress)


def _labelled(
    outgoing: Outgoing, root: Path, elsewhere: list[str], missing: list[str]
) -> Iterator[LabelledImage]:
    """Images with labels, named so that they are found from the image folder.

    Args:
        elsewhere: gets the paths of images that no path from there leads to (another drive).
        missing: gets the paths of images that are not there.
    """
    for image in outgoing.images():
        if not image.annotations:
            continue
        if not image.path.is_file():
            missing.append(str(image.path))
            continue
        try:
            name = Path(os.path.relpath(image.path, root)).as_posix()
        except ValueError:
            elsewhere.append(str(image.path))
            continue
        image.entry["file_name"] = name
        yield image


def _file(image: LabelledImage, all_complete: bool) -> str:
    """The annotation file that an image belongs into."""
    if image.in_val:
        return HELD_OUT
    marks = image.entry.get("zsi", {})
    return COMPLETE if all_complete or marks.get("labelled_completely") else PARTIAL


def _problem(plan: RetrainingPlan) -> str:
    """Why a plan cannot start; empty if it can."""
    if plan.trained:
        return ""
    enough = f"{MIN_OBJECTS} labelled objects in {MIN_IMAGES} images"
    if not plan.classes:
        return f"{plan.project} holds no labelled object: a class needs {enough} to be trained"
    most = max(plan.classes, key=lambda c: (c.objects, c.images))
    return (
        f"no class of {plan.project} has enough labels: {enough} are needed, not counting the held-out "
        f"fifth; “{most.name}” has {most.objects} in {most.images}. Accept or draw more of them"
    )


def _warnings(plan: RetrainingPlan, counts: _Counts) -> Iterator[str]:
    """What concerns all comes first: of the classes there may be many."""
    if len(plan.trained) == 1:
        yield "Only one class is trained: the model learns to find it, not to tell it from similar things"
    if plan.training_images and not plan.complete_images:
        yield (
            "No image is marked as labelled completely, so nothing teaches the model what is background: it "
            "will propose too much"
        )
    if counts.boxes_only:
        has = "has" if counts.boxes_only == 1 else "have"
        yield f"{counted(counts.boxes_only, 'object')} {has} only a box, which teaches no mask"
    if counts.missing:
        images = counted(len(counts.missing), "image")
        yield f"{images} with labels cannot be found and will be left out ({counts.missing[0]})"
    if counts.elsewhere:
        images = counted(len(counts.elsewhere), "image")
        yield f"{images} on another drive will be left out ({counts.elsewhere[0]})"
    for c in plan.classes:
        if not c.trained:
            yield (
                f"“{c.name}” has {counted(c.objects, 'labelled object')} in {counted(c.images, 'image')} and "
                f"needs {MIN_OBJECTS} in {MIN_IMAGES}: it is not trained"
            )
        elif c.held_out < FEW_HELD_OUT:
            shown = counted(c.held_out, "held-out object")
            yield f"“{c.name}” has {shown}: figures about it will mean little"
