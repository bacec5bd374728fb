"""Read, write and validate COCO annotation files. Imports neither torch nor gensim."""

from zsi_core.coco.geometry import CocoGeometry
from zsi_core.coco.provenance import ProposalRun
from zsi_core.coco.reader import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoImage,
    annotation_rle,
    image_path,
    read_coco,
)
from zsi_core.coco.validate import Fault, validate
from zsi_core.coco.writer import CocoWriter, detection_results

__all__ = [
    "CocoAnnotation",
    "CocoCategory",
    "CocoFile",
    "CocoGeometry",
    "CocoImage",
    "CocoWriter",
    "Fault",
    "ProposalRun",
    "annotation_rle",
    "detection_results",
    "image_path",
    "read_coco",
    "validate",
]
