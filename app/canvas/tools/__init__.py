"""One small class per tool; each knows the canvas and asks its editor for changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.canvas.tools.brush import BrushTool, EraserTool
from app.canvas.tools.edge_refine import EdgeRefineTool
from app.canvas.tools.polygon import PolygonTool
from app.canvas.tools.prompts import BoxToMaskTool, ClickToMaskTool
from app.canvas.tools.rectangle import RectangleTool
from app.canvas.tools.select import SelectTool
from app.canvas.tools.tool import Tool

if TYPE_CHECKING:
    from app.canvas.canvas import Canvas

TOOLS: dict[str, type[Tool]] = {
    "select": SelectTool,
    "polygon": PolygonTool,
    "rectangle": RectangleTool,
    "brush": BrushTool,
    "eraser": EraserTool,
    "box_to_mask": BoxToMaskTool,
    "click_to_mask": ClickToMaskTool,
    "edge_refine": EdgeRefineTool,
}
"""Names for `Canvas.set_tool`."""


def make_tools(canvas: Canvas) -> dict[str, Tool]:
    """One of each kind for a canvas."""
    return {name: kind(canvas) for name, kind in TOOLS.items()}
