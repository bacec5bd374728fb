"""Read an annotation file of any known format into a project, in one step or not at all."""

from __future__ import annotations

from pathlib import Path

from app.exchange.import_command import ImportAnnotations, Progress
from app.project import Project
from zsi_core.coco.formats.labelme import read_labelme
from zsi_core.coco.formats.masks import LIST, read_masks
from zsi_core.coco.formats.yolo import read_yolo
from zsi_core.coco.source import DocumentSource, Source, open_source
from zsi_core.coco.tally import Tally
from zsi_core.errors import AnnotationError

IMPORT_FORMATS = {
    "coco": "COCO (JSON)",
    "labelme": "labelme (JSON)",
    "yolo": "YOLO (folder)",
    "masks": "Mask images (folder)",
}
"""Format -> its title for a person."""

CLASS_LISTS = ("labels.txt", "classes.txt")
"""Files with names of classes, which stand beside labels of any format."""

_READERS = {"labelme": read_labelme, "yolo": read_yolo, "masks": read_masks}


def open_annotations(path: Path, format: str | None, images_dir: Path, tally: Tally) -> Source:
    """An annotation file or folder as COCO.

    Args:
        format: one of `IMPORT_FORMATS`; None finds it out.
        tally: told what a converter changed and left out.

    Raises:
        AnnotationError: it cannot be read.
    """
    if not path.exists():
        raise AnnotationError(f"{path} does not exist: check the spelling, or whether it was moved")
    format = format or format_of(path)
    if format == "coco":
        return open_source(path)
    return DocumentSource(path, _READERS[format](path, images_dir, tally))


def format_of(path: Path) -> str:
    """The format of an existing file or folder, by what is in it.

    Raises:
        AnnotationError: nothing in it is known.
    """
    if path.is_file():
        if path.suffix.lower() in (".yaml", ".yml"):
            return "yolo"
        return "labelme" if _is_labelme(path) else "coco"
    for format, pattern in (
        ("masks", LIST),
        ("yolo", "*.yaml"),
        ("labelme", "**/*.json"),
        ("yolo", "**/*.txt"),
        ("masks", "**/*.png"),
    ):
        if any(found.name not in CLASS_LISTS for found in path.glob(pattern)):
            return format
    raise AnnotationError(f"{path} holds no annotations that are known: name the file, or the format")


def _is_labelme(path: Path) -> bool:
    """By the first characters: COCO files are too large to be read twice."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    return b'"shapes"' in head and b'"annotations"' not in head


def images_dir_of(path: Path) -> Path:
    """Where the images of an annotation file most likely lie: in `images` beside it, or beside it."""
    folder = path if path.is_dir() else path.parent
    return folder / "images" if (folder / "images").is_dir() else folder


def import_new(
    path: Path,
    target: Path,
    images_dir: Path,
    format: str | None = None,
    progress: Progress = lambda done, total, doing: None,
) -> Tally:
    """Read annotations into a project, which is made if there is none.

    Raises:
        AnnotationError: the annotations cannot be read.
        ProjectError: the project cannot be written. In both cases it stays as it was.
    """
    tally = Tally()
    if not images_dir.is_dir():
        raise AnnotationError(f"{images_dir} is not a folder: name the folder that the images lie in")
    source = open_annotations(path, format, images_dir, tally)
    existed = target.exists()
    try:
        with Project.open_or_create(target, root=images_dir) as project:
            project.do(ImportAnnotations(source, images_dir, tally, progress))
    except BaseException:
        if not existed:
            target.unlink(missing_ok=True)
        raise
    return tally
