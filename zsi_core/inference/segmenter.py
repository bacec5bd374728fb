"""`Segmenter`: encode an image once, ask it for any class names as often as you like.

Nothing before the last dot product depends on the names. `encode` runs backbone, BA-RPN and detector head;
`query` compares the kept semantic features with word vectors, and runs the mask head on the few regions that
it shows, each once.

Shapes
    R  regions of an image    N  instances of a result    D  length of a word vector    H, W  photograph
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zsi_core.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, vectors_sha256, word_table
from zsi_core.errors import CheckpointError, ZsiError
from zsi_core.inference.clicked import for_a_click
from zsi_core.inference.encoded import EncodedImage
from zsi_core.inference.mask_paste import paste_mask, paste_published
from zsi_core.inference.mask_tidy import tidy_mask
from zsi_core.inference.precision import fastest_dtype
from zsi_core.inference.preprocessing import CANVASES, LARGEST_SIDES, fit, fit_within
from zsi_core.inference.scorer import Scorer
from zsi_core.inference.scoring import PROTOCOL, QUERY, Calibration, Detections, Suppression, detect
from zsi_core.inference.second_opinion import SecondOpinion
from zsi_core.inference.vocabulary import Mode, Vocabulary, VocabularyBuilder
from zsi_core.instances import Explanation, Instances
from zsi_core.instances.rle import Rle
from zsi_core.model import Regions
from zsi_core.semantics.table import WordTable

POINT_CANDIDATES = 20
"""Regions under a clicked point whose masks are computed."""


class Segmenter:
    """A loaded model that finds instances of typed names."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        table: WordTable,
        *,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        """
        Args:
            checkpoint: network and what is known of it.
            table: the word table it was trained with.
            device: "cpu", "cuda", "cuda:1", ...
            dtype: of the network's dense parts; by default whichever is faster on this machine.

        Raises:
            WordTableError: another table than the checkpoint's.
            CheckpointError: the seen classes' vectors are not those of training, or the classifier beside the
                weights cannot be read.
        """
        info = checkpoint.info
        table.require(sha256=info.words_sha256, dimension=info.model.semantic_dimension)
        self.vocabularies = VocabularyBuilder(table, info.seen)
        if vectors_sha256(self.vocabularies.seen_vectors) != info.seen_sha256:
            raise CheckpointError(
                f"the seen classes of {checkpoint.path} resolve to other vectors than in training: "
                "install the version that wrote it"
            )
        self.checkpoint = checkpoint
        self.device = device
        # What is to compute the numbers of other software computes in its precision.
        self.published = info.model.conventions == "mmdetection"
        exact = torch.float32 if self.published else None
        self.dtype = dtype or exact or fastest_dtype(torch.device(device).type)
        self.largest_sides = tuple(info.preprocessing.get("largest_sides", LARGEST_SIDES))
        self.canvases = tuple((h, w) for h, w in info.preprocessing.get("canvases", CANVASES))
        self.calibration = Calibration.from_dict(info.calibration)
        self.model = checkpoint.model.eval().to(device).to(memory_format=torch.channels_last)
        self.scorer = Scorer(self.model, self.calibration, info.seen, self.vocabularies.seen_vectors)
        self.second_opinion = (
            SecondOpinion.load(checkpoint.path, info.second_opinion, device=device, dtype=self.dtype)
            if info.second_opinion
            else None
        )

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = "starter",
        *,
        words: str | Path | None = None,
        device: str | None = None,
        dtype: torch.dtype | None = None,
    ) -> Segmenter:
        """Load an installed model.

        Args:
            name_or_path: installed name ("starter") or checkpoint folder.
            words: word-vector file; by default the checkpoint's own table, or the bundled one.
            device: "cuda" if there is one, else "cpu", by default.
            dtype: as in the constructor.

        Raises:
            CheckpointError, WordTableError: as in the constructor, or files missing or damaged.
            ZsiError: the device cannot be used.
        """
        device = _usable_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        checkpoint = load_checkpoint(find_checkpoint(name_or_path))
        table = word_table(checkpoint.path) if words is None else WordTable.load(words)
        return cls(checkpoint, table, device=device, dtype=dtype)

    def encode(self, image: np.ndarray) -> EncodedImage:
        """Run the network on an image, once.

        Args:
            image: (H, W, 3) uint8 RGB, upright (see `zsi_core.images.read_image`).
        """
        fitted = fit_within(image, *self.largest_sides) if self.published else fit(image, self.canvases)
        with torch.inference_mode(), self._precision():
            regions = self.model.regions(fitted.pixels.to(self.device), [fitted.size])[0]
            regions = self.scorer.with_best_boxes(regions)
        kept = {name: self._kept(level) for name, level in regions.pyramid.items()}
        regions = replace(regions, pyramid=type(regions.pyramid)(kept))
        fitted = replace(fitted, pixels=fitted.pixels[:, :, :0, :0])
        boxes = fitted.to_image(regions.boxes)
        slots = None if regions.slots is None else fitted.to_image(regions.slots)
        opinions = None
        if self.second_opinion is not None:
            opinions = self.second_opinion.about(image, boxes, regions.objectness)
            regions = replace(regions, features=opinions.join(regions.features, boxes))
        return EncodedImage(regions, boxes, fitted, self.checkpoint.sha256, opinions, slots)

    def query(
        self,
        encoded: EncodedImage,
        names: Sequence[str],
        *,
        threshold: float | None = None,
        mode: Mode = "zsi",
        max_instances: int = 100,
    ) -> Instances:
        """Instances of the typed names.

        Args:
            encoded: from `encode` of this model.
            names: class names, seen or unseen in training.
            threshold: smallest score; by default the checkpoint's.
            mode: "zsi" shows the typed names only, "gzsi" also the seen classes.
            max_instances: largest N.

        Raises:
            NameResolutionError: a name that has no word vector.
            ValueError: unknown mode, or an image encoded by another model.
        """
        return self.find(
            encoded,
            self.vocabularies.build(names, mode),
            threshold=self.calibration.threshold if threshold is None else threshold,
            max_instances=max_instances,
        )

    def find(
        self,
        encoded: EncodedImage,
        vocabulary: Vocabulary,
        *,
        threshold: float,
        max_instances: int,
        suppression: Suppression = QUERY,
        seen_penalty: float | None = None,
    ) -> Instances:
        """Instances of the shown names of a vocabulary: `query` for a caller that decides what competes.

        Args:
            encoded: from `encode` of this model.
            vocabulary: names of the softmax.
            threshold: smallest score.
            max_instances: largest N.
            suppression: which detections give way to better ones.
            seen_penalty: in the place of the checkpoint's (see `Calibration`): how much unseen names are
                favoured over seen ones.

        Raises:
            ValueError: an image encoded by another model.
        """
        self._check(encoded)
        with torch.inference_mode():
            scores = self._scores(encoded, vocabulary, seen_penalty)
            slots = self.scorer.slots(vocabulary).to(self.device)
            boxes = encoded.boxes if encoded.slots is None else encoded.slots[:, slots[: vocabulary.shown]]
            found = detect(boxes, scores, vocabulary.shown, threshold, max_instances, suppression)
            return self._instances(encoded, vocabulary, found, slots[found.names])

    def find_anything(
        self, encoded: EncodedImage, vocabulary: Vocabulary, *, max_instances: int = 100
    ) -> Instances:
        """The best regions, whatever they are; each has the mask of its best name.

        Regions are ranked by their foreground score and suppress each other whatever their names.

        Args:
            encoded: from `encode` of this model.
            vocabulary: names of the softmax.
            max_instances: largest N.

        Raises:
            ValueError: an image encoded by another model.
        """
        self._check(encoded)
        with torch.inference_mode():
            regions = encoded.regions
            foreground = self.scorer.foreground(
                regions.features, regions.objectness, regions.background[0], vocabulary
            )
            found = detect(encoded.boxes, foreground[:, None], 1, 0.0, max_instances, PROTOCOL)
            scores = self._scores(encoded, vocabulary)[found.regions]
            best = scores.topk(min(2, scores.shape[1]), dim=1)
            found = replace(
                found,
                names=best.indices[:, 0],
                runner_up_names=best.indices[:, -1],
                runner_up_scores=best.values[:, -1],
            )
            return self._instances(encoded, vocabulary, found, torch.zeros_like(found.names))

    def segment_box(self, encoded: EncodedImage, box: Sequence[float], name: str | None = None) -> Instances:
        """The object in a box that somebody drew, from the kept feature maps.

        Args:
            encoded: from `encode` of this model.
            box: x1, y1, x2, y2 in pixels of the photograph.
            name: what it is; by default the best name of the seen classes and distractors.

        Returns:
            One instance, with region index -1; its box is the drawn one.

        Raises:
            ValueError: the box has no area within the image.
        """
        self._check(encoded)
        drawn = self._clipped(encoded, box)
        with torch.inference_mode():
            features = self._described(encoded, drawn)
            return self._named_boxes(encoded, drawn, features, torch.ones(1, device=self.device), name, (-1,))

    def segment_point(
        self, encoded: EncodedImage, point: Sequence[float], name: str | None = None
    ) -> Instances:
        """Objects under a point, best first: a click takes the first, Tab goes through the others.

        Of the regions around the point the most object-like are tried, and ranked by the scores of their
        names; those whose mask leaves the point out are dropped. What covers most of the image comes last,
        unless it is surely what was named.

        Args:
            encoded: from `encode` of this model.
            point: x, y in pixels of the photograph.
            name: what it is; by default the best name of the seen classes and distractors for each.

        Returns:
            Distinct candidates; none where no region covers the point.

        Raises:
            ValueError: the point lies outside the image.
        """
        self._check(encoded)
        x, y = (float(v) for v in point)
        height, width = encoded.image_size
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"the point must lie in the image of {width} x {height} pixels, but got {x}, {y}"
            )
        b = encoded.boxes
        over = ((b[:, 0] <= x) & (b[:, 1] <= y) & (b[:, 2] > x) & (b[:, 3] > y)).nonzero()[:, 0]
        over = over[encoded.regions.objectness[over].argsort(descending=True)][:POINT_CANDIDATES]
        if len(over) == 0:
            return Instances.empty(encoded.image_size)
        with torch.inference_mode():
            found = self._named_boxes(
                encoded,
                b[over],
                encoded.regions.features[over],
                encoded.regions.objectness[over],
                name,
                tuple(over.tolist()),
            )
        return for_a_click(found, x, y, sure=None if name is None else self.calibration.threshold)

    def explain(
        self,
        encoded: EncodedImage,
        region: int | Sequence[float],
        names: Sequence[str] = (),
        *,
        top: int = 5,
    ) -> Explanation:
        """Why a region or a drawn box is named as it is.

        Args:
            encoded: from `encode` of this model.
            region: index of a region, or x1, y1, x2, y2 in pixels of the photograph.
            names: typed names, which compete with the seen classes and the distractors.
            top: how many names are told.

        Raises:
            IndexError: no such region.
        """
        self._check(encoded)
        if isinstance(region, int | np.integer):
            if not 0 <= region < len(encoded):
                raise IndexError(f"region must be from 0 to {len(encoded) - 1}, but got {region}")
            features = encoded.regions.features[region : region + 1]
            objectness = encoded.regions.objectness[region : region + 1]
        else:
            with torch.inference_mode():
                features = self._described(encoded, self._clipped(encoded, region))
            objectness = torch.ones(1, device=self.device)
        vocabulary = self.vocabularies.build(names, "gzsi")
        with torch.inference_mode():
            v_b = encoded.regions.background[0]
            scores = self.scorer.names(features, objectness, v_b, vocabulary)[0]
            best, which = scores.topk(min(top, len(scores)))
            background = self.scorer.background(features, v_b, vocabulary)
        told = tuple(float(v) for v in best)
        return Explanation(
            tuple(vocabulary.names[i] for i in which.tolist()),
            told,
            told[0] - told[1] if len(told) > 1 else told[0],
            float(background[0]),
        )

    # ---------------------------------------------------------------------------------------------

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            torch.device(self.device).type, torch.bfloat16, enabled=self.dtype == torch.bfloat16
        )

    def _check(self, encoded: EncodedImage) -> None:
        if encoded.checkpoint_sha256 != self.checkpoint.sha256:
            raise ValueError("the image was encoded by another model: encode it again")

    def _float(self, encoded: EncodedImage) -> Regions:
        """Regions with the pyramid as the network takes it."""
        pyramid = {name: level.float() for name, level in encoded.regions.pyramid.items()}
        return replace(encoded.regions, pyramid=type(encoded.regions.pyramid)(pyramid))

    def _described(self, encoded: EncodedImage, boxes: Tensor) -> Tensor:
        """Semantic features (N, D) of boxes (N, 4) in pixels of the photograph."""
        with self._precision():
            features = self.model.describe_boxes(self._float(encoded), encoded.fitted.to_canvas(boxes))
        return features if encoded.opinions is None else encoded.opinions.join(features, boxes)

    def _kept(self, features: Tensor) -> Tensor:
        """Features as they are kept: half the memory, where no other software's numbers are wanted."""
        return features if self.published else features.half()

    def _scores(
        self, encoded: EncodedImage, vocabulary: Vocabulary, seen_penalty: float | None = None
    ) -> Tensor:
        """(R, K) scores of every name on every region."""
        regions = encoded.regions
        v_b = regions.background[0]
        return self.scorer.names(regions.features, regions.objectness, v_b, vocabulary, seen_penalty)

    def _instances(
        self, encoded: EncodedImage, vocabulary: Vocabulary, found: Detections, slots: Tensor
    ) -> Instances:
        """Instances of detections, each with the box of a slot (N,), 0 for that of its region."""
        names = tuple(vocabulary.names[i] for i in found.names.tolist())
        vectors = vocabulary.vectors.to(self.device)[found.names]
        boxes = encoded.boxes[found.regions]
        if encoded.slots is not None and slots.any():
            boxes = encoded.slots[found.regions, slots]
        places = list(zip(found.regions.tolist(), slots.tolist(), strict=True))
        return Instances(
            boxes=boxes.cpu().numpy(),
            scores=found.scores.cpu().numpy(),
            names=names,
            masks=tuple(self._masks(encoded, places, names, vectors, boxes)),
            runner_up_names=tuple(vocabulary.names[i] for i in found.runner_up_names.tolist()),
            runner_up_scores=found.runner_up_scores.cpu().numpy(),
            region_indices=found.regions.cpu().numpy(),
            image_size=encoded.image_size,
        )

    def _clipped(self, encoded: EncodedImage, box: Sequence[float]) -> Tensor:
        height, width = encoded.image_size
        x1, y1, x2, y2 = (float(v) for v in box)
        clipped = torch.tensor(
            [[max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)]], device=self.device
        )
        if not (clipped[0, 2:] > clipped[0, :2]).all():
            raise ValueError(
                f"the box must have an area in the image of {width} x {height} pixels, but got {list(box)}"
            )
        return clipped

    def _named_boxes(
        self,
        encoded: EncodedImage,
        boxes: Tensor,
        features: Tensor,
        objectness: Tensor,
        name: str | None,
        regions: tuple[int, ...],
    ) -> Instances:
        """Instances of given boxes (N, 4) in pixels of the photograph, in the order of their scores."""
        vocabulary = self.vocabularies.build([] if name is None else [name], "gzsi")
        scores = self.scorer.names(features, objectness, encoded.regions.background[0], vocabulary)
        order = scores.topk(2, dim=1).indices
        chosen = order[:, 0] if name is None else torch.zeros_like(order[:, 0])
        other = torch.where(order[:, 0] == chosen, order[:, 1], order[:, 0])
        vectors = vocabulary.vectors.to(self.device)[chosen]
        names = tuple(vocabulary.names[i] for i in chosen.tolist())
        with self._precision():
            y = self.model.pixel_features(self._float(encoded), encoded.fitted.to_canvas(boxes))
        masks = self._pasted(encoded, y, names, vectors, boxes)
        own = scores.gather(1, chosen[:, None])[:, 0]
        found = Instances(
            boxes=boxes.cpu().numpy(),
            scores=own.cpu().numpy(),
            names=names,
            masks=tuple(masks),
            runner_up_names=tuple(vocabulary.names[i] for i in other.tolist()),
            runner_up_scores=scores.gather(1, other[:, None])[:, 0].cpu().numpy(),
            region_indices=np.array(regions, dtype=np.int64),
            image_size=encoded.image_size,
        )
        return found.select(np.argsort(-found.scores, kind="stable"))

    def _masks(
        self,
        encoded: EncodedImage,
        places: list[tuple[int, int]],
        names: Sequence[str],
        vectors: Tensor,
        boxes: Tensor,
    ) -> list[Rle]:
        """Masks at (region, slot), of boxes (N, 4), for word vectors (N, D); the mask head sees each once."""
        if not places:
            return []
        kept = encoded.pixel_features
        fresh = sorted({place for place in places if place not in kept})
        if fresh:
            of_regions, slots = encoded.regions.boxes, encoded.regions.slots
            wanted = torch.stack(
                [of_regions[r] if slots is None or slot == 0 else slots[r, slot] for r, slot in fresh]
            )
            with self._precision():
                y = self.model.pixel_features(self._float(encoded), wanted)
            kept.update(zip(fresh, self._kept(y), strict=True))
        y = torch.stack([kept[place] for place in places])
        return self._pasted(encoded, y, names, vectors, boxes)

    def _pasted(
        self, encoded: EncodedImage, y: Tensor, names: Sequence[str], vectors: Tensor, boxes: Tensor
    ) -> list[Rle]:
        assert self.model.mask_head is not None
        background = encoded.regions.background[1]
        vectors = self.scorer.mask_vectors(names, vectors, background)
        logits = self.model.mask_head.logits(y.float(), vectors, background.expand(len(y), -1))
        share = self.calibration.mask_threshold
        grids = (logits - math.log(share / (1 - share))).sigmoid().cpu().numpy()
        size = encoded.image_size
        each = zip(grids, boxes.cpu().numpy(), strict=True)
        if self.published:
            return [paste_published(grid, box, size) for grid, box in each]
        return [paste_mask(tidy_mask(grid), box, size) for grid, box in each]


def _usable_device(device: str) -> str:
    try:
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ZsiError(f"the device {device!r} cannot be used ({reason}): try cpu") from error
    return device
