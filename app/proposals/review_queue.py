"""`ReviewQueue`: which image comes next in a review of the whole folder."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.jobs import Task, run_task
from app.project import Queries
from app.project.reviewing import images_to_review
from app.proposals.review import Review
from app.session import Session


class ReviewQueue(QObject):
    """Goes on from image to image in the order of a review; the project is searched in a task."""

    def __init__(
        self,
        session: Session,
        review: Review,
        listed: Callable[[int], bool],
        go_to: Callable[[int], None],
    ) -> None:
        """
        Args:
            listed: whether an image passes the search of the image list.
            go_to: shows an image.
        """
        super().__init__(review)
        self._session, self._review, self._listed, self._go_to = session, review, listed, go_to
        self._seen: set[int] = set()
        self._task: Task | None = None
        session.project_changed.connect(self._on_project)

    @property
    def searching(self) -> bool:
        """Whether the next image is being searched."""
        return self._task is not None

    def next(self) -> None:
        """Go to the next proposal: of the image in view, or behind its last one in the next image."""
        if not self._review.next():
            self._next_image()

    def set_order(self, order: str, only_class: int | None) -> None:
        """Review in another order, or one class alone (None: all of them)."""
        self._seen.clear()
        self._review.set_order(order, only_class)

    def _next_image(self) -> None:
        project, here = self._session.project, self._session.image_id
        if project is None:
            return
        self._stop()
        path, order, only_class = project.path, self._review.order, self._review.only_class

        def search(_: Task) -> list[int]:
            with Queries.open_for_reading(path) as reader:
                return images_to_review(reader, order, class_id=only_class, after=here)

        self._task = run_task(search, lambda found: self._found(found, here))

    def _found(self, image_ids: list[int], here: int | None) -> None:
        """Take the first one. The most uncertain image, once passed over, comes again behind all others."""
        self._task = None
        if here != self._session.image_id:
            return
        others = [image_id for image_id in image_ids if image_id != here and self._listed(image_id)]
        if not others:
            self._session.said.emit(self._why_none(here in image_ids))
            return
        if here is not None:
            self._seen.add(here)
        if self._review.order == "uncertain":
            unseen = [image_id for image_id in others if image_id not in self._seen]
            if not unseen:
                self._seen.clear()
            others = unseen or others
        self._go_to(others[0])

    def _why_none(self, here: bool) -> str:
        classes, only = self._session.classes(), self._review.only_class
        what = f"proposal of {classes[only].name}" if only in classes else "proposal"
        return f"No {'other image has a' if here else 'image of the list has any'} {what} to review"

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _on_project(self) -> None:
        self._stop()
        self._seen.clear()
