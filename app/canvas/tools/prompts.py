"""Ask the model for a mask: in a box, or under a click. The model is behind the editor."""

from __future__ import annotations

from typing import ClassVar

from app.canvas.tools.rectangle import RectangleTool
from app.canvas.tools.tool import Pointer, Tool


class BoxToMaskTool(RectangleTool):
    """Drag a box around the object."""

    dashed: ClassVar[bool] = True
    hint = "Drag a box around the object."

    def finish(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        (x1, x2), (y1, y2) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        if x2 - x1 < 1 or y2 - y1 < 1:
            self.canvas.message.emit("Drag a box around the object.")
        else:
            self.canvas.editor.segment_box((x1, y1, x2, y2))


class ClickToMaskTool(Tool):
    """Click on the object; Alt + click says what does not belong to it."""

    hint = "Click on the object; Alt + click says what does not belong to it."

    def press(self, pointer: Pointer) -> None:
        width, height = self.canvas.image_size
        if 0 <= pointer.x < width and 0 <= pointer.y < height:
            self.canvas.editor.segment_point(pointer.x, pointer.y, not pointer.alt)
