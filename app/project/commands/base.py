"""What every command is: a small value that knows its label and how to write itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.project.rows import Rows


class Command(ABC):
    """A change of a project; apply it with `Project.do`.

    Attributes:
        undoable: whether it leaves an entry in the undo journal. What only mirrors the disk or a preference
            (image sizes, settings) does not.
    """

    undoable: ClassVar[bool] = True

    @property
    @abstractmethod
    def label(self) -> str:
        """The step for a person, as "Undo ..." shows it: "Delete 3 objects"."""

    @abstractmethod
    def apply(self, rows: Rows) -> None:
        """Write the change, inside a transaction.

        Raises:
            CommandError: it does not fit the project; nothing of the transaction stays.
        """


@dataclass(frozen=True)
class Batch(Command):
    """Several commands as one step: all are applied or none; one undo takes them all back.

    Later commands see what earlier ones did. It is undoable when one of them is.
    """

    commands: Sequence[Command]
    title: str

    @property
    def label(self) -> str:
        return self.title

    def apply(self, rows: Rows) -> None:
        for command in self.commands:
            command.apply(rows)
