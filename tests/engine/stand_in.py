"""An engine process whose model is replaced by what the name of an image says; everything else is real.

Images called `kill` end the process and `stop` freezes it; `hold` is encoded. All three wait in one step
until there is no file of that name. `sleep` takes its time in one step, `wait` does step after step until the
file is gone, `print` writes to standard output; all others are encoded. `crash` ends the process at once.

A query of a file that is an image finds one square for each name, side by side, the first one most likely.
A model called `other` finds them lower in the image.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from zsi_core.engine import requests, server
from zsi_core.engine.engine import Engine
from zsi_core.engine.replies import (
    Encoded,
    InstalledModels,
    ModelCard,
    ModelInfo,
    NamePresence,
    NameReport,
    NamesReport,
    Origin,
    Presence,
)
from zsi_core.engine.scheduler import Lane, Steps
from zsi_core.errors import CheckpointError
from zsi_core.files import user_models_dir
from zsi_core.images import image_size
from zsi_core.instances import Explanation, Instances
from zsi_core.instances.rle import boxes, encode


class StandIn(Engine):
    def _load(self, request: requests.LoadModel) -> Steps:
        yield from ()
        if request.model == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(600)
        self._why_no_model = ""
        self._offset = 60 if request.model == "other" else 10
        sha256 = request.model.encode().hex()
        folder = str(user_models_dir() / request.model)
        return ModelInfo(request.model, folder, "cpu", "float32", "default", sha256, "", (), 0.1)

    def _encode(self, request: requests.Encode) -> Steps:
        yield Lane.ENCODE
        name = Path(request.path).stem
        if name == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        while name in ("kill", "stop", "hold") and Path(request.path).exists():
            time.sleep(0.01)
        if name in ("kill", "stop"):
            os.kill(os.getpid(), signal.SIGKILL if name == "kill" else signal.SIGSTOP)
        if name in ("kill", "stop", "sleep", "crash"):  # a signal to oneself may take a moment
            time.sleep(600)
        if name == "print":
            print("Loading and preparing results...")
            os.write(1, b"DONE (t=0.00s)\n")
        while name == "wait" and Path(request.path).exists():
            time.sleep(0.01)
            yield Lane.ENCODE
        return Encoded((1, 1), 0, "network", True)

    def _query(self, request: requests.Query) -> Steps:
        yield from self._encode(requests.Encode(request.path))
        width, height = image_size(request.path)
        masks = [np.zeros((height, width), dtype=np.uint8) for _ in request.names]
        for number, mask in enumerate(masks):
            mask[self._offset : self._offset + 30, 10 + 40 * number : 40 + 40 * number] = 1
        rles = [encode(mask) for mask in masks]
        return Instances(
            boxes=boxes(rles),
            scores=np.array([0.9 - 0.1 * number for number in range(len(masks))], dtype=np.float32),
            names=request.names,
            masks=tuple(rles),
            runner_up_names=tuple("dog" for _ in masks),
            runner_up_scores=np.full(len(masks), 0.05, dtype=np.float32),
            region_indices=np.arange(len(masks)),
            image_size=(height, width),
        )

    def _explain(self, request: requests.Explain) -> Steps:
        yield from ()
        return Explanation(("cat",), (0.5,), 0.5, 0.1)

    def _check_presence(self, request: requests.CheckPresence) -> Steps:
        yield from ()
        return Presence(tuple(NamePresence(name, 0.5, False) for name in request.names))

    def _describe_names(self, request: requests.DescribeNames) -> Steps:
        yield from ()
        return NamesReport(tuple(_report(name) for name in request.names), ())

    def _list_models(self, request: requests.ListModels) -> Steps:
        yield Lane.ENCODE
        folders = sorted(user_models_dir().glob("[!.]*"))
        cards = [
            _card(user_models_dir() / "starter", "packaged"),
            *(_card(folder, "own") for folder in folders),
        ]
        return InstalledModels(tuple(cards), (("cpu", "Processor"),))

    def _check_model(self, request: requests.CheckModel) -> Steps:
        yield Lane.ENCODE
        if b"damaged" in (Path(request.folder) / "config.json").read_bytes():
            raise CheckpointError(f"{request.folder}/config.json is damaged: copy the checkpoint again")
        return _card(Path(request.folder), "own")


def _report(name: str) -> NameReport:
    """Of a name that is in the word table as it is; "xyzzy" is not."""
    if name == "xyzzy":
        return NameReport(name, "none", "", (), (name,), (), f"nothing is known of {name!r}")
    return NameReport(name, "exact", f"{name} is in the table", (name,), (), (), "")


def _card(folder: Path, origin: Origin) -> ModelCard:
    seen, figures = ("dog", "car"), (("mAP at IoU 0.5, unseen classes", 0.25),)
    text = f"# {folder.name}\n\nA stand-in."
    return ModelCard(folder.name, str(folder), origin, "default", seen, figures, "2026-01-01", 20.0, text)


if __name__ == "__main__":
    print("the stand-in is here", file=sys.stderr)
    server.Engine = StandIn  # type: ignore[misc]
    server.main()
