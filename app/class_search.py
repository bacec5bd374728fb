"""The class search (C): type a few letters, choose a class or make a new one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QWidget

from app.picker import Choice, Picker
from app.session import Session


class ClassSearch(Picker):
    """`chosen` carries the id of a class, or the text of one that is to be made."""

    def __init__(self, session: Session, objects: int, parent: QWidget) -> None:
        """Args:
        objects: how many objects the class is for; 0 for the next one that is drawn.
        """
        purpose = f"for the {objects} selected objects" if objects > 1 else "for the selected object"
        placeholder = f"Class {purpose if objects else 'to draw with'}"
        super().__init__("Choose a class", placeholder, self._find, parent)
        self.setObjectName("class_search")
        self._session = session

    def _find(self, text: str) -> Sequence[Choice]:
        """Classes whose name holds the text, those that begin with it first; then the text as a new one."""
        project = self._session.project
        if project is None:
            return []
        typed = text.strip()
        found = [record for record in project.classes() if typed.casefold() in record.name.casefold()]
        found.sort(key=lambda record: not record.name.casefold().startswith(typed.casefold()))
        choices = [
            Choice(
                key=record.id,
                text=record.name,
                side=f"key {record.hotkey}" if record.hotkey else "",
                icon=_swatch(record.color),
            )
            for record in found
        ]
        if typed and project.class_id(typed) is None:
            choices.append(Choice(key=typed, text=f"New class “{typed}”", tip="Makes the class and uses it."))
        return choices


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(16, 16)
    pixmap.fill(QColor(colour))
    made = QIcon(pixmap)
    made.addPixmap(pixmap, QIcon.Mode.Selected)  # not tinted
    return made
