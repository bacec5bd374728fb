"""`Review`: one proposal of the image in view after the other is accepted, rejected or corrected."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from app.canvas.canvas import Canvas
from app.project import Change, ObjectRecord
from app.project.commands import SetState
from app.proposals.review_order import ChosenThreshold, following, in_order
from app.session import Session

_DECIDED = ("accepted", "corrected", "rejected")


class Review(QObject):
    """Keeps the current proposal: what is accepted or rejected next.

    With the select tool it is selected as well, so that class keys and edits mean it. An edit makes it
    corrected; it stays the current one until the person goes on.

    Attributes:
        waiting: proposals that are shown and not decided about, in the order of the review.
        only_class: id of the class that is reviewed; None for all.
        order: one of `app.project.reviewing.ORDERS`.
        decided_here: the last thing that a person did in this image was a decision about a proposal.
    """

    changed = Signal()
    """The current proposal, or what waits."""

    def __init__(
        self,
        session: Session,
        canvas: Canvas,
        visible: Callable[[], Sequence[ObjectRecord]],
        chosen: ChosenThreshold,
    ) -> None:
        """
        Args:
            visible: proposals of the image in view that are shown.
            chosen: thresholds.
        """
        super().__init__(canvas)
        self._session, self._canvas = session, canvas
        self._visible, self._chosen = visible, chosen
        self.waiting: list[ObjectRecord] = []
        self.only_class: int | None = None
        self.order = "file"
        self.decided_here = False
        self._uuids: list[str] = []  # of those that wait
        self._uuid: str | None = None
        self._before: list[str] = []  # the order when the current one still waited
        self._selecting = False
        self._showed_some = False
        session.changed.connect(self._on_change)
        canvas.selection_changed.connect(self._on_selection)

    # ---- what is reviewed

    @property
    def current(self) -> ObjectRecord | None:
        """What the review is at: a proposal, or one that was just corrected."""
        return self._session.objects.get(self._uuid) if self._uuid is not None else None

    @property
    def place(self) -> int:
        """Of the current proposal among those that wait, counted from 1; 0 where it is decided."""
        uuids = self._uuids
        return uuids.index(self._uuid) + 1 if self._uuid in uuids else 0

    def set_order(self, order: str, only_class: int | None) -> None:
        """Review in another order, or one class alone; begins with the first one."""
        self.order, self.only_class = order, only_class
        self._begin()

    def image_shown(self) -> None:
        """Another image is in view."""
        self.decided_here = False
        self._begin()

    def select_current(self) -> None:
        """Select the current proposal, so that what is done with the selection means it."""
        self._go_to(self._uuid, select=True)

    def _begin(self) -> None:
        self._uuid, self._before = None, []
        self.refresh()

    def refresh(self) -> None:
        """Look again at what is shown."""
        shown = self._visible() if self._canvas.settings.proposals else ()
        wanted = [
            record for record in shown if not record.locked and self.only_class in (None, record.class_id)
        ]
        self.waiting = in_order(wanted, self.order, self._session.classes(), self._chosen)
        self._uuids = [record.uuid for record in self.waiting]
        if self._uuid in self._uuids:
            self._before = self._uuids
        elif not self._in_hand():
            self._go_to(self._following(), select=self._may_select(), reveal=False)
        if self.waiting or self._showed_some:
            self.changed.emit()
        self._showed_some = bool(self.waiting) or self.decided_here

    # ---- deciding

    def accept(self) -> None:
        """Accept the selected proposals, or the current one, and go to the next."""
        self._decide(self._meant(), "accepted")

    def reject(self) -> None:
        """Reject the selected proposals, or the current one, and go to the next."""
        current = self.current
        meant = self._meant()
        if not meant and current is not None and current.state == "corrected" and not current.locked:
            meant = [current.uuid]
        self._decide(meant, "rejected")

    def accept_all(self) -> None:
        """Accept all that is shown, as one step of undo."""
        self._decide(self._uuids, "accepted")

    def reject_all(self) -> None:
        """Reject all that is shown, as one step of undo."""
        self._decide(self._uuids, "rejected")

    def next(self) -> bool:
        """Go to the next proposal without deciding; False behind the last one of the image."""
        uuids = self._uuids
        if not uuids or uuids[-1] == self._uuid:
            return False
        self._go_to(self._following(), select=True)
        self.changed.emit()
        return True

    def _decide(self, uuids: Sequence[str], state: str) -> None:
        if not uuids:
            self._go_on()
            return
        if self._session.do(SetState(list(uuids), state)) is not None:
            self._go_on()

    def _go_on(self) -> None:
        """The current one is decided: select the next, or say that there is none."""
        target = self._uuid if self._uuid in self._uuids else self._following()
        self._go_to(target, select=True)
        if target is None:
            self._session.said.emit(self._why_none())
        self.changed.emit()

    def _why_none(self) -> str:
        if not self._canvas.settings.proposals:
            return "Proposals are hidden: G shows them"
        if self.decided_here:
            return "Image done: N or D goes on"
        return "No proposal of this image waits for review"

    def _meant(self) -> list[str]:
        """Selected proposals, else the current one if it is still a proposal."""
        uuids = self._uuids
        selected = [uuid for uuid in self._canvas.selection if uuid in uuids]
        return selected or [uuid for uuid in uuids if uuid == self._uuid]

    # ---- following

    def _following(self) -> str | None:
        return following(self._uuid, self._before, self._uuids)

    def _in_hand(self) -> bool:
        """Whether the current object was just corrected and is still selected."""
        current = self.current
        return current is not None and current.state == "corrected" and current.uuid in self._canvas.selection

    def _may_select(self) -> bool:
        """Whether the current proposal may be selected unasked: never while something is drawn."""
        objects = self._session.objects
        chosen = [objects[uuid].state for uuid in self._canvas.selection if uuid in objects]
        return self._canvas.tool == "select" and not self._canvas.drawing and set(chosen) <= {"rejected"}

    def _go_to(self, uuid: str | None, *, select: bool, reveal: bool = True) -> None:
        """Make it the current one; what a person did not ask for does not move the view (`reveal`)."""
        self._uuid, self._before = uuid, self._uuids
        if not select:
            return
        self._selecting = True
        try:
            self._canvas.select([uuid] if uuid is not None else (), reveal=reveal)
        finally:
            self._selecting = False

    def _on_change(self, change: Change) -> None:
        if self._session.image_id not in change.images and not change.classes:
            return
        if change.kind == "do":
            mine = change.objects & {*self._uuids, self._uuid}
            states = {record.state for uuid in mine if (record := self._session.objects.get(str(uuid)))}
            self.decided_here = not states.isdisjoint(_DECIDED)
        self.refresh()
        if change.kind == "do":
            return
        # Undo brings proposals back: the review is at the first of them again.
        back = [uuid for uuid in self._uuids if uuid in change.objects]
        if back:
            self._go_to(back[0], select=self._canvas.tool == "select" and not self._canvas.drawing)
            self.changed.emit()

    def _on_selection(self, selection: Sequence[str]) -> None:
        """A proposal that a person selects becomes the current one."""
        if self._selecting:
            return
        uuids = self._uuids
        chosen = [uuid for uuid in selection if uuid in uuids]
        if chosen and self._uuid not in chosen:
            self._go_to(chosen[-1], select=False)
            self.changed.emit()
        elif self._uuid is not None and self._uuid not in uuids and not self._in_hand():
            self._go_to(self._following(), select=False)
            self.changed.emit()
