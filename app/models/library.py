"""`ModelLibrary`: the installed models as the engine tells of them, importing and removing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.errors import report_exception
from app.jobs.worker import run_task
from app.models import folders
from app.proposals.engine_link import EngineLink
from zsi_core.engine.replies import InstalledModels, ModelCard
from zsi_core.engine.requests import CheckModel, ListModels
from zsi_core.errors import CheckpointError, ZsiError
from zsi_core.files import user_models_dir


class ModelLibrary(QObject):
    """Nothing here waits; what goes wrong is told by `failed`.

    Attributes:
        installed: what the engine told last; None before it did.
        busy: what is being done; empty when nothing is.
    """

    listed = Signal(object)
    """`InstalledModels`."""
    busy_changed = Signal(str)
    imported = Signal(str)
    """Name of the model that can be chosen from now on."""
    failed = Signal(str)

    def __init__(self, link: EngineLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.installed: InstalledModels | None = None
        self.busy = ""
        self._link = link

    def refresh(self) -> None:
        """Ask the engine anew."""

        def listed(reply: InstalledModels) -> None:
            self.installed = reply
            self.listed.emit(reply)

        self._link.ask(ListModels(), listed, self._fail, topic="models")

    def import_folder(self, source: Path) -> None:
        """Copy a checkpoint folder to the user's models, after the engine has loaded the copy once."""
        if self.busy:
            return
        self._set_busy(f"Copying {source.name}…")

        run_task(
            lambda _: folders.copy_checkpoint(source, user_models_dir()),
            lambda hidden: self._check(hidden, source.name),
            self._fail,
        )

    def remove(self, card: ModelCard) -> None:
        """Remove one of the user's models from the disk."""
        self._set_busy(f"Removing {card.name}…")
        run_task(lambda _: folders.remove_checkpoint(Path(card.folder)), lambda _: self._end(), self._fail)

    def is_used(self, card: ModelCard) -> bool:
        """Whether it is the model that is loaded."""
        return self._link.model is not None and self._link.model.folder == card.folder

    def _check(self, hidden: Path, name: str) -> None:
        self._set_busy(f"Checking {name}…")

        def failed(error: Exception) -> None:
            folders.discard(hidden)
            told = str(error).replace(str(hidden), name)
            self._fail(CheckpointError(f"{name} was not imported: {told}"))

        asked = self._link.ask(CheckModel(str(hidden)), lambda _: self._publish(hidden, name), failed)
        asked.add_done_callback(lambda done: folders.discard(hidden) if done.cancelled() else None)

    def _publish(self, hidden: Path, name: str) -> None:
        taken = [card.name for card in self.installed.models] if self.installed else []
        try:
            folder = folders.publish(hidden, name, taken)
        except CheckpointError as error:
            self._fail(error)
            return
        self._end()
        self.imported.emit(folder.name)

    def _end(self) -> None:
        self._set_busy("")
        self.refresh()

    def _fail(self, error: Exception) -> None:
        self._set_busy("")
        if isinstance(error, ZsiError):
            self.failed.emit(str(error))
        else:
            report_exception(error)

    def _set_busy(self, text: str) -> None:
        self.busy = text
        self.busy_changed.emit(text)
