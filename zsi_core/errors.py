"""Exceptions that a person can act on, and the exit codes of the command line.

Every message says what happened, to which file or value, and what to do next. The command line prints it
as one line; the window shows it without blocking.
"""

EXIT_DONE = 0
EXIT_SOME_SKIPPED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130


class ZsiError(Exception):
    """Base of all errors that are meant for a person; the command line exits with `exit_code`."""

    exit_code = EXIT_BAD_INPUT


class NameResolutionError(ZsiError):
    """A typed class name cannot be turned into a word vector."""


class WordTableError(ZsiError):
    """A word-vector file cannot be read, or is not the table that something else was made with."""


class SplitError(ZsiError):
    """A class split is malformed."""


class CheckpointError(ZsiError):
    """A checkpoint is missing, damaged, or does not fit."""


class ImageError(ZsiError):
    """An image cannot be decoded."""


class AnnotationError(ZsiError):
    """An annotation file cannot be read or written."""


class TrainingError(ZsiError):
    """A training run cannot start or go on."""


class EngineError(ZsiError):
    """The process that holds the model ended, hangs, or refuses a request."""
