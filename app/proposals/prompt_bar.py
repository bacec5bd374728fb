"""The line above the image in which a person types what to look for, and the chips of what was typed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QSizePolicy, QToolButton, QWidget

from app.proposals.chip_button import ChipButton
from app.proposals.chip_menu import ChipMenu
from app.proposals.engine_link import EngineLink
from app.proposals.flow_layout import FlowLayout
from app.proposals.name_hint import NameHint
from app.proposals.preview import Preview
from app.proposals.prompt import Chip
from app.proposals.prompt_options import PromptOptions
from app.proposals.proposals import Proposals
from app.settings import Settings
from app.theme import icon
from app.turns import in_turn

_LINE_WIDTH = 230


class PromptBar(QFrame):
    """A comma makes a chip of what was typed and waits for more; Enter goes back to the image as well."""

    left = Signal()
    """The keyboard is wanted elsewhere."""
    chip_opened = Signal(object)
    """`Chip` that was clicked."""

    def __init__(
        self,
        proposals: Proposals,
        preview: Preview,
        link: EngineLink,
        settings: Settings,
        floor: QWidget,
    ) -> None:
        """
        Args:
            floor: the widget below, over which hints float.
        """
        super().__init__()
        self.setObjectName("prompt_bar")
        self.setProperty("role", "prompt")
        self.setAccessibleName("What to look for")
        self._proposals, self._preview, self._link, self._settings = proposals, preview, link, settings
        self.chips: list[ChipButton] = []
        self.input = QLineEdit()
        self.input.setObjectName("prompt_input")
        self.input.setAccessibleName("Name to look for")
        self.input.setPlaceholderText("Type what to look for, for example: cat, laptop   ( / )")
        self.input.setMinimumWidth(_LINE_WIDTH)
        self.input.setMaxLength(200)
        self.input.textEdited.connect(self._on_text)
        self.input.returnPressed.connect(self._enter)
        self.input.installEventFilter(self)
        self.options = QToolButton()
        self.options.setAccessibleName("How the model is asked")
        self.options.setToolTip("Seen classes, too; propose when an image is opened")
        self.options.clicked.connect(self._open_options)
        self.hint = NameHint(preview, floor)
        self.hint.wanted.connect(self.take_spelling)
        self._layout = FlowLayout(self)
        self._layout.setContentsMargins(8, 5, 8, 5)
        self._layout.addWidget(self.options)
        self._layout.addWidget(self.input)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.refresh_icons()
        proposals.prompt.changed.connect(lambda: in_turn(self, self._rebuild))
        for signal in (proposals.changed, proposals.busy_changed, proposals.names.changed):
            signal.connect(lambda: in_turn(self, self._refresh))

    def refresh_icons(self) -> None:
        """Draw the icons in the colours of the present theme."""
        self.options.setIcon(icon("settings"))
        self._refresh()

    def focus(self) -> None:
        """Let a person type."""
        self.input.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.input.selectAll()

    # ---- typing

    def _on_text(self, text: str) -> None:
        done, comma, rest = text.rpartition(",")
        if comma:
            self._take(done)
        if comma or text.startswith(" "):
            self.input.setText(rest.lstrip())
        if not comma or self.input.text():
            self._preview.set_text(self.input.text())

    def _enter(self) -> None:
        if self.input.text().strip():
            self._take(self.input.text())
            self.input.clear()
        self.left.emit()

    def _take(self, names: str) -> None:
        self._proposals.prompt.add(names)
        self._preview.hand_over()

    def _clear(self) -> None:
        self.input.clear()
        self._preview.set_text("")

    def take_spelling(self, word: str) -> None:
        """Put a word into the line, as if it was typed."""
        self.input.setText(word)
        self._preview.set_text(word)
        self.input.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.input and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                if self.input.text():
                    self._clear()
                else:
                    self.left.emit()
                return True
            if event.key() == Qt.Key.Key_Backspace and not self.input.text() and self.chips:
                self.chips[-1].button.setFocus(Qt.FocusReason.BacktabFocusReason)
                return True
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: object) -> None:
        self.hint.move(12, 8)

    # ---- chips

    def _rebuild(self) -> None:
        """The chips are others, or look otherwise."""
        wanted = self._proposals.prompt.chips
        for button in [button for button in self.chips if button.chip not in wanted]:
            self.chips.remove(button)
            self._layout.removeWidget(button)
            button.hide()
            button.deleteLater()
        by_chip = {button.chip: button for button in self.chips}
        for place, chip in enumerate(wanted):
            if chip not in by_chip:
                self._insert(place, chip)
        self.chips.sort(key=lambda button: wanted.index(button.chip))
        self.updateGeometry()

    def _insert(self, place: int, chip: Chip) -> None:
        button = ChipButton(chip, self._proposals, self)
        button.opened.connect(lambda: self._open(button))
        button.removed.connect(lambda: self._remove(button))
        self.chips.insert(place, button)
        self._layout.insert_widget(place + 1, button)  # behind the options
        button.show()

    def _refresh(self) -> None:
        for button in self.chips:
            button.refresh()

    def _open(self, button: ChipButton) -> None:
        self.chip_opened.emit(button.chip)
        menu = ChipMenu(button.chip, self._proposals, self)
        menu.open_below(button.mapToGlobal(QPoint(0, button.height() + 3)))

    def _remove(self, button: ChipButton) -> None:
        self.input.setFocus()
        self._proposals.prompt.remove(button.chip.class_id)

    def _open_options(self) -> None:
        options = PromptOptions(self._proposals.prompt, self._link, self._settings, self)
        corner = self.options.mapToGlobal(QPoint(self.options.width(), self.options.height() + 3))
        options.open_below(corner)
