"""`Project`: one open project file.

    with Project.open_or_create(project_path(folder), root=folder) as project:
        unsubscribe = project.subscribe(repaint)
        project.do(AddImages([found.path for found in find_images([folder])]))
        project.do(AddClass("hair drier"))
        project.do(AddObjects([ObjectRecord.drawn(image_id, class_id, Geometry.of_parts(parts), "polygon")]))
        project.undo(image_id)

There is no "save": every command is in the file when `do` returns.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from app.project.commands.base import Command
from app.project.queries import Queries
from app.project.records import Change

SUFFIX = ".zsip"


def project_path(folder: Path) -> Path:
    """The project file of an image folder: the one inside it, or where to create it.

    That is `FOLDER/NAME.zsip`, or a file in the user's data folder when the image folder is read-only.
    """
    raise NotImplementedError


class Project(Queries):
    """An open project: a context manager, which closes it. Use it in the thread that opened it.

    Attributes:
        path: the project file.
        read_only: why nothing can be changed ("" when it can): opened elsewhere, or the file is read-only.
    """

    read_only: str

    @classmethod
    def create(cls, path: Path, root: Path) -> Project:
        """A new project for the images below `root`.

        Raises:
            ProjectError: the file exists already, or cannot be written.
        """
        raise NotImplementedError

    @classmethod
    def open(cls, path: Path) -> Project:
        """Open a project; for reading only, and saying so in `read_only`, when writing is impossible.

        Raises:
            ProjectError: missing, damaged, or of a newer version; the message says the way out.
        """
        raise NotImplementedError

    @classmethod
    def open_or_create(cls, path: Path, root: Path) -> Project:
        """`open` if the file exists, else `create`."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file and let others write it."""
        raise NotImplementedError

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def do(self, command: Command, *, group: str | None = None) -> Change:
        """Apply a command: when this returns, it is in the file and survives the death of the process.

        Args:
            group: commands of one group are one undo step, however long it takes and whatever is done
                between them: give a background job an id of its own (a uuid) and pass it with every image.

        Raises:
            CommandError: it does not fit the project.
            ProjectReadOnlyError: see `read_only`.
            ProjectError: it cannot be written (disk full ...). In all cases nothing of it is applied.
        """
        raise NotImplementedError

    def undo(self, image_id: int | None = None) -> Change | None:
        """Undo the newest step that touches the image in view, or a newer project-wide one.

        A project-wide step (classes, several images) that later ones depend on is passed over. Without
        `image_id`, the newest step of all. None when there is nothing to undo.

        Raises:
            UndoError: later steps depend on it; the message names them.
        """
        raise NotImplementedError

    def redo(self, image_id: int | None = None) -> Change | None:
        """Redo what was undone last, by the same rules. A new command ends the redo of what it touches."""
        raise NotImplementedError

    def undo_label(self, image_id: int | None = None) -> str | None:
        """Label of the step that `undo` would take back, None for none."""
        raise NotImplementedError

    def redo_label(self, image_id: int | None = None) -> str | None:
        """Label of the step that `redo` would apply again, None for none."""
        raise NotImplementedError

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back after every change, in the thread of the project; returns how to unsubscribe."""
        raise NotImplementedError

    def reader(self) -> Queries:
        """A second, reading connection for a job: call and use it in the job's thread, and close it there."""
        raise NotImplementedError

    def flush(self) -> None:
        """Make everything survive a power cut as well; call it when the window is idle for a second."""
        raise NotImplementedError
