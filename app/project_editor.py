"""Turns what the tools of the canvas ask for into commands of the project: one call, one step of undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from app.canvas.editor import Copy, Found
from app.project.commands import AddClass, AddObjects, Batch, DeleteObjects, SetGeometry, SetState
from app.project.geometry import Box, Geometry
from app.project.records import ObjectRecord
from app.proposals.mask_finder import MaskFinder
from app.session import Session

FIRST_CLASS = "object"
"""Class of what is drawn before any class exists, so that no shape gets lost."""


class ProjectEditor:
    """The canvas's `Editor` for the image in view."""

    def __init__(self, session: Session, finder: MaskFinder) -> None:
        self._session, self._finder = session, finder

    def add(self, geometry: Geometry, tool: str) -> str | None:
        """A new object of the class that is chosen for drawing."""
        return self._add(geometry, {"tool": tool})

    def _add(self, geometry: Geometry, made_by: Mapping[str, Any]) -> str | None:
        session = self._session
        if session.image_id is None:
            return None
        step = str(uuid4())
        class_id = session.class_id
        if class_id is None:
            class_id = self._make_class(FIRST_CLASS, step)
            if class_id is None:
                return None
            session.said.emit(f"There was no class yet: drawn as “{FIRST_CLASS}”. Press C to name it.")
        record = replace(ObjectRecord.drawn(session.image_id, class_id, geometry, ""), made_by=made_by)
        return record.uuid if session.do(AddObjects([record]), group=step) else None

    def replace(self, geometries: Mapping[str, Geometry], tool: str) -> None:
        """New geometries of objects."""
        self._session.do(SetGeometry(dict(geometries), tool))

    def delete(self, uuids: Sequence[str]) -> None:
        """Remove objects; proposals are rejected, or they would be proposed again."""
        objects = self._session.objects
        proposed = [uuid for uuid in uuids if uuid in objects and objects[uuid].state == "proposed"]
        others = [uuid for uuid in uuids if uuid not in proposed]
        if proposed and others:
            commands = [SetState(proposed, "rejected"), DeleteObjects(others)]
            self._session.do(Batch(commands, f"Delete {len(uuids)} objects"))
        else:
            self._session.do(SetState(proposed, "rejected") if proposed else DeleteObjects(others))

    def merge(self, uuids: Sequence[str], geometry: Geometry) -> None:
        """The first object gets the geometry, the others disappear."""
        commands = [SetGeometry({uuids[0]: geometry}, "merge"), DeleteObjects(list(uuids[1:]))]
        self._session.do(Batch(commands, f"Merge {len(uuids)} objects"))

    def split(self, uuid: str, geometries: Sequence[Geometry]) -> Sequence[str]:
        """The object gets the first geometry; each other one becomes a new object like it."""
        project = self._session.project
        record = project.object(uuid) if project else None
        if record is None:
            return [uuid]
        pieces = [
            replace(record, uuid=str(uuid4()), geometry=geometry, z=None, coco=None, coco_id=None)
            for geometry in geometries[1:]
        ]
        commands = [SetGeometry({uuid: geometries[0]}, "split"), AddObjects(pieces)]
        done = self._session.do(Batch(commands, f"Split into {len(geometries)} objects"))
        return [uuid, *(piece.uuid for piece in pieces)] if done else [uuid]

    def paste(self, copies: Sequence[Copy]) -> Sequence[str]:
        """New objects with the class of the ones they were copied from."""
        session = self._session
        if session.project is None or session.image_id is None or not copies:
            return []
        step = str(uuid4())
        records = []
        for copy in copies:
            class_id = session.project.class_id(copy.class_name)
            if class_id is None:
                class_id = self._make_class(copy.class_name, step)
            if class_id is None:
                return []
            records.append(ObjectRecord.drawn(session.image_id, class_id, copy.geometry, "paste"))
        return [record.uuid for record in records] if session.do(AddObjects(records), group=step) else []

    def segment_point(self, x: float, y: float, then: Found) -> bool:
        """Ask the model for the objects under a point."""
        return self._finder.at_point(x, y, then)

    def segment_box(self, box: Box, then: Found) -> bool:
        """Ask the model for the object in a box."""
        return self._finder.in_box(box, then)

    def stop_segmenting(self) -> None:
        """The answer is not wanted any more."""
        self._finder.stop()

    def add_found(self, geometry: Geometry, made_by: Mapping[str, Any], tool: str) -> str | None:
        """A new object of the class that is chosen for drawing; model and tool have made it."""
        return self._add(geometry, {**made_by, "tool": tool})

    def _make_class(self, name: str, step: str) -> int | None:
        project = self._session.project
        if project is None or self._session.do(AddClass(name), group=step) is None:
            return None
        return project.class_id(name)
