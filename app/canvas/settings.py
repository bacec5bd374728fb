"""How the canvas shows things and reacts: values, set by the window. Qt-free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ViewSettings:
    """Attributes:
    brightness: -1 (black) to 1 (white), 0 leaves the image as it is.
    contrast: -1 (grey) to 1, 0 leaves the image as it is.
    opacity: of the inside of objects, 0-1.
    outline_only: nothing is filled.
    labels: class names are written at the objects.
    proposals: objects in the state "proposed" are shown.
    wheel_zooms: the wheel alone zooms; otherwise it scrolls, and with Ctrl it zooms.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    opacity: float = 0.25
    outline_only: bool = False
    labels: bool = False
    proposals: bool = True
    wheel_zooms: bool = False
