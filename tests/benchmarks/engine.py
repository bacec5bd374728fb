"""From a request to the decoded reply in the window's process, with the real engine process.

From a key stroke to painted proposals it may take 100 ms; the engine's share must stay well below 60.
"""

from __future__ import annotations

import argparse
import atexit
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

from harness import Case, run

from zsi_core.engine.client import EngineClient
from zsi_core.engine.replies import Encoded
from zsi_core.engine.requests import (
    CheckHealth,
    DescribeNames,
    Drop,
    Encode,
    LoadModel,
    Query,
    SegmentPoint,
)
from zsi_core.files import resources_dir
from zsi_core.instances import Instances

PICTURE = "cat_on_sofa.jpg"
NAMES = ("cat", "sofa", "pillow", "hair drier")
GOAL_MS = 60


def cases(options: argparse.Namespace) -> tuple[Sequence[Case], dict[str, Any]]:
    client = EngineClient(threads=options.threads)
    atexit.register(client.close)
    model = client.ask(LoadModel(options.model, "cpu")).result()
    path = str(resources_dir() / "demo" / PICTURE)
    other = str(resources_dir() / "demo" / "desk.jpg")
    client.ask(Encode(path)).result()

    def query(*names: str) -> Instances:
        return client.ask(Query(path, names), topic="canvas").result()

    def encode_anew(path: str) -> Future[Encoded]:
        client.ask(Drop((path,))).result()
        return client.ask(Encode(path))

    ours = [
        Case("a sign of life", lambda: client.ask(CheckHealth()).result()),
        Case("how four names resolve", lambda: client.ask(DescribeNames(NAMES)).result(), goal_ms=GOAL_MS),
        Case("one name, masks known", lambda: query(NAMES[0]), goal_ms=GOAL_MS),
        Case("four names, masks known", lambda: query(*NAMES), goal_ms=GOAL_MS),
        Case(
            "four names while another image is encoded",
            lambda: query(*NAMES),
            prepare=lambda: encode_anew(other),
            goal_ms=GOAL_MS,
        ),
        Case(
            "four names, masks of new regions",
            lambda: query(*NAMES),
            prepare=lambda: encode_anew(path).result(),
            goal_ms=GOAL_MS,
        ),
        Case("click to mask", lambda: client.ask(SegmentPoint(path, 320.0, 200.0)).result(), goal_ms=GOAL_MS),
    ]
    return ours, {"model": asdict(model), "instances": len(query(*NAMES))}


if __name__ == "__main__":
    run("The engine, from request to reply", cases)
