"""Write a mended copy of an annotation file, by the rules of `zsi_core.coco.mend`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from zsi_core.coco.check_annotation import mask_faults
from zsi_core.coco.file_stream import coco_file
from zsi_core.coco.mend import Mender
from zsi_core.coco.mend_annotation import MendedAnnotation
from zsi_core.coco.segmentation import segmentation_rle
from zsi_core.coco.source import open_source
from zsi_core.coco.tally import Tally
from zsi_core.errors import AnnotationError
from zsi_core.instances import rle as rles


def fix(path: Path, target: Path, images_dir: Path | None = None) -> Tally:
    """Write a copy without the faults that can be mended; areas and boxes that contradict masks are measured.

    Args:
        images_dir: folder of the images, for sizes that the file does not say.

    Returns:
        What was changed and left out.

    Raises:
        AnnotationError: the file cannot be read, or the copy not be written.
    """
    if target.exists() and path.exists() and target.samefile(path):
        raise AnnotationError(f"{target} is the faulty file itself: choose another name for the mended copy")
    tally = Tally()
    mender = Mender(open_source(path, allow_nan=True), tally, images_dir)
    categories: list[dict[str, Any]] = []
    with coco_file(
        target, info=mender.info, licenses=mender.licenses, categories=categories, extra=mender.extra
    ) as file:
        sizes: dict[int, tuple[int, int]] = {}
        for image in mender.images:
            if image.width is None or image.height is None:
                tally.skip("images of unknown size, and their objects: name --images", image.file_name)
                continue
            sizes[image.id] = (image.height, image.width)
            entry = {key: value for key, value in asdict(image).items() if key != "extra"}
            if image.license is None:
                del entry["license"]
            file.add_image({**entry, **image.extra})
        for annotation in mender.annotations():
            if annotation.image.id in sizes:
                file.add_annotations([_entry(annotation, sizes[annotation.image.id], tally)])
                tally.objects += 1
        for category in mender.categories:
            entry = {"id": category.id, "name": category.name, "supercategory": category.supercategory}
            categories.append({**entry, **category.extra})
    tally.images, tally.classes = len(sizes), len(categories)
    return tally


def _entry(annotation: MendedAnnotation, size: tuple[int, int], tally: Tally) -> dict[str, Any]:
    x, y, width, height = annotation.bbox
    entry: dict[str, Any] = {
        "id": annotation.id,
        "image_id": annotation.image.id,
        "category_id": annotation.category.id,
        "segmentation": annotation.segmentation,
        "area": annotation.area,
        "bbox": [x, y, width, height],
        "iscrowd": int(annotation.iscrowd),
        **annotation.extra,
    }
    if annotation.zsi is not None:
        entry["zsi"] = annotation.zsi
    mask = segmentation_rle(annotation.segmentation, *size)
    if mask is None or not rles.areas([mask])[0]:
        if annotation.area is None:
            entry["area"] = round(width * height, 2)
        return entry
    contradicts = any(mask_faults(entry, mask, ""))
    if annotation.area is None or contradicts:
        entry["area"] = int(rles.areas([mask])[0])
    if contradicts:
        tally.change("areas and boxes that contradict the mask: measured", f"annotation {annotation.id}")
        x1, y1, x2, y2 = (int(edge) for edge in rles.boxes([mask])[0])
        entry["bbox"] = [x1, y1, x2 - x1, y2 - y1]
    return entry
