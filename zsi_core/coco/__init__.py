"""Read, write and validate COCO annotation files. Imports neither torch nor gensim."""

from zsi_core.coco.reader import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoImage,
    annotation_rle,
    image_path,
    read_coco,
)

__all__ = [
    "CocoAnnotation",
    "CocoCategory",
    "CocoFile",
    "CocoImage",
    "annotation_rle",
    "image_path",
    "read_coco",
]
