"""`python trainer.py retrain RUN [--probe]`: the stand-in of tests/app, with figures and pictures, too."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from zsi_core.retraining import AFTER, BEFORE, COMPARISONS, PICTURES

folder = Path(sys.argv[2])


def figures(value: float) -> dict[str, object]:
    own = {"group": "seen", "instances": 4, "map50": value}
    return {"task": "segm", "images": 4, "map50": value, "per_class": {"gear": own, "bolt": own}}


def picture(name: str, grey: int) -> str:
    (folder / PICTURES).mkdir(exist_ok=True)
    Image.fromarray(np.full((120, 160, 3), grey, dtype=np.uint8)).save(folder / PICTURES / name)
    return name


if "--probe" not in sys.argv:
    for name, value in ((BEFORE, 0.1), (AFTER, 0.4)):
        (folder / name).write_text(json.dumps(figures(value)))
    pair = {"before": picture("1_before.jpg", 60), "after": picture("1_after.jpg", 180)}
    shown = {"image": "3.png", "names": ["gear"], "labelled": 1, "found_before": 0, "found_after": 1, **pair}
    (folder / COMPARISONS).write_text(json.dumps([shown]))
runpy.run_path(str(Path(__file__).parents[2] / "app" / "retraining" / "stand_in.py"), run_name="__main__")
