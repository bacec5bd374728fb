"""Makes Qt's actions from their declarations and keeps them up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar, QWidget

from app.actions.spec import MENUS, ActionSpec, Where, WindowState
from app.theme import icon


class ActionRegistry:
    """The actions of one window, by their ids."""

    def __init__(self, window: QMainWindow, specs: Iterable[ActionSpec]) -> None:
        self._window = window
        self.specs = {spec.id: spec for spec in specs}
        self.actions: dict[str, QAction] = {}
        self.menus: dict[str, QMenu] = {}
        self._groups: dict[str, QActionGroup] = {}
        self._state: WindowState | None = None
        for spec in self.specs.values():
            self.actions[spec.id] = self._make(spec)
        self._fill_menus()

    def __getitem__(self, action_id: str) -> QAction:
        return self.actions[action_id]

    def _make(self, spec: ActionSpec) -> QAction:
        action = QAction(spec.text, self._window)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setAutoRepeat(spec.repeats)
        action.setCheckable(spec.checkable)
        action.setStatusTip(spec.tip)
        keys = f"  ({key_text(spec.keys[0])})" if spec.keys else ""
        action.setToolTip(f"<b>{spec.plain_text}</b>{keys}<br>{spec.tip}")
        if spec.where is Where.WINDOW:
            self._window.addAction(action)
        else:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        if spec.exclusive:
            group = self._groups.setdefault(spec.exclusive, QActionGroup(self._window))
            group.addAction(action)
        return action

    def _fill_menus(self) -> None:
        bar = self._window.menuBar()
        for name in MENUS:
            menu = self.menus[name] = bar.addMenu(f"&{name}")
            menu.setObjectName(f"menu_{name.lower()}")
            last_group = None
            for spec in self.specs.values():
                if spec.menu != name:
                    continue
                if last_group is not None and spec.group != last_group:
                    menu.addSeparator()
                last_group = spec.group
                menu.addAction(self.actions[spec.id])

    def fill_tool_bar(self, bar: QToolBar) -> None:
        """Add a button for every action that is to have one, with lines between groups."""
        last_group = None
        for spec in self.specs.values():
            if not spec.in_tool_bar:
                continue
            if last_group is not None and spec.group != last_group:
                bar.addSeparator()
            last_group = spec.group
            action = self.actions[spec.id]
            bar.addAction(action)
            button = bar.widgetForAction(action)
            button.setAccessibleName(spec.plain_text)
            button.setObjectName(f"button_{spec.id}")

    def bind(self, action_id: str, slot: Callable[[], object]) -> None:
        """Say what an action does."""
        self.actions[action_id].triggered.connect(lambda _=False: slot())

    def bind_checked(self, action_id: str, slot: Callable[[bool], object]) -> None:
        """Say what an action that is on or off does; the slot receives which."""
        self.actions[action_id].toggled.connect(slot)

    def work_in(self, widget: QWidget, *, canvas: bool = False) -> None:
        """Let the keys that act on the canvas or in lists act in this widget, too."""
        for spec in self.specs.values():
            if spec.where is Where.WORK or (canvas and spec.where is Where.CANVAS):
                widget.addAction(self.actions[spec.id])

    def update(self, state: WindowState) -> None:
        """Enable what is possible now."""
        if state == self._state:
            return
        self._state = state
        for spec in self.specs.values():
            self.actions[spec.id].setEnabled(spec.enabled_when(state))
        self._name_step("undo", "&Undo", state.undo)
        self._name_step("redo", "&Redo", state.redo)

    def _name_step(self, action_id: str, verb: str, step: str) -> None:
        if action_id in self.actions:
            self.actions[action_id].setText(f"{verb} {step}" if step else verb)

    def refresh_icons(self) -> None:
        """Draw the icons in the colours of the present theme."""
        for spec in self.specs.values():
            if spec.icon:
                self.actions[spec.id].setIcon(icon(spec.icon))

    def conflicts(self) -> list[str]:
        """A sentence for every key that two actions claim; empty when all is well."""
        owner: dict[str, ActionSpec] = {}
        found = []
        for spec, key in _keys(self.specs.values()):
            if key in owner:
                found.append(f"{key} is claimed by {owner[key].plain_text} and by {spec.plain_text}")
            owner[key] = spec
        return found


def _keys(specs: Iterable[ActionSpec]) -> Iterator[tuple[ActionSpec, str]]:
    for spec in specs:
        for key in spec.keys:
            yield spec, key_text(key)


def key_text(key: str) -> str:
    """A shortcut as this system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
