"""The annotation file of a run: whether it may be written, and writing it from the journal.

`info.zsi` of the file holds the request, whether every image is `complete`, and the `skipped` images.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from zsi_core import __version__
from zsi_core.coco import CocoWriter
from zsi_core.coco.json_file import load_json
from zsi_core.errors import AnnotationError
from zsi_core.files import atomic_write
from zsi_core.images import FoundImage
from zsi_core.proposing.journal import Journal, parts
from zsi_core.proposing.request import Request

SUFFIX = ".json"


@dataclass(frozen=True)
class Summary:
    """What an annotation file holds.

    Attributes:
        images: images listed.
        found: class name -> how many were proposed, only of names that were.
        skipped: file name -> why it could not be read.
        left: images that were not reached.
    """

    images: int
    found: dict[str, int]
    skipped: dict[str, str]
    left: int


def journal_path(output: Path) -> Path:
    """Where the journal of a run lies: beside its annotation file."""
    return output.with_name(output.name + ".journal")


def check_output(output: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse to write over something, before any work is done; makes the folder.

    Raises:
        AnnotationError: not a JSON file, or there are results already and neither flag is given.
    """
    if output.suffix.lower() != SUFFIX or output.is_dir():
        raise AnnotationError(
            f"{output} must be a file with the suffix {SUFFIX}: choose another name with -o"
        )
    if not (resume or overwrite):
        if journal_path(output).exists() or parts(journal_path(output)):
            raise AnnotationError(
                f"{journal_path(output)} belongs to a run that was interrupted: go on with --resume, start "
                "again with --overwrite, or choose another file with -o"
            )
        if output.exists():
            raise AnnotationError(
                f"{output} exists: replace it with --overwrite, or choose another file with -o"
            )
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AnnotationError(f"{output.parent} cannot be made ({error}): choose another folder") from error


def completed(output: Path, request: Request, images: Sequence[FoundImage]) -> Summary | None:
    """What a file holds that is the finished result of this request on these images; None without a file.

    Raises:
        AnnotationError: the file is something else, which cannot be gone on with.
    """
    if not output.exists():
        return None
    document = load_json(output)
    try:
        run = document["info"]["zsi"]
        skipped = {image["file_name"]: image["reason"] for image in run["skipped"]}
        listed = {image["file_name"] for image in document["images"]}
        names = {category["id"]: category["name"] for category in document["categories"]}
        found = Counter(names[annotation["category_id"]] for annotation in document["annotations"])
        same = run["complete"] and request.to_dict().items() <= run.items()
    except (AttributeError, KeyError, TypeError):
        same = False
    if not same or listed | skipped.keys() != {image.name for image in images}:
        raise AnnotationError(
            f"{output} is not the result of this request on these images, and has no journal to go on with: "
            "replace it with --overwrite, or choose another file with -o"
        )
    return Summary(len(listed), dict(found), skipped, left=0)


def write_output(output: Path, request: Request, images: Sequence[FoundImage], journal: Journal) -> Summary:
    """Write the annotation file from the journal, complete or not at all; holds one image in memory.

    Images are listed in the order given, whatever the order in which they were finished, and ids count from
    1: an interrupted and resumed run gives what one run gives, apart from the `uuid` and the time `created`
    of each annotation.

    Raises:
        AnnotationError: the file cannot be written.
    """
    names = [image.name for image in images]
    finished = [name for name in names if name in journal.done]
    skipped = {name: journal.skipped[name] for name in names if name in journal.skipped}
    left = len(names) - len(finished) - len(skipped)
    run = {
        **request.to_dict(),
        "complete": left == 0,
        "skipped": [{"file_name": name, "reason": reason} for name, reason in skipped.items()],
    }
    info = {
        "description": "Proposals of a model, not checked by a person",
        "version": "",
        "contributor": f"ZSI Annotator {__version__}",
        "zsi": run,
    }
    frame = CocoWriter(request.categories, info=info).document
    try:
        with atomic_write(output, "w") as stream:
            found = _write(stream, frame, journal, finished)
    except OSError as error:
        raise AnnotationError(
            f"{output} cannot be written ({error.strerror}): check that the folder may be written to and has "
            "space left, then go on with --resume"
        ) from error
    return Summary(len(finished), found, skipped, left)


def _write(
    stream: IO[str], frame: Mapping[str, Any], journal: Journal, names: Sequence[str]
) -> dict[str, int]:
    """Write a document piece by piece.

    Args:
        frame: the document without images and annotations.
        names: finished images.

    Returns:
        Class name -> how many annotations it has, where it has any.
    """
    found = {category["id"]: 0 for category in frame["categories"]}

    def annotations() -> Iterator[dict[str, Any]]:
        for _, of_image in _numbered(journal, names):
            for annotation in of_image:
                found[annotation["category_id"]] += 1
                yield annotation

    stream.write("{")
    for key in ("info", "licenses", "categories"):
        stream.write(f'"{key}":{_json(frame[key])},\n')
    stream.write('"images":')
    _write_list(stream, (image for image, _ in _numbered(journal, names)))
    stream.write(',\n"annotations":')
    _write_list(stream, annotations())
    stream.write("}\n")
    return {c["name"]: found[c["id"]] for c in frame["categories"] if found[c["id"]]}


def _numbered(
    journal: Journal, names: Iterable[str]
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Image and annotations of every entry, with the ids that they have in the whole file."""
    annotation_id = 1
    for image_id, entry in enumerate(journal.entries(names), 1):
        annotations = []
        for annotation in entry["annotations"]:
            annotations.append({**annotation, "id": annotation_id, "image_id": image_id})
            annotation_id += 1
        yield {**entry["image"], "id": image_id}, annotations


def _write_list(stream: IO[str], values: Iterable[Any]) -> None:
    """Write a JSON list, one value a line."""
    stream.write("[")
    for index, value in enumerate(values):
        stream.write((",\n" if index else "\n") + _json(value))
    stream.write("]")


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
