"""The project file (SQLite): images, classes, objects, provenance, undo journal. No Qt, no torch."""

from app.project.errors import (
    CommandError,
    FilterError,
    ProjectDamagedError,
    ProjectError,
    ProjectGoneError,
    ProjectReadOnlyError,
    ProjectTooNewError,
    UndoError,
)
from app.project.filters import ImageFilter
from app.project.geometry import Geometry
from app.project.location import project_path
from app.project.queries import Queries
from app.project.records import (
    IMAGE_STATUSES,
    Change,
    ClassRecord,
    CocoValues,
    ImageRecord,
    ObjectRecord,
)
from app.project.store import Project

__all__ = [
    "IMAGE_STATUSES",
    "Change",
    "ClassRecord",
    "CocoValues",
    "CommandError",
    "FilterError",
    "Geometry",
    "ImageFilter",
    "ImageRecord",
    "ObjectRecord",
    "Project",
    "ProjectDamagedError",
    "ProjectError",
    "ProjectGoneError",
    "ProjectReadOnlyError",
    "ProjectTooNewError",
    "Queries",
    "UndoError",
    "project_path",
]
