"""The formats that a project can be written in and read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.exchange.coco_export import export_coco, export_results
from app.exchange.options import ExportOptions
from app.exchange.outgoing import Outgoing, Progress
from app.project import Queries
from zsi_core.coco.formats.labelme import write_labelme
from zsi_core.coco.formats.masks import write_masks
from zsi_core.coco.formats.voc import write_voc
from zsi_core.coco.formats.yolo import write_yolo
from zsi_core.coco.tally import Tally


@dataclass(frozen=True)
class ExportFormat:
    """A format.

    Attributes:
        title: for a person.
        suffix: of the file that is written; "" where the target is a folder.
        about: what it is good for and what it cannot hold.
        choices: of `ExportOptions` that mean something for it, `states` aside.
        write: writes it and returns the files or folders.
    """

    title: str
    suffix: str
    about: str
    choices: tuple[str, ...]
    write: Callable[[Outgoing, Path, ExportOptions], list[Path]]


EXPORT_FORMATS: dict[str, ExportFormat] = {
    "coco": ExportFormat(
        "COCO",
        ".json",
        "Everything: masks, holes, boxes, crowds, classes, licences, and who made what.",
        ("scores", "provenance", "force_rle", "copy_images", "val_percent"),
        lambda outgoing, target, options: export_coco(
            outgoing, target, split=options.val_percent > 0, copy_images=options.copy_images
        ),
    ),
    "results": ExportFormat(
        "COCO detection results",
        ".json",
        "What a model scored, to be evaluated against an annotation file. Objects made by hand are left out.",
        (),
        lambda outgoing, target, options: export_results(outgoing, target),
    ),
    "yolo": ExportFormat(
        "YOLO segmentation",
        "",
        "One outline per object: holes are filled, parts joined. Holds neither crowds, scores nor ids.",
        ("copy_images", "val_percent"),
        lambda outgoing, target, options: _to_folder(
            write_yolo, outgoing, target, copy_images=options.copy_images, split=options.val_percent > 0
        ),
    ),
    "labelme": ExportFormat(
        "labelme",
        "",
        "One JSON file per image; masks are exact. Holds neither scores, ids nor licences.",
        ("copy_images",),
        lambda outgoing, target, options: _to_folder(
            write_labelme, outgoing, target, copy_images=options.copy_images
        ),
    ),
    "voc": ExportFormat(
        "Pascal VOC",
        "",
        "Boxes as XML, masks as pictures: of objects that overlap, the upper one has the pixels.",
        ("copy_images", "val_percent"),
        lambda outgoing, target, options: _to_folder(
            write_voc, outgoing, target, copy_images=options.copy_images, split=options.val_percent > 0
        ),
    ),
    "masks": ExportFormat(
        "Mask images",
        "",
        "Numbers of objects and classes as pictures: of objects that overlap, the upper one has the pixels.",
        ("copy_images",),
        lambda outgoing, target, options: _to_folder(
            write_masks, outgoing, target, copy_images=options.copy_images
        ),
    ),
}
"""By the name that the command line takes."""


def _to_folder(write: Callable[..., None], outgoing: Outgoing, target: Path, **options: bool) -> list[Path]:
    write(outgoing.images(), outgoing.categories, target, outgoing.tally, **options)
    return [target]


def export_project(
    project: Queries,
    target: Path,
    format: str,
    options: ExportOptions,
    progress: Progress = lambda done, total: None,
) -> tuple[Tally, list[Path]]:
    """Write a project.

    Args:
        target: file, or folder for formats of many files.
        format: one of `EXPORT_FORMATS`.

    Returns:
        What was written, and where.

    Raises:
        AnnotationError: it cannot be written.
    """
    tally = Tally()
    outgoing = Outgoing(project, options, tally, progress)
    return tally, EXPORT_FORMATS[format].write(outgoing, target, options)
