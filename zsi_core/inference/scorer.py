"""How the network of a checkpoint names regions: scores, boxes of names, and word vectors for masks.

The default profile compares every region with the names of the query, directly. The published code goes
through the seen classes instead (`zsi_core.model.transfer`), and refines boxes for each seen class.

Shapes
    R  regions    n  seen classes    K  names of a vocabulary    N  regions with a name each    D  word vector
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from zsi_core.inference.scoring import Calibration, foreground_scores, fused_scores
from zsi_core.inference.vocabulary import Vocabulary
from zsi_core.model import ZSI, Regions
from zsi_core.model.transfer import posterior_scores, through_seen
from zsi_core.semantics.names import class_key


class Scorer:
    """Names regions as the configuration of the network wants it."""

    def __init__(
        self, model: ZSI, calibration: Calibration, seen: Sequence[str], seen_vectors: np.ndarray
    ) -> None:
        """
        Args:
            model: on its device.
            calibration: of the checkpoint.
            seen: n training classes in the order of training.
            seen_vectors: (n, D) float32 unit rows.
        """
        self.model = model
        self.calibration = calibration
        self._through_seen = model.config.transfer == "seen_posterior"
        self._row = {class_key(name): row for row, name in enumerate(seen)}
        self._seen = torch.from_numpy(seen_vectors).to(model.background_word.device)

    def names(
        self,
        features: Tensor,
        objectness: Tensor,
        background: Tensor,
        vocabulary: Vocabulary,
        seen_penalty: float | None = None,
    ) -> Tensor:
        """Scores (R, K) float32 of every name of a vocabulary.

        Args:
            features: e, (R, D).
            objectness: (R,).
            background: (D,), v_b for the detector.
            seen_penalty: in the place of the calibration's; the published code has none.
        """
        logits = self._logits(features, background, vocabulary)
        if not self._through_seen:
            seen = vocabulary.seen.to(logits.device)
            calibration = self.calibration
            if seen_penalty is not None:
                calibration = replace(calibration, seen_penalty=seen_penalty)
            return fused_scores(logits, objectness, seen, calibration)
        norm = self.model.config.word_norm
        words = norm * vocabulary.vectors.to(logits.device)
        v_b = background.expand(len(features), -1)
        return posterior_scores(logits, norm * self._seen, v_b, words)

    def foreground(
        self, features: Tensor, objectness: Tensor, background: Tensor, vocabulary: Vocabulary
    ) -> Tensor:
        """Scores (R,) float32 of being anything but background; arguments as for `names`."""
        logits = self._logits(features, background, vocabulary)
        if self._through_seen:
            return 1 - logits.softmax(dim=1)[:, 0]
        return foreground_scores(logits, objectness, self.calibration)

    def background(self, features: Tensor, background: Tensor, vocabulary: Vocabulary) -> Tensor:
        """Probabilities (R,) float32 of background; arguments as for `names`."""
        return self._logits(features, background, vocabulary).softmax(dim=1)[:, 0]

    def _logits(self, features: Tensor, background: Tensor, vocabulary: Vocabulary) -> Tensor:
        """(R, 1 + K) of what competes in the softmax: the vocabulary, or the seen classes."""
        words = self._seen if self._through_seen else vocabulary.vectors.to(features.device)
        return self.model.detector.scores(features, words, background.expand(len(features), -1))

    def with_best_boxes(self, regions: Regions) -> Regions:
        """Regions whose box is that of their most probable seen class, where every class has its own."""
        if regions.slots is None:
            return regions
        v_b = regions.background[0].expand(len(regions.features), -1)
        best = self.model.detector.scores(regions.features, self._seen, v_b)[:, 1:].argmax(dim=1)
        boxes = regions.slots[torch.arange(len(best), device=best.device), best + 1]
        return Regions(**(vars(regions) | {"boxes": boxes}))

    def slots(self, vocabulary: Vocabulary) -> Tensor:
        """Which box regression each name takes: a seen class its own, the k-th other name the k-th.

        Returns:
            (K,) int64 from 1 to n; 0, the box of the region itself, with one regression for all.
        """
        count = self.model.config.box_slots
        if count == 0:
            return torch.zeros(len(vocabulary.names), dtype=torch.int64)
        rows, others = [], 0
        for name in vocabulary.names:
            row = self._row.get(class_key(name))
            if row is None:
                row, others = others % count, others + 1
            rows.append(row + 1)
        return torch.tensor(rows)

    def mask_vectors(self, names: Sequence[str], vectors: Tensor, background: Tensor) -> Tensor:
        """Word vectors that the mask head is to find, (N, D).

        Args:
            names: N names.
            vectors: (N, D), theirs.
            background: (D,), v_b for the mask head.
        """
        config = self.model.config
        if config.mask_transfer == "direct" or not len(vectors):
            return vectors
        v_b = background.expand(len(vectors), -1)
        transferred = through_seen(vectors, config.word_norm * self._seen, v_b)
        seen = torch.tensor([class_key(name) in self._row for name in names], device=vectors.device)
        return torch.where(seen[:, None], vectors, transferred)
