"""The canvas: one painted widget that shows an image with its objects, and the tools that edit them.

It knows nothing of the project file: tools ask an `Editor` (editor.py) for every change. Start with
canvas.py; objects.py, editor.py and settings.py are values without Qt. Geometries are those of the project.
"""
