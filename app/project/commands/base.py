"""What every command is: a small value that knows its label and how to write itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from app.project.rows import Rows


class Command(ABC):
    """A change of a project; apply it with `Project.do`."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The step for a person, as "Undo ..." shows it: "Delete 3 objects"."""

    @property
    def undoable(self) -> bool:
        """Whether it leaves an entry in the undo journal.

        What only mirrors the disk or a preference (image sizes, settings) does not.
        """
        return True

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

    @property
    def undoable(self) -> bool:
        return any(command.undoable for command in self.commands)

    def apply(self, rows: Rows) -> None:
        for command in self.commands:
            command.apply(rows)


def counted(verb: str, number: int, noun: str) -> str:
    """ "Delete object", "Delete 3 objects"; `noun` gets its plural with -s or -es."""
    if number == 1:
        return f"{verb} {noun}"
    return f"{verb} {number} {noun}{'es' if noun.endswith('s') else 's'}"
