"""From which score on the proposals of a class are shown."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.project import Change, ObjectRecord
from app.project.commands import SetSetting, threshold_key
from app.proposals.engine_link import EngineLink
from app.session import Session
from zsi_core.engine.requests import SLIDER_ROOM


class Thresholds(QObject):
    """A class that a person has set no threshold for has that of the model that proposed."""

    changed = Signal()

    def __init__(self, session: Session, link: EngineLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._link = session, link
        self._chosen: dict[int, float | None] = {}
        session.project_changed.connect(self._forget)
        session.changed.connect(self._on_change)
        link.model_changed.connect(lambda _: self.changed.emit())

    def shows(self, record: ObjectRecord) -> bool:
        """Whether an object is above the threshold of its class; always, if it is no scored proposal."""
        if record.state != "proposed" or (score := record.score) is None:
            return True
        chosen = self.chosen(record.class_id)
        limit = record.made_by.get("threshold", 0.0) if chosen is None else chosen
        return bool(score >= limit)

    def of(self, class_id: int) -> float:
        """The threshold of a class, as a slider shows it."""
        chosen = self.chosen(class_id)
        return self.default if chosen is None else chosen

    @property
    def default(self) -> float:
        """The threshold of the model."""
        return self._link.model.threshold if self._link.model else 0.0

    @property
    def lowest(self) -> float:
        """Scores below it are not kept."""
        return SLIDER_ROOM * self.default

    def chosen(self, class_id: int) -> float | None:
        """What a person has set for a class."""
        if class_id not in self._chosen:
            project = self._session.project
            value = project.setting(threshold_key(class_id)) if project else None
            self._chosen[class_id] = None if value is None else float(value)
        return self._chosen[class_id]

    def set(self, class_id: int, value: float, *, keep: bool = True) -> None:
        """Show the proposals of a class from a score on, at once.

        Args:
            keep: write it into the project; not while a slider is being dragged.
        """
        value = round(min(max(value, self.lowest), 1.0), 4)
        changes = value != self.chosen(class_id)
        self._chosen[class_id] = value
        if keep and self._session.writable:
            self._session.do(SetSetting(threshold_key(class_id), value))
        if changes:
            self.changed.emit()

    def _forget(self) -> None:
        self._chosen.clear()
        self.changed.emit()

    def _on_change(self, change: Change) -> None:
        known = [class_id for class_id in self._chosen if threshold_key(class_id) in change.settings]
        for class_id in known:
            former = self._chosen.pop(class_id)
            if former != self.chosen(class_id):
                self.changed.emit()
