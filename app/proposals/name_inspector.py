"""The name inspector: what became of a name, why an object is named as it is, what is absent here."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.canvas.canvas import Canvas
from app.project import ObjectRecord
from app.proposals.engine_link import EngineLink
from app.proposals.explanation_view import ExplanationView
from app.proposals.preview import Preview
from app.proposals.prompt import Chip
from app.proposals.proposals import Proposals
from app.session import Session
from zsi_core.engine.replies import NameReport
from zsi_core.engine.requests import Explain
from zsi_core.instances import Explanation


class NameInspector(QScrollArea):
    """Follows what is typed, clicked and selected; asks only while it can be seen."""

    relabel = Signal(str)
    """A name that the selected object is to get."""
    wanted = Signal(str)
    """A spelling that was clicked."""

    def __init__(
        self, session: Session, link: EngineLink, canvas: Canvas, proposals: Proposals, preview: Preview
    ) -> None:
        super().__init__()
        self._session, self._link, self._canvas = session, link, canvas
        self._proposals, self._preview = proposals, preview
        self.in_view = False
        self._phrase = ""
        self._explained: str | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Name inspector")
        inside = QWidget()
        self.setWidget(inside)
        self._layout = QVBoxLayout(inside)
        self._layout.setContentsMargins(10, 2, 10, 8)
        self._layout.setSpacing(5)
        self.name = self._label("heading")
        self.facts = self._label()
        self.nearest = self._label("hint")
        self.warning = self._label()
        self._words = QVBoxLayout()
        self._layout.addLayout(self._words)
        self.why_heading = self._label("heading")
        self.why = ExplanationView()
        self.why.chosen.connect(self.relabel)
        self._layout.addWidget(self.why)
        self.image_heading = self._label("heading")
        self.image_heading.setText("In this image")
        self.image = self._label()
        self._layout.addStretch()
        preview.changed.connect(self.refresh)
        proposals.changed.connect(self.refresh)
        proposals.names.changed.connect(self.refresh)
        canvas.selection_changed.connect(lambda _: self._on_selection())
        link.model_changed.connect(lambda _: self._on_selection())

    def _label(self, role: str = "") -> QLabel:
        label = QLabel()
        label.setWordWrap(True)
        label.setProperty("role", role)
        self._layout.addWidget(label)
        return label

    def inspect(self, chip: Chip) -> None:
        """Show a chip that was clicked."""
        self._phrase = chip.phrase
        self.refresh()

    def set_in_view(self, on: bool) -> None:
        """Whether its tab is on top; it asks nothing otherwise."""
        self.in_view = on
        self._on_selection()

    # ---- the name

    def refresh(self) -> None:
        """Say what is known by now."""
        if not self.in_view:
            return
        phrase = self._preview.text or self._phrase
        chips = self._proposals.prompt.phrases
        if not self._preview.text and phrase not in chips:
            phrase = chips[0] if chips else ""
        report = self._proposals.names.report(phrase)
        self.name.setText(f"“{phrase}”" if phrase else "No name yet")
        self.facts.setText(_facts(report) if phrase else "Type one above the image, or click a chip.")
        nearest = report.nearest_seen if report else ()
        told = ", ".join(f"{name} {cosine:.2f}" for name, cosine in nearest)
        self.nearest.setText(f"Nearest classes of the training: {told}" if told else "")
        self.nearest.setVisible(bool(told))
        self._warn(phrase)
        self._offer(report)
        self._tell_image()

    def _warn(self, phrase: str) -> None:
        pairs = [pair for pair in self._proposals.names.near_duplicates if phrase in pair[:2]]
        lines = [
            f"Nearly coincides with “{second if first == phrase else first}” ({cosine:.2f}): the model can "
            "hardly tell them apart."
            for first, second, cosine in pairs
        ]
        self.warning.setText("\n".join(lines))
        self.warning.setVisible(bool(lines))

    def _offer(self, report: NameReport | None) -> None:
        while (item := self._words.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for word in report.suggestions if report else ():
            button = QPushButton(word)
            button.setProperty("role", "link")
            button.clicked.connect(lambda _=False, word=word: self.wanted.emit(word))
            self._words.addWidget(button)

    # ---- the image

    def _tell_image(self) -> None:
        proposals = self._proposals
        known = [
            (chip, best)
            for chip in proposals.prompt.chips
            if (best := proposals.best(chip.class_id)) is not None
        ]
        absent = [f"{chip.name} ({best:.2f})" for chip, best in known if proposals.is_absent(chip.class_id)]
        self.image_heading.setVisible(bool(known))
        self.image.setVisible(bool(known))
        names = ", ".join(absent)
        self.image.setText(
            f"Probably absent: {names}. In brackets the best score of any region."
            if absent
            else "The model found something for every name."
        )

    # ---- the selected object

    def _on_selection(self) -> None:
        if not self.in_view:
            return
        record = self._selected()
        if record is not None and record.state == "proposed":
            chip = self._proposals.prompt.chip(record.class_id)
            self._phrase = chip.phrase if chip else self._phrase
        self.refresh()
        self._explained = record.uuid if record else None
        self.why.show_explanation(None)
        self.why_heading.setVisible(record is not None)
        image = self._session.image
        if record is None or image is None:
            return
        self.why_heading.setText("Why this mask")
        if not self._link.ready:
            return
        region = self._proposals.region(record.uuid)
        phrases = self._proposals.names.askable(self._proposals.prompt.phrases)
        x1, y1, x2, y2 = record.geometry.box
        box = None if region is not None else (x1, y1, x2, y2)
        self._link.ask(
            Explain(str(image.path), region, box, phrases),
            lambda explanation: self._explain(record.uuid, explanation),
            topic="why",
        )

    def _selected(self) -> ObjectRecord | None:
        selection = self._canvas.selection
        return self._session.objects.get(selection[0]) if len(selection) == 1 else None

    def _explain(self, uuid: str, explanation: Explanation) -> None:
        if uuid == self._explained:
            self.why.show_explanation(explanation)


def _facts(report: NameReport | None) -> str:
    if report is None:
        return "The model has not been asked about it yet."
    if report.problem:
        return f"{report.problem[:1].upper()}{report.problem[1:]}"
    parts = [f"Vector: {report.explanation}, {', '.join(report.used)}."]
    if report.missing:
        parts.append(f"Ignored: {', '.join(report.missing)}.")
    if report.singular:
        parts.append(f"The singular {report.singular} is in the vocabulary, too.")
    parts.append(f"{report.expectation[:1].upper()}{report.expectation[1:]}.")
    return " ".join(parts)
