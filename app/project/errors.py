"""Errors of the project file that a person can act on."""

from __future__ import annotations

from zsi_core.errors import ZsiError


class ProjectError(ZsiError):
    """A project cannot be opened, read or written; nothing that was applied before is lost."""


class ProjectReadOnlyError(ProjectError):
    """A change was asked for in a project that is open for reading only."""


class ProjectDamagedError(ProjectError):
    """The file is not a project, or its content is damaged."""


class ProjectGoneError(ProjectError):
    """The file is not where it was opened; nothing is written into what nobody would find again."""


class ProjectTooNewError(ProjectError):
    """The file was written by a newer version of the program."""


class CommandError(ProjectError):
    """A command does not fit the project: an object is locked, a name is taken, an id does not exist."""


class UndoError(ProjectError):
    """A step cannot be undone or redone because later ones depend on it."""


class FilterError(ZsiError):
    """A typed filter makes no sense."""
