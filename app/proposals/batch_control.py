"""What a person sees of a batch: its dialog, how it ended, and the offer to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.messages import Message
from app.proposals.batch import BatchProposing
from app.proposals.batch_dialog import BatchDialog
from app.proposals.batch_plan import BatchPlan

if TYPE_CHECKING:
    from app.main_window import MainWindow


class BatchControl:
    """Binds the actions of a batch and shows its messages in the window's message bar."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.batch = BatchProposing(window.session, window.link, window.proposals.prompt, window.jobs, window)
        self._offered: Message | None = None
        self.batch.ended.connect(self._tell_end)
        self.batch.interrupted.connect(self._offer)
        window.session.project_changed.connect(self._on_project)

    def open_dialog(self, *, again: bool = False) -> None:
        """Ask what to propose where, and begin."""
        window, project = self._window, self._window.session.project
        if project is None:
            return
        if self.batch.job is not None:
            window.docks["Jobs"].show()
            window.status.say("The model is proposing already: stop that job first, or wait for it")
            return
        chips = [chip.class_id for chip in window.proposals.prompt.chips]
        dialog = BatchDialog(
            project,
            window.images.model.ids,
            window.session.image_id,
            chips,
            again=again,
            generalised=window.proposals.prompt.generalised.on,
            parent=window,
        )
        dialog.accepted.connect(lambda: self._begin(dialog.plan))
        dialog.open()

    def _begin(self, plan: BatchPlan) -> None:
        self._take_back_offer()
        self.batch.begin(plan)

    def _tell_end(self, told: str, problems: list[str]) -> None:
        self._window.messages.show_message(f"{told}.", "caution" if problems else "info", "\n".join(problems))

    def _on_project(self) -> None:
        plan = self.batch.waiting()
        if plan is not None:
            self._offer(f"Proposing ended after {plan.done:,} of {len(plan.images):,} images.")

    def _offer(self, told: str) -> None:
        if self._window.session.project is None:
            return
        self._take_back_offer()
        self._offered = self._window.messages.show_message(told, "caution")
        self._offered.add_button("Leave it", self._forget)
        self._offered.add_button("Go on", self._go_on)

    def _go_on(self) -> None:
        self._take_back_offer()
        self.batch.go_on()

    def _forget(self) -> None:
        self._take_back_offer()
        self.batch.forget()

    def _take_back_offer(self) -> None:
        if self._offered is not None:
            self._window.messages.dismiss(self._offered)
            self._offered = None
