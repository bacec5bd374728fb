"""How good masks are when box and name are given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from zsi_core.coco import CocoFile, annotation_rle
from zsi_core.instances import rle
from zsi_core.semantics.names import class_key


def box_to_mask(
    coco: CocoFile, results: Iterable[Mapping[str, Any]], groups: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Any]]:
    """Mean intersection over union of masks that were made from the boxes of a file's objects.

    Args:
        coco: the file.
        results: COCO results with the `annotation_id` that each was made from.
        groups: name of a group -> its class names.

    Returns:
        Group -> `mean_iou` over its objects (None without any) and `objects`, their number.
    """
    annotations = {annotation.id: annotation for annotation in coco.annotations}
    images = {image.id: image for image in coco.images}
    keys = {group: {class_key(name) for name in names} for group, names in groups.items()}
    ious: dict[str, list[float]] = {group: [] for group in groups}
    for result in results:
        annotation = annotations[result["annotation_id"]]
        image = images[annotation.image_id]
        mask = annotation_rle(annotation, image.height, image.width)
        assert mask is not None, f"annotation {annotation.id} has only a box"
        iou = float(rle.iou([result["segmentation"]], [mask])[0, 0])
        for group in groups:
            if coco.category_keys[annotation.category_id] in keys[group]:
                ious[group].append(iou)
    return {
        group: {"mean_iou": sum(values) / len(values) if values else None, "objects": len(values)}
        for group, values in ious.items()
    }
