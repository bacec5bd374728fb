"""How noisy a figure is: percentile bootstrap over images.

Images are drawn with replacement, as many as there are, and every figure is computed anew, from matches that
are made once (see `zsi_core.evaluation.resampling`).

A class without an object in a resample is left out of that resample's means, as it would be of any other
image set's. Where rare classes score low, intervals of means therefore lean upwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

LEVEL = 0.95
SEED = 0


def intervals(
    figures: Callable[[np.ndarray], np.ndarray], images: int, resamples: int, *, seed: int = SEED
) -> np.ndarray:
    """Intervals that hold `LEVEL` of the resampled figures.

    Args:
        figures: rows of drawn images (I,) -> figures of any shape.
        images: I.
        resamples: how many times to draw, at least 1.
        seed: of the draw.

    Returns:
        (2, ...) float64: low and high ends; NaN for a figure that no resample defines.
    """
    generator = np.random.default_rng(seed)
    drawn = np.stack([figures(generator.integers(0, images, images)) for _ in range(resamples)])
    tail = 100 * (1 - LEVEL) / 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.nanpercentile(drawn, [tail, 100 - tail], axis=0)
