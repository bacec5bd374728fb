"""Opens folders, files, projects and the demo; fills the list of images in the background."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.folder_scan import ScanResult, scan
from app.jobs.job_list import Job, JobList
from app.jobs.worker import Task
from app.project import Project, project_path
from app.project.backup import backup_is_due, write_backup
from app.project.commands import AddClass, AddImages, Batch
from app.project.connection import backup_path, is_outdated, on_network_share
from app.project.location import SUFFIX
from app.session import Session
from zsi_core.errors import ZsiError
from zsi_core.files import atomic_write, resources_dir, user_data_dir

DEMO_PROJECT = "demo" + SUFFIX


class OpeningError(ZsiError):
    """Something cannot be opened."""


class Opener(QObject):
    """Everything here returns at once; images appear in the list as they are found.

    Attributes:
        first_image: name of the image to begin with in the project that was opened last; empty for the first.
    """

    opened = Signal(object)
    """path of the project that was opened."""
    filled = Signal()
    """Images were added to the list."""
    problem = Signal(str)
    """Something could not be read; the rest was."""

    def __init__(self, session: Session, jobs: JobList, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._jobs = session, jobs
        self.first_image = ""
        self._job: Job | None = None
        self._backups: dict[Path, Job] = {}
        self._awaited: Path | None = None

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open what was dropped on the window or named at start: one project, or folders and image files.

        Image files come to the open project; folders are opened as projects of their own.

        Raises:
            ZsiError: they cannot be opened; the message says why.
        """
        paths = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - links keep their names
        for path in paths:
            if not path.exists():
                raise OpeningError(f"{path} does not exist: check the spelling, or whether it was moved")
        projects = [path for path in paths if path.suffix.lower() == SUFFIX]
        if len(projects) == 1 == len(paths):
            self.open_project(projects[0])
        elif projects:
            raise OpeningError(f"{projects[0].name} is a project: open it alone, without other files")
        elif len(paths) == 1 and paths[0].is_dir():
            self.open_folder(paths[0])
        else:
            self._open_files(paths)

    def open_project(self, path: Path) -> None:
        """Open a project file.

        Raises:
            ZsiError: see `Project.open`.
        """
        self._open(path)

    def open_folder(self, folder: Path) -> None:
        """Open the project of a folder, which is made if there is none, and look for images.

        Raises:
            ZsiError: see `Project.open_or_create`.
        """
        self._open(project_path(folder), folder, lambda: self.add([folder]))

    def open_demo(self) -> None:
        """Open the project of the demo pictures, which are copied to the user's data folder first.

        Raises:
            OpeningError: they cannot be copied.
        """
        folder = user_data_dir() / "demo"
        listing = json.loads((resources_dir() / "demo" / "demo.json").read_text(encoding="utf-8"))
        names = [entry["file"] for entry in listing["images"]]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in [*names, "ATTRIBUTION.md"]:
                if not (folder / name).exists():
                    with atomic_write(folder / name) as stream:
                        stream.write((resources_dir() / "demo" / name).read_bytes())
        except OSError as error:
            raise OpeningError(f"the demo cannot be copied to {folder}: {error}") from error
        is_new = not (folder / DEMO_PROJECT).exists()
        project = Project.open_or_create(folder / DEMO_PROJECT, root=folder)
        if is_new:
            project.do(AddImages([folder / name for name in names]))
            project.do(Batch([AddClass(name) for name in listing["prompt"]], "Add the classes of the demo"))
        self._take(project, listing["first"])

    def rescan(self) -> None:
        """Add images that came into the folder of the project."""
        if self._session.project is not None:
            self.add([self._session.project.root])

    def add(self, paths: Sequence[Path]) -> None:
        """Look for images among files and in folders, and add those that are new to the open project."""
        project = self._session.project
        if project is None or project.read_only:
            return
        self.stop()
        shown = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
        known = project.image_count()
        seen = 0
        skipped: list[str] = []

        def work(task: Task) -> ScanResult:
            return scan(task, paths)

        def take(batch: list[Path]) -> None:
            nonlocal seen
            if self._session.project is project and (change := self._session.do(AddImages(batch))):
                assert self._job is not None
                skipped.extend(change.skipped)
                seen += len(batch)
                self._job.progress(0, 0, f"{seen:,} found")
                self.filled.emit()

        def finished(result: ScanResult) -> str:
            if result.unreadable:
                listed = "; ".join(result.unreadable[:3])
                self.problem.emit(f"This cannot be read and was left out: {listed}")
            if skipped:
                more = f" (and {len(skipped) - 3:,} more)" if len(skipped) > 3 else ""
                self.problem.emit("; ".join(skipped[:3]) + more)
            if not (result.found or result.unreadable):
                self.problem.emit(
                    f"There is no image in {paths[0]}: choose another folder, or add images to it"
                )
            new = project.image_count() - known if self._session.project is project else 0
            return f"{result.found:,} images, {new:,} of them new"

        self._job = self._jobs.run(f"Looking for images in {shown}", work, finished, take)

    def stop(self) -> None:
        """Look no further for images."""
        if self._job is not None:
            self._job.stop()

    def _open_files(self, paths: Sequence[Path]) -> None:
        from zsi_core.images import image_suffixes  # Pillow waits for the first image

        for path in paths:
            if path.is_file() and path.suffix.lower() not in image_suffixes():
                raise OpeningError(
                    f"{path.name} is neither an image, a folder nor a project ({SUFFIX}): nothing was "
                    "opened. To read annotations, choose File, Import annotations"
                )
        if self._session.project is None or any(path.is_dir() for path in paths):
            try:
                root = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in paths]))
            except ValueError as error:
                raise OpeningError(f"{paths[0]} and {paths[-1]} lie on different drives: open one") from error
            self._open(project_path(root), root, lambda: self.add(paths))
        else:
            self.add(paths)

    def _open(self, path: Path, root: Path | None = None, then: Callable[[], object] = lambda: None) -> None:
        """Make a project the one of the window; one of an older version is first brought up to date in a job.

        Args:
            root: of a project that is made where there is none.
            then: called when it is open.
        """

        def open_now() -> None:
            self._take(Project.open_or_create(path, root) if root else Project.open(path))
            then()

        def updated(_: None) -> str:
            if self._awaited == path:  # nothing else was opened meanwhile
                open_now()
            return f"As it was, it is kept in {backup_path(path).name}"

        if path.exists() and is_outdated(path):
            self._awaited = path
            self._jobs.run(f"Bringing {path.name} up to date", lambda _: Project.open(path).close(), updated)
        else:
            open_now()

    def _take(self, project: Project, first_image: str = "") -> None:
        self.stop()
        self._awaited = None
        self.first_image = first_image
        self._session.open(project)
        self.opened.emit(project.path)
        self._back_up(project)

    def _back_up(self, project: Project) -> None:
        """Keep what was there before the changes that come now."""
        path = project.path
        if project.read_only or not project.image_count() or not backup_is_due(path):
            return
        if on_network_share(path):
            return  # without a write-ahead log, copying would hold up every change
        if path in self._backups and self._backups[path].running:
            return  # it was closed and is open again
        self._backups[path] = self._jobs.run(
            f"Backing up {path.name}",
            lambda task: write_backup(path, task.check),
            lambda backup: f"Written to {backup.name}",
        )
