"""Device and model in the status bar, and what the engine is doing; its failure is told with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QToolButton

from app.messages import Message, MessageBar
from app.proposals.engine_link import EngineLink
from app.theme import current, icon

if TYPE_CHECKING:
    from zsi_core.engine.client import Event

_HASH_SHOWN = 12


class EngineStatus(QToolButton):
    """A click opens the list of models."""

    def __init__(self, link: EngineLink) -> None:
        super().__init__()
        self._link = link
        self.setAccessibleName("Model")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        link.model_changed.connect(lambda _: self.refresh())
        link.loading_changed.connect(lambda _: self.refresh())
        link.state_changed.connect(lambda _: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Say how it stands."""
        link, model = self._link, self._link.model
        state = link.last_event.state if link.last_event else ""
        failed = state == "failed"
        self.setIcon(icon("fault" if failed else "demo", current().bad if failed else current().dim))
        if failed:
            text, tip = "engine failed", link.last_event.message if link.last_event else ""
        elif link.loading:
            text, tip = f"loading {link.loading}…", "You can annotate meanwhile."
        elif state == "starting":
            text, tip = "engine starts…", "You can annotate meanwhile."
        elif model is None:
            text, tip = "no model", "Choose one in the menu Model."
        else:
            text = f"{model.name} · {model.device}"
            tip = (
                f"<b>{model.name}</b>, version {model.checkpoint_sha256[:_HASH_SHOWN]}<br>"
                f"computes on {model.device} in {model.precision}<br>"
                f"trained on {len(model.seen)} classes<br>A click shows all models."
            )
        self.setText(text)
        self.setToolTip(tip)


class EngineMessages(QObject):
    """Tells of a failed engine in the message bar, with a button that starts it again."""

    def __init__(self, link: EngineLink, messages: MessageBar, parent: QObject) -> None:
        super().__init__(parent)
        self._link, self._messages = link, messages
        self._shown: Message | None = None
        link.state_changed.connect(self._on_state)

    def _on_state(self, event: Event) -> None:
        if event.state == "failed":
            text = f"{event.message[:1].upper()}{event.message[1:]}. Your annotations are not touched by it."
            self._shown = self._messages.show_message(text, "fault", event.details)
            if not self._shown.property("can_restart"):
                self._shown.setProperty("can_restart", True)
                self._shown.add_button("Restart the engine", self._link.restart)
        elif self._shown is not None and event.state == "starting":
            self._messages.dismiss(self._shown)
            self._shown = None
