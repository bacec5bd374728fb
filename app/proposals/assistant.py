"""`Assistant`: puts together what asks the model in a window, and binds its actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout

from app.proposals.preview import Preview
from app.proposals.prompt_bar import PromptBar

if TYPE_CHECKING:
    from app.main_window import MainWindow


class Assistant:
    """The prompt bar above the image and the actions of asking.

    Attributes:
        preview: what is found for the name being typed.
        bar: the line with its chips.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        session, link, proposals = window.session, window.link, window.proposals
        self.preview = Preview(session, link, window.canvas, proposals, window)
        self.bar = PromptBar(proposals, self.preview, link, window.settings, window.pages)
        middle = window.pages.parentWidget()
        layout = middle.layout() if middle else None
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(0, self.bar)
        self.bar.left.connect(window.canvas.setFocus)
        registry = window.registry
        registry.bind("prompt", self.bar.focus)
        registry.bind("propose_here", proposals.propose)
        registry.bind("threshold_lower", lambda: self._step_threshold(-1))
        registry.bind("threshold_raise", lambda: self._step_threshold(+1))
        session.project_changed.connect(self._on_project)
        self._on_project()

    def _step_threshold(self, step: int) -> None:
        window = self._window
        session, proposals = window.session, window.proposals
        selected = [session.objects[uuid] for uuid in window.canvas.selection if uuid in session.objects]
        class_ids = [record.class_id for record in selected if record.state == "proposed"]
        if not class_ids:
            class_ids = [chip.class_id for chip in proposals.prompt.chips]
        window.status.say(proposals.step_threshold(step, dict.fromkeys(class_ids)))

    def _on_project(self) -> None:
        self.bar.setVisible(self._window.session.project is not None)
        self.bar.setEnabled(self._window.session.writable)
