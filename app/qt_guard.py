"""Refuse a PySide6 that would crash or misbehave, before anything imports it."""

from __future__ import annotations

from zsi_core.doctor_qt import REPAIR, installed_version, pyside6_fault
from zsi_core.errors import ZsiError


class QtGuardError(ZsiError):
    """The installed PySide6 must not be used."""


def check_pyside6() -> None:
    """Look at the version of PySide6 that is installed, without importing it.

    Raises:
        QtGuardError: it is missing, known to be broken, too old, or not the one its shiboken6 belongs to; the
            message names the command that repairs it.
    """
    fault = pyside6_fault(installed_version(), installed_version("shiboken6"))
    if fault:
        raise QtGuardError(f"{fault}, so the window cannot start; {REPAIR}")
