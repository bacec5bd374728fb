"""`ReviewControl`: puts the review of a window together: its parts, actions and menu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu

from app.proposals.counters_dialog import CountersDialog
from app.proposals.review import Review
from app.proposals.review_queue import ReviewQueue
from app.proposals.review_strip import ReviewStrip

if TYPE_CHECKING:
    from app.main_window import MainWindow

_ORDER_ACTIONS = {"review_by_file": "file", "review_uncertain": "uncertain"}


class ReviewControl(QObject):
    """Attributes:
    review: decides about the proposals of the image in view.
    queue: goes from image to image.
    strip: lies over the canvas.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        canvas, registry, session = window.canvas, window.registry, window.session
        proposals = window.proposals
        self.review = Review(session, canvas, lambda: proposals.visible, proposals.thresholds.chosen)
        self.queue = ReviewQueue(
            session,
            self.review,
            lambda image_id: window.images.model.row_of(image_id) >= 0,
            window.navigator.go_to,
        )
        self.strip = ReviewStrip(self.review, session, canvas, registry)
        self.review.changed.connect(self._mark_current)
        proposals.thresholds.changed.connect(self.review.refresh)
        # Space: the canvas takes it, because it also pans; it does not come while something is drawn.
        canvas.review_requested.connect(lambda _: self.review.accept() if session.writable else None)
        session.project_changed.connect(self._on_project)
        for action_id, slot in {
            "review_accept": self.review.accept,
            "review_reject": self.review.reject,
            "review_next": self.queue.next,
            "review_accept_all": self.review.accept_all,
            "review_reject_all": self.review.reject_all,
        }.items():
            registry.bind(action_id, partial(self._unless_drawing, slot))
        registry.bind("counters", self._count)
        registry["show_proposals"].setChecked(True)
        registry.bind_checked("show_proposals", self._show_proposals)
        registry["review_by_file"].setChecked(True)
        for action_id, order in _ORDER_ACTIONS.items():
            registry.bind(action_id, partial(self._set_order, order))
        self._classes = QMenu("Only &class", window)
        self._classes.setObjectName("menu_review_class")
        registry.menus["Review"].insertMenu(registry["counters"], self._classes)
        registry.menus["Review"].insertSeparator(registry["counters"])
        self._classes.aboutToShow.connect(self._fill_classes)

    def _mark_current(self) -> None:
        current = self.review.current
        self._window.canvas.mark(current.uuid if current else None)

    def _unless_drawing(self, slot: Callable[[], object]) -> None:
        if self._window.canvas.drawing:
            self._window.status.say("Finish the shape with Enter, or drop it with Esc, first")
        else:
            slot()

    def _set_order(self, order: str) -> None:
        self.queue.set_order(order, self.review.only_class)

    def _show_proposals(self, shown: bool) -> None:
        canvas = self._window.canvas
        canvas.set_settings(replace(canvas.settings, proposals=shown))
        self.review.refresh()

    def _fill_classes(self) -> None:
        self._classes.clear()
        group = QActionGroup(self._classes)
        names: dict[int | None, str] = {None: "All classes"}
        names |= {record.id: record.name for record in self._window.session.classes().values()}
        for class_id, name in names.items():
            action = group.addAction(self._classes.addAction(name.replace("&", "&&")))
            action.setCheckable(True)
            action.setChecked(class_id == self.review.only_class)
            action.triggered.connect(lambda _=False, chosen=class_id: self._review_only(chosen))

    def _review_only(self, class_id: int | None) -> None:
        self.queue.set_order(self.review.order, class_id)

    def _count(self) -> None:
        session = self._window.session
        if session.project is not None:
            CountersDialog(session, session.project, self._window).open()

    def _on_project(self) -> None:
        self.queue.set_order(self.review.order, None)
