"""The settings on disk, typed by the schema, and what the window remembers between two starts."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from app.settings.schema import OPTIONS, Option, Value
from zsi_core.files import APPLICATION

_LAYOUT_VERSION = 1
_RECENT_KEPT = 10


class Settings(QObject):
    """Values of all options; `changed` carries the key of the one that was set."""

    changed = Signal(str)

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        """Args:
        path: file of settings; by default that of the user.
        """
        super().__init__(parent)
        folder = Path(platformdirs.user_config_dir(APPLICATION, appauthor=False))
        self.path = path or folder / "settings.ini"
        self._file = QSettings(str(self.path), QSettings.Format.IniFormat)
        self._options = {option.key: option for option in OPTIONS}

    def option(self, key: str) -> Option:
        """The declaration of a setting; KeyError for one that is not declared."""
        return self._options[key]

    def value(self, key: str) -> Value:
        """The value of a setting, its default where the file has none or one that makes no sense."""
        option = self._options[key]
        return option.checked(self._file.value(f"options/{key}", option.default))

    def flag(self, key: str) -> bool:
        """The value of a bool setting."""
        return bool(self.value(key))

    def number(self, key: str) -> int:
        """The value of an int setting."""
        return int(self.value(key))

    def text(self, key: str) -> str:
        """The value of a str setting."""
        return str(self.value(key))

    def set_value(self, key: str, value: Value) -> None:
        """Change a setting and tell everybody who listens."""
        value = self._options[key].checked(value)
        if value == self.value(key):
            return
        self._file.setValue(f"options/{key}", value)
        self.changed.emit(key)

    def reset(self) -> None:
        """All options back to their defaults; what the window remembers stays."""
        for key, option in self._options.items():
            self.set_value(key, option.default)

    # ---- what the window remembers

    def layout(self) -> tuple[QByteArray, QByteArray] | None:
        """(geometry, arrangement of docks and tool bars) of the last window, None where there was none."""
        geometry = self._file.value(f"window/geometry{_LAYOUT_VERSION}")
        state = self._file.value(f"window/state{_LAYOUT_VERSION}")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
            return geometry, state
        return None

    def remember_layout(self, geometry: QByteArray, state: QByteArray) -> None:
        """Keep the arrangement of the window for the next start."""
        self._file.setValue(f"window/geometry{_LAYOUT_VERSION}", geometry)
        self._file.setValue(f"window/state{_LAYOUT_VERSION}", state)

    def recent_projects(self) -> list[Path]:
        """Project files opened lately that still exist, the latest first."""
        value = self._file.value("recent/projects")
        # An ini file does not tell a list of one from a text.
        texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        return [Path(text) for text in texts if Path(text).is_file()]

    def remember_project(self, path: Path) -> None:
        """Put a project at the head of the recent ones."""
        paths = [path, *(other for other in self.recent_projects() if other != path)]
        self._file.setValue("recent/projects", [str(item) for item in paths[:_RECENT_KEPT]])

    def last_image(self, project: Path) -> str:
        """Name of the image that was in view when this project was last closed; empty if unknown."""
        return str(self._file.value(f"last_image/{_key(project)}", ""))

    def remember_image(self, project: Path, name: str) -> None:
        """Keep the image in view for the next time this project is opened."""
        self._file.setValue(f"last_image/{_key(project)}", name)

    def model(self) -> tuple[str, str | None]:
        """The model that was used last, by name or folder, and its device; None for the best one."""
        device = str(self._file.value("model/device", ""))
        return str(self._file.value("model/name", "starter")), device or None

    def remember_model(self, name: str, device: str | None) -> None:
        """Keep the choice of the model for the next start."""
        self._file.setValue("model/name", name)
        self._file.setValue("model/device", device or "")

    def save(self) -> None:
        """Write the file now; Qt writes it anyway soon after each change."""
        self._file.sync()


def _key(path: Path) -> str:
    return str(path).replace("/", "|").replace("\\", "|")
