"""The mark "labelled completely" of images: it says that what nobody labelled there is background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.project import ImageFilter
from app.project.commands import SetImageState
from app.retraining.words import counted

if TYPE_CHECKING:
    from app.main_window import MainWindow


class CompleteMarks(QObject):
    """Binds the actions that set and remove the mark, and checks the one of the image in view."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.registry.bind("labelled_completely", self._toggle)
        window.registry.bind("finished_are_complete", self._mark_finished)
        window.session.image_changed.connect(lambda _: self._show())
        window.session.changed.connect(lambda _: self._show())

    def _show(self) -> None:
        image = self._window.session.image
        marked = image is not None and image.labelled_completely
        self._window.registry["labelled_completely"].setChecked(marked)

    def _toggle(self) -> None:
        session = self._window.session
        if session.image is not None:
            marked = not session.image.labelled_completely
            session.do(SetImageState([session.image.id], labelled_completely=marked))
        self._show()  # where the project is read-only, the click has changed the check

    def _mark_finished(self) -> None:
        session = self._window.session
        if session.project is None:
            return
        finished = session.project.image_ids(ImageFilter(states=("finished",)))
        if not finished:
            self._window.status.say("No image is finished yet")
        elif session.do(SetImageState(finished, labelled_completely=True)):
            are = "is" if len(finished) == 1 else "are"
            self._window.status.say(f"{counted(len(finished), 'image')} {are} marked as labelled completely")
