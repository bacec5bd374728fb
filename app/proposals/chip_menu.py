"""What opens from a chip: its threshold, its vector, its other names."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.proposals.prompt import Chip
from app.proposals.proposals import Proposals
from app.proposals.threshold_slider import ThresholdSlider

_WIDTH = 340


class ChipMenu(QFrame):
    """Closes by itself when something else is clicked; every change is in force at once."""

    def __init__(self, chip: Chip, proposals: Proposals, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("chip_menu")
        self.setProperty("role", "strip")
        self.setFixedWidth(_WIDTH)
        self._chip, self._proposals = chip, proposals
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(7)
        heading = QLabel(chip.name)
        heading.setProperty("role", "heading")
        layout.addWidget(heading)
        for text in self._facts():
            label = QLabel(text)
            label.setProperty("role", "hint")
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addLayout(self._suggestions())
        self.slider = ThresholdSlider(chip.class_id, proposals)
        layout.addWidget(self.slider)
        layout.addWidget(QLabel("Also called (synonyms)"))
        self.synonyms = QLineEdit(", ".join(proposals.prompt.synonyms(chip.class_id)))
        self.synonyms.setAccessibleName(f"Synonyms of {chip.name}")
        self.synonyms.setPlaceholderText("with commas between them: couch, settee")
        self.synonyms.editingFinished.connect(self._set_synonyms)
        layout.addWidget(self.synonyms)

    def open_below(self, place: QPoint) -> None:
        """Show it with its upper left corner at a place of the screen, or as near as it fits."""
        self.adjustSize()
        room = self.screen().availableGeometry()
        x = min(place.x(), room.right() - self.width())
        y = min(place.y(), room.bottom() - self.height())
        self.move(max(room.left(), x), max(room.top(), y))
        self.show()
        self.slider.setFocus()

    def _facts(self) -> list[str]:
        names, chip = self._proposals.names, self._chip
        report, seen = names.report(chip.phrase), names.is_seen(chip.phrase)
        facts = []
        if seen is not None:
            facts.append("◆  The model was trained on it" if seen else "◇  New to the model")
        if report is not None:
            facts.append(report.problem or f"Vector: {report.explanation}, {', '.join(report.used)}")
            facts.append(report.expectation)
        for first, second, cosine in names.near_duplicates:
            if chip.phrase in (first, second):
                other = second if chip.phrase == first else first
                facts.append(
                    f"Nearly the same as {other} ({cosine:.2f}): the model can hardly tell them apart"
                )
        if self._proposals.is_absent(chip.class_id):
            facts.append("Probably absent from this image")
        return [fact for fact in facts if fact]

    def _suggestions(self) -> QHBoxLayout:
        row = QHBoxLayout()
        report = self._proposals.names.report(self._chip.phrase)
        for word in report.suggestions[:4] if report and report.problem else ():
            button = QPushButton(word)
            button.setProperty("role", "link")
            button.clicked.connect(lambda _=False, word=word: self._ask_for(word))
            row.addWidget(button)
        row.addStretch()
        return row

    def _ask_for(self, word: str) -> None:
        """In the place of a name that the model does not know."""
        prompt = self._proposals.prompt
        self.close()
        prompt.remove(self._chip.class_id)
        prompt.add(word)

    def _set_synonyms(self) -> None:
        names = [name.strip() for name in self.synonyms.text().split(",") if name.strip()]
        if names != self._proposals.prompt.synonyms(self._chip.class_id):
            self._proposals.prompt.set_synonyms(self._chip.class_id, names)
