"""An engine process whose model is replaced by a list of what there is to see; everything else is real.

Whatever the photograph, half of it at the left is a cat, and a fork and a spoon lie at the right. It knows a
few words, and takes no time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zsi_core.engine import requests, server
from zsi_core.engine.engine import Engine
from zsi_core.engine.replies import (
    Encoded,
    ModelInfo,
    NamePresence,
    NameReport,
    NamesReport,
    Presence,
)
from zsi_core.engine.scheduler import Lane, Steps
from zsi_core.errors import NameResolutionError
from zsi_core.images import image_size
from zsi_core.instances import Explanation, Instances, rle
from zsi_core.semantics.names import class_key, synonyms

THRESHOLD = 0.4
SEEN = ("dog", "couch", "spoon")
WORDS = ("cat", "fork", "spoon", "dog", "couch", "sofa", "zebra", "pet", "hair drier")

THINGS = (
    # name, score, x1, y1, x2, y2 in hundredths of the image
    ("cat", 0.9, 0, 10, 50, 90),
    ("pet", 0.8, 2, 10, 50, 90),
    ("fork", 0.6, 60, 10, 70, 90),
    ("spoon", 0.7, 80, 10, 90, 90),
    ("cat", 0.3, 60, 10, 90, 90),
    ("cat", 0.2, 5, 20, 20, 40),
    ("sofa", 0.5, 0, 60, 100, 100),
)


class Seeing(Engine):
    def _load(self, request: requests.LoadModel) -> Steps:
        yield from ()
        self._why_no_model = ""
        return ModelInfo(
            request.model, "", "cpu", "float32", "default", "ab" * 32, "cd" * 32, SEEN, THRESHOLD, 1.0
        )

    def _describe_names(self, request: requests.DescribeNames) -> Steps:
        yield from ()
        reports = tuple(_report(name) for name in request.names)
        both = {"cat", "pet"} <= set(request.names)
        return NamesReport(reports, (("cat", "pet", 0.85),) if both else ())

    def _encode(self, request: requests.Encode) -> Steps:
        yield Lane.ENCODE
        return Encoded(image_size(request.path)[::-1], len(THINGS), "network", True)

    def _query(self, request: requests.Query) -> Steps:
        yield Lane.ENCODE
        for name in request.names:
            if problem := _report(name).problem:
                raise NameResolutionError(problem)
        threshold = THRESHOLD * requests.SLIDER_ROOM if request.threshold is None else request.threshold
        penalty = 1.0 if request.seen_penalty is None else request.seen_penalty
        called = {part: name for name in request.names for part in map(class_key, synonyms(name))}
        if request.mode == "gzsi":
            called = {name: name for name in SEEN} | called
        found = [
            (called[name], score - 0.1 * (penalty - 1) * (name in SEEN), index)
            for index, (name, score, *_) in enumerate(THINGS)
            if name in called
        ]
        return _instances(request.path, sorted((f for f in found if f[1] >= threshold), key=lambda f: -f[1]))

    def _explain(self, request: requests.Explain) -> Steps:
        yield from ()
        name = THINGS[request.region][0] if request.region is not None else "cat"
        others = tuple(word for word in WORDS if word != name)[: request.top - 1]
        scores = (0.9, *(0.1 / (place + 1) for place in range(len(others))))
        return Explanation((name, *others), scores, 0.8, 0.05)

    def _check_presence(self, request: requests.CheckPresence) -> Steps:
        yield from ()
        best = {name: max((t[1] for t in THINGS if t[0] == name), default=0.01) for name in request.names}
        return Presence(tuple(NamePresence(name, score, score < THRESHOLD) for name, score in best.items()))


def _report(name: str) -> NameReport:
    parts = synonyms(name)
    unknown = [part for part in parts if class_key(part) not in WORDS]
    if unknown:
        near = tuple(word for word in WORDS if word[0] == unknown[0][0])
        problem = f"no word vector for {unknown[0]!r} in a list: did you mean {', '.join(near)}?"
        return NameReport(name, "none", "nothing found", (), (), near, problem)
    step, told = ("synonyms", "mean of synonyms") if len(parts) > 1 else ("exact", "exact entry")
    nearest = (("dog", 0.45), ("couch", 0.2))
    return NameReport(name, step, told, parts, (), (), "", None, nearest, "close", "close to dog: usable")


def _instances(path: str, found: Sequence[tuple[str, float, int]]) -> Instances:
    width, height = image_size(path)
    masks, boxes = [], []
    for _, _, index in found:
        share = np.array(THINGS[index][2:], dtype=np.float32) / 100
        x1, y1, x2, y2 = (share * [width, height, width, height]).round().astype(int).tolist()
        mask = np.zeros((height, width), dtype=bool)
        mask[y1:y2, x1:x2] = True
        masks.append(rle.encode(mask))
        boxes.append((x1, y1, x2, y2))
    return Instances(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in found], dtype=np.float32),
        names=tuple(name for name, _, _ in found),
        masks=tuple(masks),
        runner_up_names=("dog",) * len(found),
        runner_up_scores=np.full(len(found), 0.05, dtype=np.float32),
        region_indices=np.array([index for _, _, index in found], dtype=np.int64),
        image_size=(height, width),
    )


if __name__ == "__main__":
    server.Engine = Seeing  # type: ignore[misc]
    server.main()
