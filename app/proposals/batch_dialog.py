"""The dialog before a batch: which images, which classes, and what becomes of earlier proposals."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGroupBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.project import ImageFilter, Queries
from app.proposals.batch_plan import BatchPlan

SCOPES = {
    "all": "All images",
    "shown": "The images that the list shows now",
    "without": "Images without proposals",
    "this": "This image",
}


class BatchDialog(QDialog):
    """`plan` is what was chosen; counts follow every choice."""

    def __init__(
        self,
        project: Queries,
        shown: Sequence[int],
        image_id: int | None,
        chips: Collection[int],
        *,
        again: bool,
        generalised: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """
        Args:
            project: the open one.
            shown: ids of the images that the list shows.
            image_id: of the image in view.
            chips: ids of the classes that are asked for above the image.
            again: begin with the image in view, and replace what other models proposed.
            generalised: the model's own classes are proposed, too, when a single image is asked about.
        """
        super().__init__(parent)
        self.setObjectName("batch_dialog")
        self.setWindowTitle("Propose on many images")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(460)
        every = project.image_ids()
        proposed = set(project.image_ids(ImageFilter(states=("proposals",))))
        self._finished_ids = set(project.image_ids(ImageFilter(states=("finished",))))
        self._images = {
            "all": every,
            "shown": list(shown),
            "without": [image for image in every if image not in proposed],
            "this": [] if image_id is None else [image_id],
        }
        self._scopes = QButtonGroup(self)
        self.scopes = {scope: self._scope_button(scope, text) for scope, text in SCOPES.items()}
        filtered = 0 < len(self._images["shown"]) < len(every)
        self.scopes["this" if again and image_id is not None else "shown" if filtered else "all"].setChecked(
            True
        )
        self.with_finished = QCheckBox("Finished images, too")
        self.classes = QListWidget()
        self.classes.setAccessibleName("Classes")
        for record in project.classes():
            item = QListWidgetItem(record.name, self.classes)
            item.setData(Qt.ItemDataRole.UserRole, record.id)
            wanted = record.id in chips or not chips
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        self.weaker = QCheckBox("Keep weaker proposals, hidden until a threshold is lowered")
        self.weaker.setChecked(True)
        self.replace = QCheckBox("Replace proposals of other models that nobody has touched")
        self.replace.setChecked(again)
        self.summary = QLabel()
        self.summary.setProperty("role", "heading")
        self.summary.setWordWrap(True)
        note = QLabel(
            "Accepted, corrected and drawn objects stay as they are, and what was rejected is not proposed "
            "again. All of it is one step of undo."
            + (" Of the model's own classes only those chosen here are proposed." if generalised else "")
        )
        note.setProperty("role", "hint")
        note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start_button = buttons.addButton("Propose", QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(_group("Images", [*self.scopes.values(), self.with_finished]))
        layout.addWidget(_group("Classes", [self.classes]), 1)
        layout.addWidget(_group("Proposals", [self.weaker, self.replace]))
        for widget in (note, self.summary, buttons):
            layout.addWidget(widget)
        self._scopes.buttonToggled.connect(lambda *_: self._update())
        self.with_finished.toggled.connect(lambda _: self._update())
        self.classes.itemChanged.connect(lambda _: self._update())
        self._update()

    def _scope_button(self, scope: str, text: str) -> QRadioButton:
        number = len(self._images[scope])
        button = QRadioButton(f"{text} ({number:,})")
        button.setEnabled(number > 0)
        self._scopes.addButton(button)
        return button

    @property
    def plan(self) -> BatchPlan:
        """What was chosen."""
        scope = next((scope for scope, button in self.scopes.items() if button.isChecked()), "all")
        images = self._images[scope]
        if not self.with_finished.isChecked() and scope != "this":
            images = [image for image in images if image not in self._finished_ids]
        items = [self.classes.item(row) for row in range(self.classes.count())]
        chosen = [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() is Qt.CheckState.Checked
        ]
        return BatchPlan.new(images, chosen, replace=self.replace.isChecked(), weaker=self.weaker.isChecked())

    def _update(self) -> None:
        plan = self.plan
        self.with_finished.setEnabled(not self.scopes["this"].isChecked())
        images, classes = len(plan.images), len(plan.class_ids)
        text = (
            f"{images:,} image{'s' if images != 1 else ''}, {classes:,} class{'es' if classes != 1 else ''}"
        )
        if not self.classes.count():
            text = "Type a name above the image, or add a class, first."
        elif not classes:
            text = "Choose at least one class."
        elif not images:
            text = "There is no such image."
        self.summary.setText(text)
        self.start_button.setEnabled(bool(images and classes))


def _group(title: str, widgets: Sequence[QWidget]) -> QGroupBox:
    group = QGroupBox(title)
    layout = QVBoxLayout(group)
    for widget in widgets:
        layout.addWidget(widget)
    return group
