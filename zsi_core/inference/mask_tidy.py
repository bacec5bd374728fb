"""Crumbs and pinholes of a predicted mask, removed on the network's grid, where it costs next to nothing.

A person who corrects masks must not have to sweep up specks. Real parts and real holes are larger.

Shapes
    M  side of a predicted mask
"""

from __future__ import annotations

import cv2
import numpy as np

CRUMB = 0.1
"""Pieces with a smaller share of the area of the largest one are dropped."""

PINHOLE = 6
"""Holes of at most so many cells of the grid are closed."""


def tidy_mask(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (M, M) float32 with crumbs set to 0 and pinholes set to 1."""
    inside = probabilities > 0.5
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA]
    crumbs = [i for i in range(1, count) if area[i] < CRUMB * area[1:].max()]
    tidied = np.where(np.isin(labels, crumbs), np.float32(0), probabilities)

    outside = np.pad(~inside, 1, constant_values=True)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(outside.astype(np.uint8), connectivity=4)
    pinholes = [i for i in range(1, count) if i != labels[0, 0] and stats[i, cv2.CC_STAT_AREA] <= PINHOLE]
    return np.where(np.isin(labels[1:-1, 1:-1], pinholes), np.float32(1), tidied)
