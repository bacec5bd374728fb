"""The loop over the images of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zsi_core.coco import CocoWriter
from zsi_core.coco.values import file_name_problem
from zsi_core.errors import ImageError
from zsi_core.images import FoundImage, read_image
from zsi_core.preview import Colour, class_colours
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.previews import PreviewFolder
from zsi_core.proposing.request import Request

if TYPE_CHECKING:
    from zsi_core.inference import Segmenter


@dataclass(frozen=True)
class Finished:
    """An image that was just dealt with.

    Attributes:
        image: which one.
        skipped: why it could not be read; empty when it could.
    """

    image: FoundImage
    skipped: str = ""


def proposals(
    segmenter: Segmenter,
    images: Iterable[FoundImage],
    request: Request,
    journal: Journal,
    previews: PreviewFolder | None = None,
) -> Iterator[Finished]:
    """Propose on each image that the journal does not hold yet, encoding it once.

    An image is in the journal, and on the disk, when it is yielded: stop iterating at any time and go on
    later. One that cannot be read is skipped.

    Raises:
        AnnotationError: the journal cannot be written.
        ImageError: a preview cannot be written.
    """
    colours = class_colours(request.categories)
    for image in images:
        if image.name not in journal.done:
            entry = _entry(segmenter, image, request, previews, colours)
            journal.append(entry)
            yield Finished(image, entry.get("skipped", ""))


def _entry(
    segmenter: Segmenter,
    image: FoundImage,
    request: Request,
    previews: PreviewFolder | None,
    colours: Mapping[str, Colour],
) -> dict[str, Any]:
    """The journal's entry of an image (see `zsi_core.proposing.journal`)."""
    if problem := file_name_problem(image.name):
        return _skipped(image, f"cannot be listed: its name {problem}; rename it")
    try:
        pixels = read_image(image.path)
    except ImageError as error:
        # Without the path, which says where on whose machine the photograph was.
        return _skipped(image, str(error).removeprefix(f"{image.path} "))
    instances = segmenter.query(
        segmenter.encode(pixels),
        request.names,
        threshold=request.threshold,
        mode=request.mode,
        max_instances=request.max_per_image,
    )
    if previews:
        previews.write(image.name, pixels, instances, colours)
    writer = CocoWriter(request.categories)
    writer.add_instances(writer.add_image(image.name, instances.image_size), instances, request.run)
    document = writer.document
    return {
        "file_name": image.name,
        "image": document["images"][0],
        "annotations": document["annotations"],
    }


def _skipped(image: FoundImage, reason: str) -> dict[str, Any]:
    return {"file_name": image.name, "skipped": reason}
