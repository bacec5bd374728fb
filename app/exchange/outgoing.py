"""A project as COCO sees it: images, categories and annotations, image by image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from app.exchange.class_looks import class_look
from app.exchange.options import ExportOptions
from app.exchange.shape_hint import shape_hint
from app.project import ClassRecord, Geometry, ImageRecord, ObjectRecord, Queries
from zsi_core.coco.file_stream import DEFAULT_INFO
from zsi_core.coco.formats.labelled_image import LabelledImage
from zsi_core.coco.geometry import CocoGeometry
from zsi_core.coco.provenance import rounded_score
from zsi_core.coco.segmentation import flat_polygons, segmentation_rle
from zsi_core.coco.tally import Tally
from zsi_core.errors import ImageError
from zsi_core.images import image_size

OUTSIDE = "outside"
"""Folder in the names of images that lie outside of the project's image folder."""

Progress = Callable[[int, int], None]
"""Told how many images are done, of how many; what it raises ends the work."""


class Outgoing:
    """What an export writes, whatever the format.

    Attributes:
        info, licenses, categories: of the file.
        extra: further keys at its top.
        tally: what is written, changed and left out.
    """

    def __init__(
        self,
        project: Queries,
        options: ExportOptions,
        tally: Tally,
        progress: Progress = lambda done, total: None,
    ) -> None:
        self.tally = tally
        self._project, self._options, self._progress = project, options, progress
        self.info = project.info() or DEFAULT_INFO
        self.licenses = project.licenses()
        self.extra = project.extra()
        self.categories = [self._category(record) for record in project.classes()]
        self._license_ids = {license.get("id") for license in self.licenses}
        self._states = frozenset(options.states)

    def images(self) -> Iterator[LabelledImage]:
        """Every image in the order of the list, with its chosen objects."""
        total, done = self._project.image_count(), 0
        self.tally.classes = len(self.categories)
        for page in self._project.pages():
            for record, objects in page:
                image = self._image(record, objects)
                if image is not None:
                    self.tally.images += 1
                    self.tally.objects += len(image.annotations)
                    yield image
                done += 1
            self._progress(done, total)

    def _category(self, record: ClassRecord) -> dict[str, Any]:
        entry = {"id": record.id, "name": record.name, "supercategory": record.supercategory, **record.extra}
        if self._options.provenance:
            entry["zsi"] = class_look(record)
        return entry

    def _image(self, record: ImageRecord, objects: list[ObjectRecord]) -> LabelledImage | None:
        size = record.size or self._read_size(record)
        if size is None:
            return None
        name = self._file_name(record)
        entry = {"id": record.id, "file_name": name, "width": size[1], "height": size[0]}
        if record.license in self._license_ids and record.license is not None:
            entry["license"] = record.license
        elif record.license is not None:
            self.tally.change("licenses of images that the project does not list: left out", name)
        entry |= record.extra
        if self._options.provenance and (record.finished or record.labelled_completely):
            entry["zsi"] = {"finished": record.finished, "labelled_completely": record.labelled_completely}
        annotations = []
        for item in objects:
            if item.state in self._states:
                annotations.append(self._annotation(item, size, name))
            else:
                self.tally.note(f"objects that are {item.state}: not among the chosen ones")
        digest = hashlib.sha256(name.encode("utf-8")).digest()
        in_val = int.from_bytes(digest[:4], "big") % 100 < self._options.val_percent
        return LabelledImage(entry, record.path, annotations, in_val)

    def _read_size(self, record: ImageRecord) -> tuple[int, int] | None:
        try:
            width, height = image_size(record.path)
        except ImageError:
            self.tally.skip("images that cannot be read and whose size is not known", record.name)
            return None
        return height, width

    def _file_name(self, record: ImageRecord) -> str:
        if not Path(record.name).is_absolute():
            return record.name
        self.tally.change(
            f"images outside of the image folder: listed in a folder “{OUTSIDE}”, copy them there",
            record.name,
        )
        digest = hashlib.sha256(record.name.encode("utf-8")).hexdigest()[:8]
        return f"{OUTSIDE}/{digest}/{Path(record.name).name}"

    def _annotation(self, record: ObjectRecord, size: tuple[int, int], name: str) -> dict[str, Any]:
        geometry = self._geometry(record, size, name)
        segmentation = geometry.segmentation
        # Of crowds, COCO and the programs that read it know RLE only; an imported one stays as it is.
        as_rle = self._options.force_rle or (record.iscrowd and record.coco is None)
        if as_rle and segmentation and isinstance(segmentation, list):
            segmentation = segmentation_rle(segmentation, *size)
        annotation = {
            "id": record.coco_id,
            "image_id": record.image_id,
            "category_id": record.class_id,
            "segmentation": segmentation,
            "area": geometry.area,
            "bbox": list(geometry.bbox),
            "iscrowd": int(record.iscrowd),
        }
        score = record.score
        if self._options.scores and isinstance(score, int | float):
            annotation["score"] = rounded_score(score)
        for key, value in record.extra.items():
            annotation.setdefault(key, value)
        if self._options.provenance:
            annotation["zsi"] = record.provenance
            if (hint := shape_hint(record.geometry)) is not None:
                annotation["zsi"]["geometry"] = hint
        return annotation

    def _geometry(self, record: ObjectRecord, size: tuple[int, int], name: str) -> CocoGeometry:
        shape, kept = record.geometry, record.coco
        if kept is None:
            return self._measured(shape, size, name)
        segmentation = kept.segmentation
        if segmentation is None:
            segmentation = shape.mask or (flat_polygons(shape.polygons) if shape.polygons else [])
        area = self._measured(shape, size, name).area if kept.area is None else kept.area
        return CocoGeometry(segmentation, kept.bbox, area)

    def _measured(self, shape: Geometry, size: tuple[int, int], name: str) -> CocoGeometry:
        try:
            if shape.mask is not None:
                return CocoGeometry.of_mask(shape.mask)
            if shape.polygons:
                return CocoGeometry.of_parts(shape.polygons, size)
        except ValueError:
            self.tally.note("objects that cover no pixel: written with the area of their outline", name)
            x1, y1, x2, y2 = shape.box
            outline = [part.outer.ravel().tolist() for part in shape.polygons]
            return CocoGeometry(outline, (x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)), round(shape.area, 2))
        return CocoGeometry.of_box(shape.box)
