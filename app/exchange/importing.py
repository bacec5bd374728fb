"""Read an annotation file of any known format into a project, in one step or not at all."""

from __future__ import annotations

from pathlib import Path

from app.exchange.import_command import ImportAnnotations, Progress
from app.project import Project
from zsi_core.coco.source import Source, open_source
from zsi_core.coco.tally import Tally
from zsi_core.errors import AnnotationError

IMPORT_FORMATS = {"coco": "COCO"}
"""Format -> its title for a person."""


def open_annotations(path: Path, format: str | None, images_dir: Path, tally: Tally) -> Source:
    """An annotation file or folder as COCO.

    Args:
        format: one of `IMPORT_FORMATS`; None finds it out.
        tally: told what a converter changed and left out.

    Raises:
        AnnotationError: it cannot be read.
    """
    return open_source(path)


def images_dir_of(path: Path) -> Path:
    """Where the images of an annotation file most likely lie: in `images` beside it, or beside it."""
    folder = path if path.is_dir() else path.parent
    return folder / "images" if (folder / "images").is_dir() else folder


def import_new(
    path: Path,
    target: Path,
    images_dir: Path,
    format: str | None = None,
    progress: Progress = lambda done, doing: None,
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
