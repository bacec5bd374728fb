"""The menu View."""

from __future__ import annotations

from app.actions.conditions import can_edit, can_edit_selection, has_image, has_project, has_selection
from app.actions.spec import ActionSpec, Where


def view_actions() -> list[ActionSpec]:
    """Zoom, what is drawn, panes."""
    return [
        ActionSpec(
            "fit",
            "&Fit",
            "Show the whole image.",
            "View",
            "zoom",
            ("F",),
            Where.WORK,
            enabled_when=has_image,
            icon="fit",
            in_tool_bar=True,
        ),
        ActionSpec(
            "fit_selection",
            "Fit &selection",
            "Show the selected objects as large as they fit.",
            "View",
            "zoom",
            ("Shift+F",),
            Where.WORK,
            enabled_when=has_selection,
        ),
        ActionSpec(
            "actual_size",
            "&100 %",
            "Show every pixel of the image as one of the screen.",
            "View",
            "zoom",
            ("Ctrl+0",),
            enabled_when=has_image,
        ),
        ActionSpec(
            "zoom_in",
            "Zoom &in",
            "Show the image larger.",
            "View",
            "zoom",
            ("Ctrl++", "Ctrl+="),
            enabled_when=has_image,
            icon="zoom_in",
            repeats=True,
        ),
        ActionSpec(
            "zoom_out",
            "Zoom &out",
            "Show the image smaller.",
            "View",
            "zoom",
            ("Ctrl+-",),
            enabled_when=has_image,
            icon="zoom_out",
            repeats=True,
        ),
        ActionSpec(
            "hide",
            "&Hide or show",
            "Hide the selected objects, or show them again.",
            "View",
            "objects",
            ("H",),
            Where.WORK,
            enabled_when=can_edit_selection,
        ),
        ActionSpec(
            "show_hidden",
            "Show all hi&dden",
            "Show all hidden objects of the image again.",
            "View",
            "objects",
            enabled_when=can_edit,
        ),
        ActionSpec(
            "lock",
            "&Lock or unlock",
            "Protect the selected objects from edits, or allow them again.",
            "View",
            "objects",
            ("L",),
            Where.WORK,
            enabled_when=can_edit_selection,
        ),
        ActionSpec(
            "outline_only",
            "&Outline only",
            "Draw objects without filling them.",
            "View",
            "objects",
            ("O",),
            Where.WORK,
            checkable=True,
        ),
        ActionSpec(
            "labels",
            "Class &names on the image",
            "Write the class name at every object.",
            "View",
            "objects",
            checkable=True,
        ),
        ActionSpec(
            "filter",
            "Search &images",
            "Search the list of images by name, class, state or score.",
            "View",
            "panes",
            ("Ctrl+L",),
            enabled_when=has_project,
            icon="search",
        ),
        ActionSpec(
            "next_pane",
            "Next &pane",
            "Give the keyboard to the next part of the window: canvas, classes, objects, images.",
            "View",
            "panes",
            ("F6",),
        ),
        ActionSpec(
            "reset_layout",
            "&Reset layout",
            "Put all docks and bars back where they were at first.",
            "View",
            "layout",
        ),
        ActionSpec(
            "full_screen", "Full s&creen", "Use the whole screen.", "View", "layout", ("F11",), checkable=True
        ),
    ]
