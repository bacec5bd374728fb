"""Annotations of a file as shapes of the project, many at once: one by one takes twice as long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from app.exchange.shape_hint import hinted_geometry
from app.project.geometry import Geometry
from app.project.records import CocoValues
from zsi_core.coco.mend_annotation import MendedAnnotation
from zsi_core.instances import rle as rles
from zsi_core.instances.polygons import Part


def read_shapes(annotations: Sequence[MendedAnnotation]) -> Iterator[tuple[Geometry, CocoValues | None]]:
    """The geometry of every annotation, and the values of the file; None where a hint says more."""
    polygons = _polygons([annotation for annotation in annotations if annotation.rings])
    for annotation in annotations:
        geometry, exact = next(polygons) if annotation.rings else _mask_or_box(annotation)
        hint = annotation.zsi and annotation.zsi.get("geometry")
        hinted = hinted_geometry(hint, geometry, annotation.image)
        if hinted is not None:
            yield hinted, None
        else:
            segmentation = None if exact else annotation.segmentation
            yield geometry, CocoValues(segmentation, annotation.area, annotation.bbox)


def _polygons(annotations: Sequence[MendedAnnotation]) -> Iterator[tuple[Geometry, bool]]:
    """Geometries of annotations with rings, and whether the segmentation can be told from them exactly."""
    if not annotations:
        return
    points = np.concatenate([ring for annotation in annotations for ring in annotation.rings])
    lengths = np.array([sum(map(len, annotation.rings)) for annotation in annotations])
    starts = lengths.cumsum() - lengths
    exact = np.logical_and.reduceat((points.round(2) == points).all(axis=1), starts).tolist()
    low, high = (limit.reduceat(points, starts).tolist() for limit in (np.minimum, np.maximum))
    for i, annotation in enumerate(annotations):
        parts = tuple(map(Part, annotation.rings))
        (x1, y1), (x2, y2) = low[i], high[i]
        yield (Geometry((x1, y1, x2, y2), parts) if exact[i] else Geometry.from_parts(parts)), exact[i]


def _mask_or_box(annotation: MendedAnnotation) -> tuple[Geometry, bool]:
    if annotation.mask is not None:
        x1, y1, x2, y2 = (float(edge) for edge in rles.boxes([annotation.mask])[0])
        return Geometry((x1, y1, x2, y2), mask=annotation.mask), annotation.segmentation == annotation.mask
    x, y, width, height = annotation.bbox
    return Geometry.from_box((x, y, x + width, y + height)), annotation.segmentation == []
