"""What other programs read from exported files; runs in an environment of its own (see test_readers.py).

    python readers.py IMAGES COCO_FILE LABELME_FOLDER

Prints {reader: {image: [[class, mask], ...]}} as JSON; a mask is its bits, row by row, in hexadecimal.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

Found = dict[str, list[tuple[str, str]]]


def hexadecimal(mask: Any) -> str:
    return np.packbits(np.asarray(mask, dtype=bool)).tobytes().hex()


def read_with_supervision(images: Path, file: Path) -> Found:
    import supervision

    data = supervision.DetectionDataset.from_coco(str(images), str(file), force_masks=True)
    return {
        Path(path).relative_to(images).as_posix(): [
            (data.classes[number], hexadecimal(mask))
            for number, mask in zip(objects.class_id, objects.mask, strict=True)
        ]
        for path, _, objects in data
    }


def read_with_datumaro(images: Path, file: Path) -> Found:
    import datumaro

    with tempfile.TemporaryDirectory() as folder:  # laid out as it expects a data set
        (Path(folder) / "annotations").mkdir()
        shutil.copy(file, Path(folder) / "annotations" / "instances_all.json")
        shutil.copytree(images, Path(folder) / "images" / "all")
        data = datumaro.Dataset.import_from(folder, "coco_instances").transform("polygons_to_masks")
        classes = data.categories()[datumaro.AnnotationType.label].items
        found = {}
        for item in data:
            parts = defaultdict(list)
            for annotation in item.annotations:
                if annotation.type == datumaro.AnnotationType.mask:
                    parts[annotation.id, annotation.label].append(annotation.image)
            found[f"{item.id}.png"] = [
                (classes[label].name, hexadecimal(np.any(masks, axis=0)))
                for (_, label), masks in sorted(parts.items())
            ]
    return found


def read_with_labelme(folder: Path) -> Found:
    from labelme._label_file import read_label_file
    from labelme.utils import shape_to_mask

    found = {}
    for file in sorted(folder.rglob("*.json")):
        content = read_label_file(str(file))
        parts = defaultdict(list)
        for number, shape in enumerate(content.shapes):
            mask = np.zeros((30, 40), bool)
            if shape["shape_type"] == "mask":
                (x1, y1), (x2, y2) = np.array(shape["points"], dtype=int)
                mask[y1 : y2 + 1, x1 : x2 + 1] = shape["mask"]
            else:
                mask = shape_to_mask((30, 40), shape["points"], shape["shape_type"])
            group = shape["group_id"]
            parts[-number if group is None else group, shape["label"]].append(mask)
        found[file.relative_to(folder).with_suffix(".png").as_posix()] = [
            (label, hexadecimal(np.any(masks, axis=0))) for (_, label), masks in parts.items()
        ]
    return found


if __name__ == "__main__":
    images, file, folder = map(Path, sys.argv[1:])
    readers = {
        "supervision": read_with_supervision(images, file),
        "datumaro": read_with_datumaro(images, file),
        "labelme": read_with_labelme(folder),
    }
    print(json.dumps(readers))
