"""What the mouse does on the canvas, for the overview of keys and for the documentation."""

GESTURES = (
    ("Ctrl + wheel (wheel, by a setting)", "Zoom at the cursor"),
    ("Middle button drag, Space + drag", "Move the view, also while drawing"),
    ("Click, Ctrl + click, click beside", "Select, add to the selection, select nothing"),
    ("Drag inside, on a vertex, on an edge", "Move, reshape, insert a vertex"),
    ("Click near the first point, double-click, Enter", "Close the polygon"),
    ("Backspace, Shift while drawing a polygon", "Remove the last point, snap to 45 degrees"),
    ("Click, then click the mask (click-to-mask)", "Ask for a mask, take it; a double-click does both"),
    ("Shift + click, Alt + click (click-to-mask)", "Add to what is shown or selected, take away from it"),
    ("Tab (click-to-mask, box-to-mask)", "Show the next candidate"),
    ("Esc", "Drop what is half drawn, or else select nothing"),
    ("Ctrl while brushing", "Erase"),
    ("Drop files or a folder on the window", "Open them"),
)
