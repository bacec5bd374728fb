"""What happens when something goes wrong: a report that a person can copy, and nothing is swallowed.

Expected errors (`ZsiError`) carry a message for a person. Everything else is a fault of the program: its
report holds the traceback and versions. Both are handed to `set_receiver`'s function, in the window a message
that does not block. A crash of the interpreter itself writes its stack to a file that the next start reads.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from zsi_core import __version__
from zsi_core.errors import ZsiError

log = logging.getLogger("zsi.app")

EMPTY_KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Report:
    """An error as a person sees it.

    Attributes:
        message: one or two sentences: what happened, to which file, and the way out.
        details: text to copy into a bug report; empty for an expected error.
    """

    message: str
    details: str = ""


_receiver: Callable[[Report], None] | None = None


def set_receiver(receiver: Callable[[Report], None] | None) -> None:
    """Whom reports go to; None: to the log only."""
    global _receiver
    _receiver = receiver


def report_exception(error: BaseException) -> None:
    """Tell the person about an exception that ended some piece of work."""
    report = make_report(error)
    if report.details:
        log.error("%s", report.details)
    else:
        log.warning("%s", report.message)
    if _receiver is not None:
        _receiver(report)


def make_report(error: BaseException) -> Report:
    """The report of an exception: its own message if it is meant for a person, else a traceback."""
    if isinstance(error, ZsiError):
        return Report(str(error))
    where = "".join(traceback.format_exception(error))
    return Report(
        f"Something unexpected happened ({type(error).__name__}: {error}). Your annotations are saved; "
        "if it happens again, copy the report and send it to us.",
        f"ZSI Annotator {__version__}\n{system_text()}\n\n{where}",
    )


def system_text() -> str:
    """Versions that a bug report needs."""
    lines = [f"Python {platform.python_version()} on {platform.platform()}"]
    if "PySide6" in sys.modules:
        from PySide6.QtCore import qVersion
        from PySide6.QtGui import QGuiApplication

        lines.append(f"Qt {qVersion()}, platform {QGuiApplication.platformName() or 'none'}")
    return "\n".join(lines)


def install_hook() -> None:
    """Send exceptions that nobody caught, in any thread, to `report_exception`."""

    def caught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
            return
        report_exception(error)

    def caught_in_thread(arguments: threading.ExceptHookArgs) -> None:
        caught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    sys.excepthook = caught
    threading.excepthook = caught_in_thread


class CrashFile:
    """File of this process into which the interpreter writes its stack when the process dies.

    The next start reads and removes what is left over in the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f"crash-{os.getpid()}.txt"
        self._stream: TextIO | None = None

    def last_crash(self) -> str:
        """What an earlier process wrote when it died; empty if none did. Call it before `watch`."""
        text = ""
        for path in sorted(self.folder.glob("crash-*.txt")):
            content = path.read_text(encoding="utf-8", errors="replace").strip()
            # An empty file belongs to a process that runs, or was killed from outside.
            if content or time.time() - path.stat().st_mtime > EMPTY_KEPT_SECONDS:
                text = content or text
                path.unlink()
        return text

    def watch(self) -> None:
        """From now on a crash is written down.

        Raises:
            OSError: the folder cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stream = self.path.open("w", encoding="utf-8")
        faulthandler.enable(self._stream)

    def close(self) -> None:
        """The program ends in an orderly way."""
        if self._stream is not None:
            faulthandler.disable()
            self._stream.close()
            self._stream = None
            self.path.unlink(missing_ok=True)
