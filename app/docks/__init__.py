"""The panels beside the canvas: classes, objects, images."""

from app.docks.classes import ClassesPanel
from app.docks.images import ImagesPanel
from app.docks.objects import ObjectsPanel

__all__ = ["ClassesPanel", "ImagesPanel", "ObjectsPanel"]
