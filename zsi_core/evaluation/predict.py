"""Everything that is asked of an image, from one encoding of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsi_core.coco import CocoFile, CocoImage, detection_results, image_path
from zsi_core.errors import ImageError
from zsi_core.evaluation.ground_truth import has_mask
from zsi_core.evaluation.matching import MAX_DETECTIONS
from zsi_core.evaluation.protocol import vocabularies
from zsi_core.images import FoundImage, read_image
from zsi_core.inference.scoring import PROTOCOL
from zsi_core.proposing.job import Finished
from zsi_core.proposing.journal import Journal
from zsi_core.semantics import ClassSplit, class_key

if TYPE_CHECKING:
    from zsi_core.inference import EncodedImage, Segmenter
    from zsi_core.inference.vocabulary import Vocabulary
    from zsi_core.instances import Instances

Results = list[dict[str, Any]]


def predictions(
    segmenter: Segmenter,
    coco: CocoFile,
    split: ClassSplit,
    images: Iterable[CocoImage],
    folder: Path,
    journal: Journal,
) -> Iterator[Finished]:
    """Predict on each image that the journal does not hold yet.

    An entry holds the lists of `zsi_core.evaluation.protocol` as COCO results, those of "given_boxes" with an
    `annotation_id`. Category ids are the file's; classes of the split that it lacks have ids above its own.

    An image is in the journal, and on the disk, when it is yielded: stop iterating at any time and go on
    later. One that cannot be read, or is not of the size that the file says, is skipped.

    Raises:
        AnnotationError: the journal cannot be written, or a segmentation is malformed.
    """
    predict = _Predictor(segmenter, coco, split)
    for image in images:
        if image.file_name in journal.done:
            continue
        found = FoundImage(image_path(folder, image), image.file_name)
        try:
            encoded = segmenter.encode(_pixels(found, image))
        except ImageError as error:
            reason = str(error).removeprefix(f"{found.path} ")
            journal.append({"file_name": image.file_name, "skipped": reason})
            yield Finished(found, reason)
            continue
        journal.append({"file_name": image.file_name, **predict(image, encoded)})
        yield Finished(found)


class _Predictor:
    def __init__(self, segmenter: Segmenter, coco: CocoFile, split: ClassSplit) -> None:
        self.segmenter = segmenter
        self.coco = coco
        self.category_ids = category_ids(coco, split)
        self.classes = {class_key(name) for name in (*split.seen, *split.unseen)}
        self.vocabularies = vocabularies(segmenter.vocabularies.table, split)

    def __call__(self, image: CocoImage, encoded: EncodedImage) -> dict[str, Results]:
        names = self.vocabularies
        anything = self.segmenter.find_anything(encoded, names.joint, max_instances=MAX_DETECTIONS)
        return {
            "zsi": self._found(image, encoded, names.zsi),
            "seen": self._found(image, encoded, names.seen),
            "joint": self._found(image, encoded, names.joint),
            "regions": self._results(image, anything),
            "given_boxes": self._given_boxes(image, encoded),
        }

    def _found(self, image: CocoImage, encoded: EncodedImage, vocabulary: Vocabulary) -> Results:
        instances = self.segmenter.find(
            encoded,
            vocabulary,
            threshold=self.segmenter.model.config.evaluation_threshold,
            max_instances=MAX_DETECTIONS,
            suppression=PROTOCOL,
        )
        return self._results(image, instances)

    def _results(self, image: CocoImage, instances: Instances) -> Results:
        return detection_results(image.id, instances, self.category_ids)

    def _given_boxes(self, image: CocoImage, encoded: EncodedImage) -> Results:
        results = []
        for annotation in self.coco.annotations_of[image.id]:
            key = self.coco.category_keys[annotation.category_id]
            x1, y1, x2, y2 = annotation.xyxy
            visible = min(x2, image.width) > max(x1, 0) and min(y2, image.height) > max(y1, 0)
            if key in self.classes and visible and has_mask(annotation) and not annotation.iscrowd:
                name = self.coco.category_names[annotation.category_id]
                found = self.segmenter.segment_box(encoded, annotation.xyxy, name)
                results += [{**r, "annotation_id": annotation.id} for r in self._results(image, found)]
        return results


def category_ids(coco: CocoFile, split: ClassSplit) -> Mapping[str, int]:
    """`class_key` of every class of the split -> its category id in results."""
    ids = {key: id for id, key in reversed(coco.category_keys.items())}
    following = max(ids.values(), default=0) + 1
    for name in (*split.unseen, *split.seen):
        if class_key(name) not in ids:
            ids[class_key(name)] = following
            following += 1
    return ids


def _pixels(found: FoundImage, image: CocoImage) -> Any:
    pixels = read_image(found.path)
    if pixels.shape[:2] != (image.height, image.width):
        height, width = pixels.shape[:2]
        raise ImageError(
            f"{found.path} is {width} x {height} pixels, but {image.width} x {image.height} in the "
            "annotation file: its objects would lie elsewhere"
        )
    return pixels
