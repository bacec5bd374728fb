"""`Engine`: what is done for each request, as steps between which a job can be cancelled.

Imports torch only when a model is loaded, so that the process says at once that it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from zsi_core.engine import requests
from zsi_core.engine.disk_cache import DiskCache
from zsi_core.engine.library import EncodedImages
from zsi_core.engine.memory_cache import MemoryCache
from zsi_core.engine.names import describe_names
from zsi_core.engine.replies import (
    Dropped,
    Encoded,
    Health,
    ModelInfo,
    NamePresence,
    Presence,
)
from zsi_core.engine.scheduler import Lane, Scheduler, Steps
from zsi_core.errors import EngineError
from zsi_core.semantics import class_key
from zsi_core.semantics.plurals import prepare as prepare_plurals

if TYPE_CHECKING:
    from zsi_core.inference import Segmenter


class Engine:
    """A model and the images that it has encoded."""

    def __init__(self, scheduler: Scheduler, memory: MemoryCache, disk: DiskCache, threads: int) -> None:
        """
        Args:
            scheduler: runs the steps.
            memory, disk: where encoded images are kept.
            threads: of each lane's arithmetic.
        """
        self.memory = memory
        self._scheduler = scheduler
        self._disk = disk
        self._threads = threads
        self._model: tuple[Segmenter, EncodedImages] | None = None
        self._why_no_model = "none was asked for"
        self._handlers: dict[type[Any], Callable[[Any], Steps]] = {
            requests.LoadModel: self._load,
            requests.ListModels: self._list_models,
            requests.CheckModel: self._check_model,
            requests.DescribeNames: self._describe_names,
            requests.Encode: self._encode,
            requests.Query: self._query,
            requests.SegmentPoint: self._segment_point,
            requests.SegmentBox: self._segment_box,
            requests.Explain: self._explain,
            requests.CheckPresence: self._check_presence,
            requests.Drop: self._drop,
        }

    def submit(self, id: int, request: requests.Request[Any], priority: int) -> None:
        """Do a request, in its turn."""
        steps = self._handlers[type(request)](request)
        self._scheduler.submit(id, steps, priority, alone=isinstance(request, requests.LoadModel))

    def health(self) -> Health:
        """What goes on."""
        running, waiting = self._scheduler.counts()
        return Health(
            process=os.getpid(),
            model=self._model[0].checkpoint.path.name if self._model else None,
            running=running,
            waiting=waiting,
            images_in_memory=len(self.memory),
            bytes_in_memory=self.memory.nbytes,
        )

    def forget_images(self) -> None:
        """Give memory back."""
        self.memory.clear()

    # ------------------------------------------------------------------- steps

    def _load(self, request: requests.LoadModel) -> Steps:
        yield from ()
        self._why_no_model = f"{request.model} could not be loaded"
        import cv2
        import torch

        from zsi_core.inference import Segmenter

        torch.set_num_threads(self._threads)
        cv2.setNumThreads(self._threads)
        segmenter = Segmenter.load(request.model, device=request.device)
        self.memory.clear()
        images = EncodedImages(segmenter, self.memory, self._disk, self._scheduler.submit_quietly)
        self._model = segmenter, images
        Thread(target=prepare_plurals, name="plurals", daemon=True).start()
        info = segmenter.checkpoint.info
        return ModelInfo(
            name=segmenter.checkpoint.path.name,
            folder=str(segmenter.checkpoint.path),
            device=segmenter.device,
            precision=str(segmenter.dtype).removeprefix("torch."),
            profile=info.profile,
            checkpoint_sha256=segmenter.checkpoint.sha256,
            words_sha256=info.words_sha256,
            seen=info.seen,
            threshold=segmenter.calibration.threshold,
            seen_penalty=segmenter.calibration.seen_penalty,
        )

    def _list_models(self, request: requests.ListModels) -> Steps:
        yield Lane.ENCODE
        from zsi_core.engine.models import list_models

        return list_models()

    def _check_model(self, request: requests.CheckModel) -> Steps:
        yield Lane.ENCODE
        from zsi_core.engine.models import check_model

        return check_model(Path(request.folder))

    def _describe_names(self, request: requests.DescribeNames) -> Steps:
        yield from ()
        vocabularies = self._loaded()[0].vocabularies
        return describe_names(vocabularies.table, request.names, vocabularies.seen, vocabularies.seen_vectors)

    def _encode(self, request: requests.Encode) -> Steps:
        _, images = self._loaded()
        held = yield from images.get(request.path, ahead=request.ahead)
        return Encoded(held.encoded.image_size, len(held.encoded), held.source, held.in_memory)

    def _query(self, request: requests.Query) -> Steps:
        segmenter, images = self._loaded()
        threshold = request.threshold
        if threshold is None:
            threshold = requests.SLIDER_ROOM * segmenter.calibration.threshold
        # What is wrong with a name is told before an image is encoded for it.
        vocabulary = segmenter.vocabularies.build(request.names, request.mode)
        held = yield from images.get(request.path)
        found = segmenter.find(
            held.encoded,
            vocabulary,
            threshold=threshold,
            max_instances=request.max_instances,
            seen_penalty=request.seen_penalty,
        )
        self.memory.shrink()
        return found

    def _segment_point(self, request: requests.SegmentPoint) -> Steps:
        segmenter, images = self._loaded()
        held = yield from images.get(request.path)
        return segmenter.segment_point(held.encoded, (request.x, request.y), request.name)

    def _segment_box(self, request: requests.SegmentBox) -> Steps:
        segmenter, images = self._loaded()
        held = yield from images.get(request.path)
        return segmenter.segment_box(held.encoded, request.box, request.name)

    def _explain(self, request: requests.Explain) -> Steps:
        segmenter, images = self._loaded()
        region = request.region if request.region is not None else request.box
        if region is None:
            raise ValueError("Explain needs a region or a box")
        held = yield from images.get(request.path)
        return segmenter.explain(held.encoded, region, request.names, top=request.top)

    def _check_presence(self, request: requests.CheckPresence) -> Steps:
        segmenter, images = self._loaded()
        held = yield from images.get(request.path)
        regions = held.encoded.regions
        vocabulary = segmenter.vocabularies.build(request.names)
        scores = segmenter.scorer.names(
            regions.features, regions.objectness, regions.background[0], vocabulary
        )
        of_names = scores.amax(dim=0).tolist() if len(scores) else [0.0] * len(vocabulary.names)
        best = {class_key(name): score for name, score in zip(vocabulary.names, of_names, strict=True)}
        threshold = segmenter.calibration.threshold
        return Presence(
            tuple(
                NamePresence(name, best[class_key(name)], best[class_key(name)] < threshold)
                for name in request.names
            )
        )

    def _drop(self, request: requests.Drop) -> Steps:
        yield Lane.ENCODE
        if request.paths is None:
            return Dropped(self.memory.clear() + self._disk.clear())
        _, images = self._loaded()
        return Dropped(sum([images.drop(path) for path in request.paths]))

    def _loaded(self) -> tuple[Segmenter, EncodedImages]:
        if self._model is None:
            raise EngineError(f"no model is loaded ({self._why_no_model}): choose one in the menu Model")
        return self._model
