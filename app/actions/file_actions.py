"""The menu File, and the small menus Tools and Help."""

from __future__ import annotations

from app.actions.conditions import can_import, has_project, writable
from app.actions.spec import ActionSpec


def file_actions() -> list[ActionSpec]:
    """Open, close, settings."""
    return [
        ActionSpec(
            "open_file",
            "&Open…",
            "Open photographs or a project file.",
            "File",
            "open",
            ("Ctrl+O",),
            icon="image",
        ),
        ActionSpec(
            "open_folder",
            "Open &folder…",
            "Open a folder of photographs, its sub-folders included.",
            "File",
            "open",
            ("Ctrl+U",),
            icon="folder_open",
        ),
        ActionSpec(
            "open_demo",
            "Try the &demo",
            "Open a project with the demo pictures.",
            "File",
            "open",
            icon="demo",
        ),
        ActionSpec(
            "rescan",
            "&Look for new images",
            "Add images that were put into the folder since it was opened.",
            "File",
            "project",
            enabled_when=writable,
        ),
        ActionSpec(
            "close_project",
            "&Close project",
            "Close the project; everything is saved.",
            "File",
            "project",
            enabled_when=has_project,
        ),
        ActionSpec(
            "import",
            "&Import annotations…",
            "Read a COCO, labelme or YOLO data set, or mask images, into the project.",
            "File",
            "exchange",
            enabled_when=can_import,
        ),
        ActionSpec(
            "export",
            "&Export annotations…",
            "Write COCO, YOLO, labelme, Pascal VOC or mask images.",
            "File",
            "exchange",
            ("Ctrl+Shift+E",),
            enabled_when=has_project,
        ),
        ActionSpec(
            "settings",
            "&Settings…",
            "Theme, mouse wheel, memory and more.",
            "File",
            "program",
            ("Ctrl+,",),
            icon="settings",
        ),
        ActionSpec("quit", "&Quit", "Close the window; everything is saved.", "File", "program", ("Ctrl+Q",)),
    ]


def tools_and_help_actions() -> list[ActionSpec]:
    """Palette, jobs, help."""
    return [
        ActionSpec(
            "palette",
            "&Command palette…",
            "Find and run any command by typing.",
            "Tools",
            keys=("Ctrl+Shift+P",),
            icon="search",
        ),
        ActionSpec(
            "jobs",
            "&Jobs",
            "Show or hide work in the background.",
            "Tools",
            keys=("Ctrl+J",),
            icon="jobs",
            checkable=True,
        ),
        ActionSpec(
            "shortcuts", "&Keys and gestures", "Everything that keys and mouse do.", "Help", keys=("F1",)
        ),
        ActionSpec("about", "&About ZSI Annotator", "Version, licence and system.", "Help"),
    ]
