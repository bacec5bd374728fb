"""`Assistant`: puts together what asks the model in a window, and binds its actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QVBoxLayout

from app.project.commands import AddClass, SetClass
from app.proposals.engine_status import EngineMessages, EngineStatus
from app.proposals.name_inspector import NameInspector
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
        window.classes.looked_for.connect(proposals.prompt.add_classes)
        self.inspector = NameInspector(session, link, window.canvas, proposals, self.preview)
        self.inspector.relabel.connect(self._relabel)
        self.inspector.wanted.connect(self.bar.take_spelling)
        self.bar.chip_opened.connect(self.inspector.inspect)
        self._add_dock()
        self.engine = EngineStatus(link)
        self.engine.clicked.connect(window.registry["models"].trigger)
        window.status.addPermanentWidget(self.engine)
        EngineMessages(link, window.messages, window)
        registry = window.registry
        registry.bind("prompt", self.bar.focus)
        registry.bind("propose_here", proposals.propose)
        registry.bind("threshold_lower", lambda: self._step_threshold(-1))
        registry.bind("threshold_raise", lambda: self._step_threshold(+1))
        session.project_changed.connect(self._on_project)
        self._on_project()

    def _add_dock(self) -> None:
        window = self._window
        dock = QDockWidget("Name inspector", window)
        dock.setObjectName("dock_name_inspector")
        dock.setAccessibleName("Name inspector")
        dock.setWidget(self.inspector)
        dock.visibilityChanged.connect(self.inspector.set_in_view)
        window.docks["Name inspector"] = dock
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        window.tabifyDockWidget(window.docks["Classes"], dock)
        window.docks["Classes"].raise_()
        view = window.registry.menus["View"]
        view.insertAction(window.docks["Objects"].toggleViewAction(), dock.toggleViewAction())

    def _relabel(self, name: str) -> None:
        """Give the selected object a name that the model thinks possible; a new one becomes a class."""
        session, prompt = self._window.session, self._window.proposals.prompt
        chip = next((chip for chip in prompt.chips if chip.phrase == name), None)
        if session.project is None:
            return
        class_id = chip.class_id if chip else session.project.class_id(name)
        if class_id is None and session.do(AddClass(name)) is not None:
            class_id = session.project.class_id(name)
        if class_id is not None and self._window.canvas.selection:
            session.do(SetClass(list(self._window.canvas.selection), class_id))

    def refresh_icons(self) -> None:
        """Draw the icons in the colours of the present theme."""
        self.bar.refresh_icons()
        self.engine.refresh()

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
