"""The whole chain learns: labels in, training, checkpoint, Segmenter, average precision out.

Only the backbone starts from weights that know something, those of the packaged model.
"""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from training.data import Batch
from training.engine import Trainer
from training.recipe import DataSpec, Recipe
from training.transforms import View
from zsi_core.checkpoint import (
    CheckpointInfo,
    find_checkpoint,
    load_checkpoint,
    save_checkpoint,
    vectors_sha256,
)
from zsi_core.coco.reader import annotation_rle, read_coco
from zsi_core.files import resources_dir
from zsi_core.images import read_image
from zsi_core.inference import Segmenter
from zsi_core.inference.precision import fastest_dtype
from zsi_core.model import ZSI, Target
from zsi_core.semantics.resolve import resolve_all
from zsi_core.semantics.table import WordTable

LABELS = Path(__file__).parents[1] / "fixtures" / "four_photographs.json"
CANVAS = 256
STEPS = 90


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_four_photographs_are_learned_by_heart(tmp_path):
    starter = load_checkpoint(find_checkpoint("starter"))
    table = WordTable.bundled()
    content = read_coco(LABELS)
    names = tuple(c.name for c in content.categories)
    rows = {c.id: row for row, c in enumerate(content.categories)}
    vectors = resolve_all(table, names)
    batch = _batch(content, rows)

    recipe = Recipe(
        name="overfit",
        split="coco_65_15",
        datasets=(DataSpec("four", "four.json", "."),),
        model=replace(starter.info.model, regions_train=48),
        steps=STEPS,
        warmup_steps=10,
        learning_rate=1e-3,
    )
    torch.manual_seed(0)
    model = ZSI(recipe.model, torch.from_numpy(np.array(table.vector("background"))))
    model.backbone.body.load_state_dict(starter.model.backbone.body.state_dict())
    trainer = Trainer(model, recipe, torch.from_numpy(vectors), bf16=fastest_dtype("cpu") is torch.bfloat16)
    for _ in range(STEPS):
        trainer.step(batch)

    info = CheckpointInfo(
        model=recipe.model,
        seen=names,
        seen_sha256=vectors_sha256(vectors),
        words_sha256=table.sha256,
        preprocessing={"canvases": [[CANVAS, CANVAS]]},
    )
    save_checkpoint(tmp_path / "four", trainer.model.eval(), info, "# four photographs\n")
    segmenter = Segmenter(load_checkpoint(tmp_path / "four"), table)
    detections = []
    for image in content.images:
        found = segmenter.query(
            segmenter.encode(read_image(resources_dir() / "demo" / image.file_name)), names, threshold=0.05
        )
        for i in range(len(found)):
            x1, y1, x2, y2 = (float(v) for v in found.boxes[i])
            detections.append(
                {
                    "image_id": image.id,
                    "category_id": content.categories[names.index(found.names[i])].id,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "segmentation": found.masks[i],
                    "score": float(found.scores[i]),
                }
            )
    print(len(detections), _ap50(detections, "bbox"), _ap50(detections, "segm"))
    assert _ap50(detections, "bbox") > 0.9
    assert _ap50(detections, "segm") > 0.8


def _batch(content, rows):
    images, sizes, targets = [], [], []
    for image in content.images:
        pixels = read_image(resources_dir() / "demo" / image.file_name)
        height, width = pixels.shape[:2]
        scale = CANVAS / max(height, width)
        view = View(
            np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]]),
            (round(height * scale), round(width * scale)),
            (CANVAS, CANVAS),
            (height, width),
        )
        annotations = content.annotations_of[image.id]
        boxes, _ = view.boxes(np.array([a.xyxy for a in annotations], dtype=np.float32))
        masks = [view.mask(annotation_rle(a, height, width)) for a in annotations]
        images.append(torch.from_numpy(view.image(pixels)).permute(2, 0, 1))
        sizes.append(view.size)
        targets.append(
            Target(
                boxes=torch.from_numpy(boxes),
                labels=torch.tensor([rows[a.category_id] for a in annotations]),
                masks=torch.from_numpy(np.stack(masks)),
                has_mask=torch.ones(len(annotations), dtype=torch.bool),
                ignore=torch.zeros(0, 4),
            )
        )
    return Batch(torch.stack(images), sizes, targets, [])


def _ap50(detections, kind):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(LABELS))
        evaluation = COCOeval(truth, truth.loadRes([dict(d) for d in detections]), kind)
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, 2]
    return precision[precision > -1].mean()
