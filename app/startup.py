"""From the first line of Qt to the idle window, and from the last window to the end of the process."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app import errors
from app.collector import Collector
from app.jobs import run_task, wait_for_tasks
from app.main_window import TITLE, MainWindow
from app.settings import Settings
from app.theme import icon
from zsi_core.files import user_data_dir


def run_window(paths: Sequence[Path], *, demo: bool) -> int:
    """Show the window, open what was asked for, and return the exit code when it is closed."""
    application = make_application()
    errors.install_hook()
    crashes = errors.CrashFile(user_data_dir() / "crashes")
    settings = Settings()
    window = MainWindow(settings)
    collector = Collector(lambda: window.proposals.busy, window)
    errors.set_receiver(window.messages.show_report)
    window.show()
    QTimer.singleShot(0, lambda: _after_start(window, crashes, paths, demo))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends it; everything is saved
    code = application.exec()
    collector.stop()
    errors.set_receiver(None)
    ended = wait_for_tasks()
    crashes.close()
    if not ended:
        os._exit(code)  # a thread that still reads a huge image must not meet a Qt that is being taken apart
    return code


def make_application() -> QApplication:
    """The application with its name and icon."""
    application = QApplication(sys.argv[:1])
    application.setApplicationName("zsi-annotator")
    application.setApplicationDisplayName(TITLE)
    application.setDesktopFileName("zsi-annotator")
    application.setWindowIcon(icon("app", "#1f6feb"))
    return application


def _after_start(window: MainWindow, crashes: errors.CrashFile, paths: Sequence[Path], demo: bool) -> None:
    """What does not have to be there before the window is."""
    try:
        crash = crashes.last_crash()
        crashes.watch()
    except OSError as error:
        window.messages.show_message(
            f"Crash reports cannot be written to {crashes.folder}: {error}. The program works without.",
            "caution",
        )
        crash = ""
    if crash:
        window.messages.show_message(
            "The program ended unexpectedly last time. Your annotations are saved; the report helps "
            "to find the reason.",
            "caution",
            f"{errors.system_text()}\n\n{crash}",
        )
    try:
        if demo:
            window.open_demo()
        elif paths:
            window.open_paths(list(paths))
        elif window.settings.flag("reopen_last") and (recent := window.settings.recent_projects()):
            window.open_paths(recent[:1])
    finally:  # the model is wanted all the same
        run_task(lambda _: _warm_up(), lambda _: _on_warm(window))


def _warm_up() -> None:
    """Import in a thread what the first folder and the first image need, so that they need not wait."""
    from zsi_core.images import image_suffixes

    image_suffixes()


def _on_warm(window: MainWindow) -> None:
    gc.freeze()  # searching for cycles visits all values; these live until the end
    window.link.start()
