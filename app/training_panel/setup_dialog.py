"""The dialog before a retraining: on one screen what will happen, how long it takes, what to think of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHeaderView,
    QLabel,
    QRadioButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.models.library import ModelLibrary
from app.retraining.plan import MIN_IMAGES, MIN_OBJECTS
from app.retraining.words import counted, duration
from app.training_panel.preparation import Choices, Preparation
from zsi_core.engine.replies import InstalledModels
from zsi_core.retraining import PlannedClass, Probe, RecipeName, RetrainingPlan

RECIPES: dict[RecipeName, str] = {
    "fast": "Fast: minutes. What names and outlines objects learns; how images are seen stays as it is.",
    "full": "Full: an hour or more. The whole network learns; for images unlike photographs.",
}
COMPLETE = {
    False: "Only in images that are marked as labelled completely",
    True: "In every image: all objects of these classes are labelled",
}
_WARNINGS_HEIGHT = 110
_COLUMNS = ("Class", "Objects", "Images", "Held out", "What happens")
_NOTE = (
    "You can go on working meanwhile, and close the window. Nothing changes before you have seen the result "
    "and keep it."
)


class SetupDialog(QDialog):
    """Prepares the run while it is read; `take` hands it over when it was accepted."""

    def __init__(
        self,
        project: Path,
        library: ModelLibrary,
        model: str,
        former: str = "",
        parent: QWidget | None = None,
        *,
        command: Sequence[str] | None = None,
    ) -> None:
        """
        Args:
            project: file of the open project.
            library: the installed models.
            model: name of the one in use.
            former: what becomes of an earlier run, a sentence; empty if there is none.
            command: program in the place of the training process's.
        """
        super().__init__(parent)
        self.setObjectName("retraining_setup")
        self.setWindowTitle("Retrain on this project")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._former = former
        self._told: tuple[str, ...] = ()
        self.preparation = Preparation(project, self, command=command)
        self.model = QComboBox()
        self.model.setAccessibleName("Model to start from")
        self.model.addItem(f"{model} (in use)", model)
        self._in_use = model
        self._recipes, self._complete = QButtonGroup(self), QButtonGroup(self)
        self.recipes = {name: self._radio(self._recipes, text) for name, text in RECIPES.items()}
        self.complete = {whole: self._radio(self._complete, text) for whole, text in COMPLETE.items()}
        self.complete[False].setToolTip("The menu Train marks images")
        self.recipes["fast"].setChecked(True)
        self.complete[False].setChecked(True)
        self.table = _table()
        self.split = _text("hint")
        self.warnings = _text("")
        self.warnings.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.warnings.setContentsMargins(8, 6, 8, 6)
        self._warnings_room = QScrollArea()
        self._warnings_room.setAccessibleName("Warnings")
        self._warnings_room.setWidgetResizable(True)
        self._warnings_room.setWidget(self.warnings)
        self.warnings.setAutoFillBackground(False)  # setWidget has switched it on
        self._warnings_room.viewport().setAutoFillBackground(False)
        self._warnings_room.setProperty("role", "message")
        self._warnings_room.setProperty("kind", "caution")
        self.estimate = _text("heading")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start_button = self.buttons.addButton("Start", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        self._warn(())
        preparation = self.preparation
        preparation.planned.connect(self._show_plan)
        preparation.prepared.connect(self._on_prepared)
        preparation.estimated.connect(self._show_estimate)
        preparation.failed.connect(self._show_problem)
        self.finished.connect(self._on_finished)
        for group in (self._recipes, self._complete):
            group.buttonClicked.connect(lambda _: self._begin())
        self.model.activated.connect(lambda _: self._begin())
        library.listed.connect(self._list_models)
        if library.installed is not None:
            self._list_models(library.installed)
        library.refresh()
        self._begin()

    def _radio(self, group: QButtonGroup, text: str) -> QRadioButton:
        button = QRadioButton(text)
        group.addButton(button)
        return button

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(4)
        row = 0
        for text, widgets in (
            ("Start from", [self.model]),
            ("Recipe", list(self.recipes.values())),
            ("What is not labelled\nis background", list(self.complete.values())),
        ):
            label = QLabel(text)
            label.setBuddy(widgets[0])
            top = Qt.AlignmentFlag.AlignTop if len(widgets) > 1 else Qt.AlignmentFlag.AlignVCenter
            grid.addWidget(label, row, 0, len(widgets), 1, top)
            for widget in widgets:
                left = Qt.AlignmentFlag.AlignLeft if widget is self.model else Qt.AlignmentFlag(0)
                grid.addWidget(widget, row, 1, left)
                row += 1
            grid.setRowMinimumHeight(row, 4)
            row += 1
        note = _text("hint")
        note.setText(_NOTE)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addLayout(grid)
        layout.addWidget(self.table, 1)
        for below in (self.split, self._warnings_room, self.estimate, note, self.buttons):
            layout.addWidget(below)
        self.resize(720, 640)

    # ---- following the choices

    @property
    def choices(self) -> Choices:
        """What is chosen."""
        recipe = next(name for name, button in self.recipes.items() if button.isChecked())
        return Choices(self.model.currentData(), recipe, self.complete[True].isChecked())

    def _begin(self) -> None:
        self.start_button.setEnabled(False)
        self.estimate.setText("Looking at the labels…")
        self.preparation.choose(self.choices)

    def _show_plan(self, plan: RetrainingPlan) -> None:
        self._fill(plan.classes)
        self.complete[False].setText(
            f"{COMPLETE[False]} ({plan.complete_images:,} of {plan.training_images:,})"
            if not plan.all_complete
            else COMPLETE[False]
        )
        self.split.setText(
            f"With labels: {counted(plan.training_images, 'image')} to train on, and "
            f"{counted(plan.held_out_images, 'image')} held out, now and later, to measure before and after."
        )
        self._told = ((self._former,) if self._former else ()) + plan.warnings
        self._warn(self._told)
        if plan.problem:
            self._show_problem(plan.problem)
        else:
            self.estimate.setText("Writing down what is trained on…")

    def _on_prepared(self) -> None:
        self.start_button.setEnabled(True)
        self.estimate.setText("Estimating how long it takes on this machine…")

    def _show_estimate(self, probe: Probe | None) -> None:
        if probe is not None:  # otherwise the plan cannot start, and has told why
            self.estimate.setText(
                f"About {duration(probe.seconds)} on {_DEVICES.get(probe.device, probe.device)}"
            )
            self._warn((*self._told, *probe.warnings))

    def _show_problem(self, problem: str) -> None:
        self.start_button.setEnabled(False)
        self.estimate.setText(problem[:1].upper() + problem[1:])

    def _warn(self, warnings: Sequence[str]) -> None:
        self.warnings.setText("\n".join(f"•  {warning}" for warning in warnings))
        self._warnings_room.setVisible(bool(warnings))
        wanted = self.warnings.heightForWidth(self.width() - 60)
        self._warnings_room.setFixedHeight(min(max(wanted, 20), _WARNINGS_HEIGHT) + 14)

    def _fill(self, classes: Sequence[PlannedClass]) -> None:
        self.table.setRowCount(len(classes))
        for row, given in enumerate(classes):
            texts = (
                given.name,
                f"{given.objects:,}",
                f"{given.images:,}",
                f"{given.held_out:,}",
                _fate(given),
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column in (1, 2, 3):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if not given.trained:
                    item.setForeground(self.palette().placeholderText())
                self.table.setItem(row, column, item)

    def _list_models(self, installed: InstalledModels) -> None:
        known = {self.model.itemData(row) for row in range(self.model.count())}
        for card in installed.models:
            if card.name not in known and not card.problem:
                self.model.addItem(card.name, card.name)

    def _on_finished(self, result: int) -> None:
        if result != QDialog.DialogCode.Accepted:
            self.preparation.drop()


_DEVICES = {"cpu": "the processor", "cuda": "the graphics card", "mps": "the graphics processor"}


def _fate(given: PlannedClass) -> str:
    if given.trained:
        return "Is trained"
    return f"Left out: {MIN_OBJECTS} objects in {MIN_IMAGES} images are needed"


def _table() -> QTableWidget:
    table = QTableWidget(0, len(_COLUMNS))
    table.setAccessibleName("Classes")
    table.setHorizontalHeaderLabels(_COLUMNS)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(26)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
    table.setTabKeyNavigation(False)
    header = table.horizontalHeader()
    header.setSectionsClickable(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for column, text in enumerate(_COLUMNS):
        item = QTableWidgetItem(text)
        side = Qt.AlignmentFlag.AlignRight if column in (1, 2, 3) else Qt.AlignmentFlag.AlignLeft
        item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        table.setHorizontalHeaderItem(column, item)
    return table


def _text(role: str) -> QLabel:
    label = QLabel()
    label.setProperty("role", role)
    label.setWordWrap(True)
    return label
