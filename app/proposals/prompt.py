"""`Prompt`: the classes of the project that the model is asked for, in the order of their chips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from app.project import Change, ClassRecord
from app.project.commands import AddClass, Batch, Command, SetSetting
from app.session import Session
from zsi_core.semantics.names import class_key, synonyms, tidy

CHIPS = "prompt"
"""Setting of a project: ids of the classes that are asked for."""

GENERALISED = "generalised"
"""Setting of a project: `Generalised` as a list."""


@dataclass(frozen=True)
class Chip:
    """A class that is asked for.

    Attributes:
        class_id: of the project.
        name: of the class.
        color: of the class, "#rrggbb".
        phrase: what the model is asked: the name, or several synonyms, "sofa = couch".
    """

    class_id: int
    name: str
    color: str
    phrase: str


@dataclass(frozen=True)
class Generalised:
    """Whether seen classes are proposed, too, and how much unseen ones are favoured (None: as the model)."""

    on: bool = False
    seen_penalty: float | None = None


class Prompt(QObject):
    """Kept in the project. Classes come and go by undo, too; what is asked for follows."""

    changed = Signal()
    """Other chips, or the same with another name, colour or synonyms; or the mode."""
    asked = Signal()
    """A person has changed what is asked for: answers are wanted."""
    removed = Signal(object)
    """id of a class that a person has taken out."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.chips: tuple[Chip, ...] = ()
        self.generalised = Generalised()
        session.project_changed.connect(self._read)
        session.changed.connect(self._on_change)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What the model is asked."""
        return tuple(chip.phrase for chip in self.chips)

    def chip(self, class_id: int) -> Chip | None:
        """None for a class that is not asked for."""
        return next((chip for chip in self.chips if chip.class_id == class_id), None)

    def knows(self, name: str) -> bool:
        """Whether a typed name is asked for already."""
        key = class_key(name)
        return any(key in _keys(chip.phrase) for chip in self.chips)

    # ---- what a person does

    def add(self, text: str) -> None:
        """Ask for typed names, separated by commas; synonyms are joined by "=". New ones become classes."""
        project = self._session.project
        entries = [part for part in (synonyms(part) for part in text.split(",")) if part[0]]
        if project is None or not entries:
            return
        new: dict[str, str] = {}
        for names in entries:
            if project.class_id(names[0]) is None:
                new.setdefault(class_key(names[0]), names[0])
        if new:
            title = f"Add class{'es' if len(new) > 1 else ''} {', '.join(new.values())}"
            if self._session.do(Batch([AddClass(name) for name in new.values()], title)) is None:
                return
        settings: list[Command] = []
        ids = [chip.class_id for chip in self.chips]
        for names in entries:
            class_id = project.class_id(names[0])
            assert class_id is not None
            ids += [] if class_id in ids else [class_id]
            if names[1:]:
                settings.append(SetSetting(synonyms_key(class_id), list(names[1:])))
        self._ask([*settings, SetSetting(CHIPS, ids)])

    def add_classes(self, class_ids: Sequence[int]) -> None:
        """Ask for classes of the project, too."""
        ids = [chip.class_id for chip in self.chips]
        self._ask([SetSetting(CHIPS, [*ids, *(class_id for class_id in class_ids if class_id not in ids)])])

    def remove(self, class_id: int) -> None:
        """Do not ask for a class any more; the class stays."""
        ids = [chip.class_id for chip in self.chips if chip.class_id != class_id]
        if self._session.do(SetSetting(CHIPS, ids)) is not None:
            self.removed.emit(class_id)

    def set_synonyms(self, class_id: int, names: Sequence[str]) -> None:
        """Further names of a class, whose word vectors are averaged with its own."""
        kept = [tidied for name in names if (tidied := tidy(name))]
        self._ask([SetSetting(synonyms_key(class_id), kept or None)])

    def synonyms(self, class_id: int) -> list[str]:
        """Further names of a class."""
        project = self._session.project
        return list(project.setting(synonyms_key(class_id), ())) if project else []

    def set_generalised(self, on: bool, seen_penalty: float | None = None) -> None:
        """Propose seen classes, too, or not."""
        self._ask([SetSetting(GENERALISED, [on, seen_penalty])])

    def _ask(self, settings: Sequence[Command]) -> None:
        if self._session.do(Batch(settings, "Change what is asked for")) is not None:
            self.asked.emit()

    # ---- following the project

    def _on_change(self, change: Change) -> None:
        if change.classes or change.settings:
            self._read()

    def _read(self) -> None:
        project, classes = self._session.project, self._session.classes()
        ids = project.setting(CHIPS, []) if project else []
        mode = project.setting(GENERALISED) if project else None
        chips = tuple(self._chip(classes[class_id]) for class_id in ids if class_id in classes)
        generalised = Generalised(*mode) if mode else Generalised()
        if (chips, generalised) != (self.chips, self.generalised):
            self.chips, self.generalised = chips, generalised
            self.changed.emit()

    def _chip(self, record: ClassRecord) -> Chip:
        phrase = " = ".join([record.name, *self.synonyms(record.id)])
        return Chip(record.id, record.name, record.color, phrase)


def synonyms_key(class_id: int) -> str:
    """Key of the setting with the further names of a class."""
    return f"synonyms/{class_id}"


def _keys(phrase: str) -> set[str]:
    return {class_key(phrase), *(class_key(name) for name in synonyms(phrase))}
