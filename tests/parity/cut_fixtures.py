"""Cut the fixtures of this folder out of full parity files: `python tests/parity/cut_fixtures.py FOLDER`.

Kept are the numbers that the authors' modules computed. Weights and inputs are drawn from their names again,
so they are left out, and of large maps only the first regions and channels are kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

LEFT_OUT = {
    "rpn_65_15": {f"feat{i}" for i in range(5)},
    "bbox_65_15": {"x", "voc"},
    "mask_65_15": {"x"},
    "primitives": set(),
}
FIRST = {
    "seen_logits": (1,),
    "gzsi_seen_logits": (1, 8),
    "zsi_logits": (2,),
    "gzsi_unseen_logits": (1,),
    "conv4": (1, 32),
    "d_x": (1, 32),
}


def cut(folder: Path, to: Path) -> None:
    for name, left_out in LEFT_OUT.items():
        with np.load(folder / f"{name}.npz", allow_pickle=False) as full:
            kept = {
                key: full[key][tuple(slice(n) for n in FIRST.get(key, ()))]
                for key in full.files
                if key not in left_out
            }
        np.savez_compressed(to / f"{name}.npz", **kept)


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(__file__).parent / "fixtures")
