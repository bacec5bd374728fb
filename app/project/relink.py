"""Find the images of a project again after their folder was moved or rearranged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.project.commands.base import Command
from app.project.queries import Queries
from app.project.records import ImageRecord
from app.project.root import absolute, image_name, stored_root
from app.project.rows import Rows
from app.project.stored import image_values
from zsi_core.errors import ImageError
from zsi_core.files import file_sha256
from zsi_core.images import find_images


@dataclass(frozen=True)
class Relink(Command):
    """Look for the images below another folder; make it with `plan_relink`. Not undoable.

    Attributes:
        root: the new image folder.
        moved: id -> file, of images that are found elsewhere than before below the folder.
        missing: names of images that are not found; they keep their names.
    """

    root: Path
    moved: Mapping[int, Path]
    missing: tuple[str, ...]

    @property
    def label(self) -> str:
        return "Find the images again"

    @property
    def undoable(self) -> bool:
        return False

    def apply(self, rows: Rows) -> None:
        root = absolute(self.root)
        rows.set_root(stored_root(root, rows.project))
        for image_id, path in self.moved.items():
            rows.update("images", image_id, image_values(image_name(path, root)))


def plan_relink(queries: Queries, root: Path) -> Relink:
    """What `Project.do` should do to find the images below `root`; looks at files only, so run it as a job.

    An image is the file of the same relative path; else the one file of the same name and, as far as they
    were ever read, the same size and the same hash. Without size and hash nothing is guessed.

    Raises:
        ImageError: the folder does not exist or cannot be read.
    """
    root = absolute(root)
    files: dict[str, list[Path]] = {}
    for found in find_images([root]):
        files.setdefault(found.path.name, []).append(found.path)
    images = queries.images(queries.image_ids())
    taken = {root / image.name for image in images}
    moved: dict[int, Path] = {}
    missing: list[str] = []
    for image in images:
        if (root / image.name).is_file():
            continue
        candidates = [path for path in files.get(image.path.name, ()) if path not in taken]
        matching = [path for path in candidates if _is_same(path, image)]
        if len(matching) == 1:
            moved[image.id] = matching[0]
            taken.add(matching[0])
        else:
            missing.append(image.name)
    return Relink(root, moved, tuple(missing))


def _is_same(path: Path, image: ImageRecord) -> bool:
    if image.file_size is None and image.sha256 is None:
        return False
    try:
        same_size = image.file_size in (None, path.stat().st_size)
        return same_size and image.sha256 in (None, file_sha256(path))
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
