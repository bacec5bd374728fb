"""The menu Annotate."""

from __future__ import annotations

from app.actions.conditions import can_edit, has_image, has_images, writable
from app.actions.spec import ActionSpec, Where

_TOOLS = (
    ("select", "&Select", "V", "Select, move and reshape objects."),
    ("polygon", "&Polygon", "P", "Draw an object point by point."),
    ("rectangle", "&Rectangle", "Shift+R", "Draw a rectangle."),
    ("brush", "&Brush", "B", "Paint an object, or add to the selected one."),
    ("eraser", "&Eraser", "E", "Remove pixels from the selected object."),
    (
        "box_to_mask",
        "Bo&x to mask",
        "R",
        "Drag a box around an object: the model finds its mask.",
    ),
    (
        "click_to_mask",
        "Clic&k to mask",
        "K",
        "Click on an object: the model finds its mask. Shift + click adds, Alt + click takes away.",
    ),
    (
        "edge_refine",
        "Edge re&fine",
        "W",
        "Pull the outline of the selected object to the edges of the image.",
    ),
)
_TOOL_ICONS = {"edge_refine": "refine"}


def annotate_actions() -> list[ActionSpec]:
    """Tools, classes, moving from image to image."""
    return [
        *(
            ActionSpec(
                f"tool_{name}",
                text,
                tip,
                "Annotate",
                "tools",
                (key,),
                Where.WORK,
                enabled_when=has_image if name == "select" else can_edit,
                icon=_TOOL_ICONS.get(name, name),
                checkable=True,
                exclusive="tool",
                in_tool_bar=True,
            )
            for name, text, key, tip in _TOOLS
        ),
        ActionSpec(
            "brush_smaller",
            "Smaller brush",
            "Make brush and eraser smaller.",
            "Annotate",
            "brush",
            ("[",),
            Where.CANVAS,
            enabled_when=can_edit,
            repeats=True,
        ),
        ActionSpec(
            "brush_larger",
            "Larger brush",
            "Make brush and eraser larger.",
            "Annotate",
            "brush",
            ("]",),
            Where.CANVAS,
            enabled_when=can_edit,
            repeats=True,
        ),
        ActionSpec(
            "choose_class",
            "&Choose class…",
            "Search the class of the selected objects, or of the next one that is drawn.",
            "Annotate",
            "class",
            ("C",),
            Where.WORK,
            enabled_when=writable,
        ),
        *(
            ActionSpec(
                f"class_{digit}",
                f"Class &{digit}",
                f"The class with the key {digit}: for the selected objects, or for the next one drawn.",
                "Annotate",
                "class",
                (digit,),
                Where.WORK,
                enabled_when=writable,
            )
            for digit in "1234567890"
        ),
        ActionSpec(
            "previous_image",
            "Pre&vious image",
            "Show the previous image of the list.",
            "Annotate",
            "images",
            ("A",),
            Where.WORK,
            enabled_when=has_images,
            icon="previous",
            in_tool_bar=True,
            repeats=True,
        ),
        ActionSpec(
            "next_image",
            "&Next image",
            "Show the next image of the list.",
            "Annotate",
            "images",
            ("D",),
            Where.WORK,
            enabled_when=has_images,
            icon="next",
            in_tool_bar=True,
            repeats=True,
        ),
        ActionSpec(
            "next_unfinished",
            "Next unfinished image",
            "Show the next image that is not marked as finished.",
            "Annotate",
            "images",
            ("Shift+D",),
            Where.WORK,
            enabled_when=has_images,
        ),
        ActionSpec(
            "previous_unfinished",
            "Previous unfinished image",
            "Show the previous image that is not marked as finished.",
            "Annotate",
            "images",
            ("Shift+A",),
            Where.WORK,
            enabled_when=has_images,
        ),
        ActionSpec(
            "finish_and_next",
            "Finish image and &go on",
            "Mark the image as finished and show the next unfinished one.",
            "Annotate",
            "finish",
            ("Ctrl+Return", "Ctrl+Enter"),
            enabled_when=can_edit,
            icon="done",
            in_tool_bar=True,
        ),
        ActionSpec(
            "finished",
            "Image is f&inished",
            "Mark the image as finished, or take the mark away.",
            "Annotate",
            "finish",
            enabled_when=can_edit,
            checkable=True,
        ),
    ]
