"""The review strip over the canvas: the current proposal in words, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton

from app.actions.registry import ActionRegistry, key_text
from app.canvas.canvas import Canvas
from app.project import ObjectRecord
from app.proposals.review import Review
from app.session import Session
from app.turns import in_turn

_ASIDE = 12
"""Pixels to the edge of the canvas."""
_LONGEST = 200
"""Longest class name in pixels."""


class ReviewStrip(QFrame):
    """Lies at the lower edge of the canvas, at the upper one where it would hide the current proposal."""

    def __init__(self, review: Review, session: Session, canvas: Canvas, registry: ActionRegistry) -> None:
        super().__init__(canvas)
        self.setObjectName("review_strip")
        self.setAccessibleName("Review")
        self.setProperty("role", "strip")
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._review, self._session, self._canvas, self._registry = review, session, canvas, registry
        self._buttons: dict[QToolButton, tuple[str, str]] = {}  # word and action of each
        self.place = self._label("hint")
        self.swatch = self._label()
        self.name = self._label("heading")
        self.about = self._label("hint")
        self.accept = self._button("review_accept", "Accept")
        self.reject = self._button("review_reject", "Reject")
        self.relabel = self._button("choose_class", "Relabel")
        self.next = self._button("review_next", "Next")
        self.all = self._menu_button()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 5, 6, 5)
        layout.setSpacing(6)
        for label in (self.place, self.swatch, self.name, self.about):
            layout.addWidget(label)
        layout.addSpacing(6)
        for button in (self.accept, self.reject, self.relabel, self.next, self.all):
            layout.addWidget(button)
        self.relabel.pressed.connect(review.select_current)
        canvas.installEventFilter(self)
        review.changed.connect(lambda: in_turn(self, self._show))
        self.hide()

    def _label(self, role: str = "") -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("role", role)
        return label

    def _button(self, action_id: str, text: str) -> QToolButton:
        button = QToolButton(self)
        self._buttons[button] = (text, action_id)
        button.setToolTip(self._registry[action_id].toolTip())
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard stays with the canvas
        button.clicked.connect(self._registry[action_id].trigger)
        return button

    def _menu_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setText("All")
        button.setToolTip("All proposals that are shown")
        button.setAccessibleName("All proposals that are shown")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        for action_id in ("review_accept_all", "review_reject_all", "show_proposals"):
            menu.addAction(self._registry[action_id])
        button.setMenu(menu)
        return button

    # ---- what is shown

    def _show(self) -> None:
        review, record = self._review, self._review.current
        deciding = record is not None
        for widget in (self.place, self.swatch, self.accept, self.reject, self.relabel, self.next, self.all):
            widget.setVisible(deciding)
        if record is not None:
            self._describe(record)
        elif review.decided_here and self._session.image is not None:
            self.name.setText("Image done")
            ways = {
                "review_next": "next to review",
                "next_image": "next image",
                "finish_and_next": "finish it",
            }
            self.about.setText(",  ".join(f"{self._key(way)}: {text}" for way, text in ways.items()))
        else:
            self.hide()
            return
        self.show()
        self._lay_out()

    def _key(self, action_id: str) -> str:
        return key_text(self._registry.specs[action_id].keys[0])

    def _describe(self, record: ObjectRecord) -> None:
        review = self._review
        owner = self._session.classes()[record.class_id]
        only = "" if review.only_class is None else f" {owner.name}"
        waiting = len(review.waiting)
        self.place.setText(f"{review.place} of {waiting}{only}" if review.place else f"{waiting} left{only}")
        colour = QPixmap(10, 10)
        colour.fill(QColor(owner.color))
        self.swatch.setPixmap(colour)
        score = "" if record.score is None else f"  {record.score:.2f}"
        metrics = self.name.fontMetrics()
        self.name.setText(metrics.elidedText(owner.name, Qt.TextElideMode.ElideRight, _LONGEST) + score)
        self.about.setText(_runner_up(record) if record.state == "proposed" else "corrected")
        self._buttons[self.accept] = ("Accept" if record.state == "proposed" else "Go on", "review_accept")

    # ---- where it lies

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._canvas and event.type() == QEvent.Type.Resize and self.isVisible():
            self._lay_out()
        return False

    def _lay_out(self) -> None:
        room = self._canvas.width() - 2 * _ASIDE
        layout = self.layout()
        assert layout is not None
        for about, keys in (
            (True, True),
            (False, True),
            (False, False),
        ):  # what a narrow canvas can do without
            self.about.setVisible(about)
            for button, (word, action_id) in self._buttons.items():
                button.setText(f"{word} ({self._key(action_id)})" if keys else word)
            layout.activate()
            if self.sizeHint().width() <= room:
                break
        size = self.sizeHint().boundedTo(QSize(room, self._canvas.height()))
        left = (self._canvas.width() - size.width()) // 2
        below = QRect(left, self._canvas.height() - size.height() - _ASIDE, size.width(), size.height())
        above = QRect(left, _ASIDE, size.width(), size.height())
        hidden = self._current_place()
        self.setGeometry(above if hidden.intersects(below) and not hidden.intersects(above) else below)
        self.raise_()

    def _current_place(self) -> QRect:
        record = self._review.current
        if record is None:
            return QRect()
        return self._canvas.viewport.rect_to_widget(record.geometry.box).toAlignedRect()


def _runner_up(record: ObjectRecord) -> str:
    """ "or dog 0.12"; nothing where no other name came close."""
    name, score = record.made_by.get("runner_up"), record.made_by.get("runner_up_score")
    return f"or {name} {score:.2f}" if name and isinstance(score, float) and score >= 0.01 else ""
