"""`metrics.json`: all figures of a run.

    protocol            "zsi-cvpr2021"; its choices in `protocol_details` (see `zsi_core.evaluation.protocol`)
    split, mode, task   as asked for
    model               name, sha256 of the weights, sha256 of the word table, number format it ran in
    calibration         values that turned outputs into scores, `seen_penalty` among them
    annotations         name and sha256 of the annotation file
    command             that made the file
    skipped             images that could not be read: file_name, reason
    limit               the first so many images of the file only, or null
    results             task -> mode -> figures, and task -> ar100_agnostic, ar100_agnostic_interval and, for
                        "segm", box_to_mask

Figures of a task in a mode are

    images              evaluated; `box_only_images` were left out because they hold objects without a mask
    recall@100          IoU -> mean over the classes that have objects of the recall by 100 results an image
    map50               mean over those classes of the 101-point average precision at IoU 0.5
    seen, unseen        the same of the two groups of classes; null where the mode has no such class
    harmonic_mean       of seen and unseen, figure by figure
    per_class           class -> group, instances, recall@100, map50
    frequent            the means over classes of at least `min_instances` objects
    strict              the same with 100 results an image over all classes, which compete with each other;
                        "gzsi" otherwise takes 100 seen and 100 unseen ones from two separate branches, as
                        the authors' evaluation does
    bootstrap           [low, high] of each figure: `level`, `resamples` and `seed` of a bootstrap over images

All are fractions, or null where there is nothing to measure. The top level repeats those of the headline
task, "segm" if there are images to evaluate masks on: `seen`, `unseen` and `harmonic_mean` of "gzsi" where
that was evaluated, everything else of "zsi" where that was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zsi_core.coco import CocoFile, CocoImage
from zsi_core.evaluation import protocol
from zsi_core.evaluation.box_to_mask import box_to_mask
from zsi_core.evaluation.ground_truth import Task
from zsi_core.evaluation.metrics import Mode, Results, agnostic_recall, mode_metrics
from zsi_core.files import file_sha256
from zsi_core.semantics import ClassSplit

if TYPE_CHECKING:
    from zsi_core.inference import Segmenter


def results_of_tasks(
    coco: CocoFile,
    images: Sequence[CocoImage],
    split: ClassSplit,
    results: Callable[[str], Results],
    *,
    modes: Sequence[Mode],
    tasks: Sequence[Task],
    resamples: int,
) -> dict[str, dict[str, Any]]:
    """The entry `results` of the file.

    Args:
        results: name of a list of predictions -> its COCO results; asked for list by list, because those of
            ten thousand images take gigabytes.
    """
    found: dict[str, dict[str, Any]] = {task: {} for task in tasks}
    for mode in modes:
        of_mode = results("zsi") if mode == "zsi" else [*results("seen"), *results("zsi")]
        strict = None if mode == "zsi" else results("joint")
        for task in tasks:
            found[task][mode] = mode_metrics(
                coco, images, split, of_mode, strict, mode=mode, task=task, resamples=resamples
            )
    regions = results("regions")
    for task in tasks:
        value, interval = agnostic_recall(coco, images, regions, task=task, resamples=resamples)
        found[task] |= {"ar100_agnostic": value, "ar100_agnostic_interval": interval}
    if "segm" in tasks:
        groups = {"seen": split.seen, "unseen": split.unseen}
        found["segm"]["box_to_mask"] = box_to_mask(coco, results("given_boxes"), groups)
    return found


def headline_task(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The first task that there are images for, of `results`."""
    with_images = (
        task
        for task, found in results.items()
        for mode in ("zsi", "gzsi")
        if found.get(mode, {}).get("images")
    )
    return next(with_images, next(iter(results)))


def headline(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the top level repeats of `results`."""
    of_task = results[headline_task(results)]
    first = of_task["zsi" if "zsi" in of_task else "gzsi"]
    groups = of_task["gzsi" if "gzsi" in of_task else "zsi"]
    return {
        **first,
        **{group: groups[group] for group in ("seen", "unseen", "harmonic_mean")},
        "ar100_agnostic": of_task["ar100_agnostic"],
    }


def provenance(segmenter: Segmenter, coco: CocoFile) -> dict[str, Any]:
    """What the figures were measured with and on."""
    checkpoint = segmenter.checkpoint
    return {
        "protocol": protocol.NAME,
        "protocol_details": protocol.details(checkpoint.info.model),
        "model": {
            "name": checkpoint.path.name,
            "sha256": checkpoint.sha256,
            "words_sha256": checkpoint.info.words_sha256,
            "precision": str(segmenter.dtype).removeprefix("torch."),
        },
        "calibration": dataclasses.asdict(segmenter.calibration),
        "annotations": {"file": coco.path.name, "sha256": file_sha256(coco.path)},
    }
