"""What becomes of the name that is being typed, below the line; words to click where there is none."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.proposals.preview import Preview

_MOST = 5
_PATIENCE_MS = 300
"""After which a person wants to know that something is being done."""


class NameHint(QFrame):
    """Floats over the canvas, so that the image does not jump while a name is typed."""

    wanted = Signal(str)
    """A spelling that was clicked."""

    def __init__(self, preview: Preview, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("name_hint")
        self.setAccessibleName("What becomes of the typed name")
        self.setProperty("role", "strip")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._preview = preview
        self._shown: tuple[object, ...] = ()
        self.text = QLabel(self)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.words: list[QPushButton] = []
        self._words = QHBoxLayout()
        self._words.setContentsMargins(0, 0, 0, 0)
        self._words.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(2)
        layout.addWidget(self.text)
        layout.addLayout(self._words)
        self._long = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._long.timeout.connect(self._say_so)
        self._late = False  # it takes long
        preview.changed.connect(self._show)
        self.hide()

    def _show(self) -> None:
        preview, report = self._preview, self._preview.report
        waiting = bool(preview.text) and preview.number is None and not (report and report.problem)
        if not waiting:
            self._long.stop()
            self._late = False
        elif not self._late and not self._long.isActive():
            self._long.start()
        content = (preview.text, report, preview.number, self._late)
        if content == self._shown:
            return
        self._shown = content
        if not preview.text or (report is None and not self._late):
            self.hide()
            return
        self._clear_words()
        if report is None:
            self.text.setText(preview.waits_for)
        elif report.problem:
            self.text.setText(f"No such word in the model's vocabulary: “{preview.text}”")
        else:
            self.text.setText("   ·   ".join(part for part in self._parts() if part))
        for word in report.suggestions[:_MOST] if report else ():
            button = QPushButton(word, self)
            button.setProperty("role", "link")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard stays with the line
            button.clicked.connect(lambda _=False, word=word: self.wanted.emit(word))
            self._words.insertWidget(self._words.count() - 1, button)  # before the stretch
            self.words.append(button)
            button.show()  # else it has no size yet
        self.show()
        layout = self.layout()
        assert layout is not None
        layout.invalidate()  # it does not follow a text that was set while it was hidden
        self.resize(layout.totalSizeHint())
        self.raise_()

    def _say_so(self) -> None:
        """The image is not encoded yet, or the model is not loaded."""
        self._late = True
        self._show()

    def _clear_words(self) -> None:
        for button in self.words:
            self._words.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.words.clear()

    def _parts(self) -> list[str]:
        preview, report = self._preview, self._preview.report
        assert report is not None
        number = preview.number
        if number is None:
            found = preview.waits_for if self._late else ""
        else:
            found = f"{number} shown" if number else "none sure"
        used = "" if report.step == "exact" else f" ({', '.join(report.used)})"
        return [found, f"{report.explanation}{used}", report.expectation, "Enter asks for it"]
