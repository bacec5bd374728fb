"""The dialog of models: which there are, what their cards say, which one is used and on what device."""

from __future__ import annotations

from html import escape
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app.models.library import ModelLibrary
from app.proposals.engine_link import EngineLink
from app.settings import Settings
from zsi_core.engine.replies import InstalledModels, ModelCard

_ORIGINS = {"packaged": "comes with the program", "own": "yours", "elsewhere": "in a folder of ZSI_MODELS"}
_NO_CARD = "*This model has no card. What it was trained on is not known.*"


class ModelsDialog(QDialog):
    """Choosing takes effect with the button, so that a card can be read without loading its model."""

    def __init__(
        self, library: ModelLibrary, link: EngineLink, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("models_dialog")
        self.setWindowTitle("Models")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(880, 600)
        self._library, self._link, self._settings = library, link, settings
        self.list = QListWidget()
        self.list.setAccessibleName("Installed models")
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.card = QTextBrowser()
        self.card.setOpenLinks(False)  # they lead to files of whoever wrote the card
        self.card.setAccessibleName("Model card")
        self.status = QLabel()
        self.status.setProperty("role", "hint")
        self.status.setWordWrap(True)
        self.device = QComboBox()
        self.device.setAccessibleName("Device")
        self.device.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.use_button = QPushButton("Use this model")
        self.import_button = QPushButton("Import…")
        self.import_button.setToolTip("Copy a checkpoint folder, such as a training's result, to your models")
        self.remove_button = QPushButton("Remove…")
        for button in (self.import_button, self.remove_button):
            button.setAutoDefault(False)
        self._lay_out()
        self.list.currentRowChanged.connect(lambda _: self._show_card())
        self.use_button.clicked.connect(self._use)
        self.import_button.clicked.connect(self._choose_folder)
        self.remove_button.clicked.connect(self._ask_to_remove)
        library.listed.connect(self._on_listed)
        library.busy_changed.connect(lambda _: self._update())
        library.imported.connect(self._on_imported)
        library.failed.connect(self.status.setText)
        link.model_changed.connect(lambda _: self._mark_used())
        link.loading_changed.connect(lambda _: self._update())
        link.problem.connect(self.status.setText)
        self._wanted = link.model.name if link.model is not None else ""
        if library.installed is not None:
            self._on_listed(library.installed)
        self._update()
        library.refresh()

    def _lay_out(self) -> None:
        left, right, row = QVBoxLayout(), QVBoxLayout(), QHBoxLayout()
        left.addWidget(self.list, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.import_button)
        buttons.addWidget(self.remove_button)
        left.addLayout(buttons)
        right.addWidget(self.facts)
        right.addWidget(self.card, 1)
        label = QLabel("&Device")
        label.setBuddy(self.device)
        row.addWidget(label)
        row.addWidget(self.device)
        row.addStretch()
        row.addWidget(self.use_button)
        right.addLayout(row)
        sides = QSplitter()
        for side, layout in ((QWidget(), left), (QWidget(), right)):
            layout.setContentsMargins(0, 0, 0, 0)
            side.setLayout(layout)
            sides.addWidget(side)
        sides.setStretchFactor(1, 1)
        sides.setSizes([210, 670])
        sides.setChildrenCollapsible(False)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.close)
        bottom = QHBoxLayout()
        bottom.addWidget(self.status, 1)
        bottom.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(sides, 1)
        layout.addLayout(bottom)

    # ---- following

    @property
    def chosen(self) -> ModelCard | None:
        """The model whose card is shown."""
        item = self.list.currentItem()
        return None if item is None else item.data(Qt.ItemDataRole.UserRole)

    def _on_listed(self, reply: InstalledModels) -> None:
        wanted = self._wanted or (self.chosen.name if self.chosen else "")
        self.list.clear()
        for card in reply.models:
            item = QListWidgetItem(card.name)
            item.setData(Qt.ItemDataRole.UserRole, card)
            item.setToolTip(card.folder)
            self.list.addItem(item)
        names = [card.name for card in reply.models]
        self._mark_used()
        self.list.setCurrentRow(names.index(wanted) if wanted in names else 0)
        self._show_devices(reply.devices)

    def _show_devices(self, devices: tuple[tuple[str, str], ...]) -> None:
        known = (("", "The best one"), *devices)
        if self.device.count() == len(known):
            return
        self.device.clear()
        for device, name in known:
            self.device.addItem(f"{name} ({device})" if device else name, device)
        _, used = self._settings.model()
        self.device.setCurrentIndex(max(0, self.device.findData(used or "")))

    def _mark_used(self) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            used = self._library.is_used(item.data(Qt.ItemDataRole.UserRole))
            font = item.font()
            font.setBold(used)
            item.setFont(font)
            name = item.data(Qt.ItemDataRole.UserRole).name
            item.setText(f"{name}  (in use)" if used else name)
        self._update()

    def _show_card(self) -> None:
        card = self.chosen
        self.facts.setText("" if card is None else _facts(card))
        self.card.setMarkdown("" if card is None else card.text or _NO_CARD)
        self._update()

    def _update(self) -> None:
        card, busy = self.chosen, bool(self._library.busy or self._link.loading)
        used = card is not None and self._library.is_used(card)
        self.use_button.setEnabled(card is not None and not busy and not card.problem)
        self.remove_button.setEnabled(card is not None and card.origin == "own" and not (used or busy))
        self.import_button.setEnabled(not self._library.busy)
        if self._library.busy:
            self.status.setText(self._library.busy)
        elif self._link.loading:
            self.status.setText(f"Loading {Path(self._link.loading).name}…")
        elif self._link.model is not None:
            model = self._link.model
            self.status.setText(f"In use: {model.name} on {model.device}, {model.precision}")

    # ---- doing

    def _use(self) -> None:
        card = self.chosen
        if card is not None:
            self._wanted = card.name
            self._link.load(card.name, self.device.currentData() or None)

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "Import a model: choose its folder")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._library.import_folder(Path(name)))
        dialog.open()

    def _on_imported(self, name: str) -> None:
        self._wanted = name
        self.status.setText(f"{name} was imported; choose it with “Use this model”")

    def _ask_to_remove(self) -> None:
        card = self.chosen
        if card is None:
            return
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Remove model",
            f"Remove {card.name} from the disk?",
            QMessageBox.StandardButton.Cancel,
            self,
        )
        box.setInformativeText("This cannot be undone. Objects that it proposed stay.")
        remove = box.addButton("Remove", QMessageBox.ButtonRole.DestructiveRole)
        remove.clicked.connect(lambda: self._library.remove(card))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def _facts(card: ModelCard) -> str:
    """What is known of a model besides its card, as rich text."""
    if card.problem:
        return f"<b>{escape(card.name)}</b><br>It cannot be used: {escape(card.problem)}"
    seen = ", ".join(card.seen)
    figures = "; ".join(f"{heading} {100 * value:.1f} %" for heading, value in card.figures)
    rows = (
        ("Seen classes", f"{len(card.seen)}: {seen}"),
        ("Measured", figures or "nothing"),
        ("Files", f"{card.megabytes:.0f} MB of {card.written}, {_ORIGINS[card.origin]}"),
    )
    lines = [f"<b>{heading}</b> {escape(text)}" for heading, text in rows]
    return f"<b style='font-size: large'>{escape(card.name)}</b><br>{'<br>'.join(lines)}"
