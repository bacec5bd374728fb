"""An engine process whose model is replaced by what the name of an image says; everything else is real.

Images called `kill` end the process and `stop` freezes it; `hold` is encoded. All three wait in one step
until there is no file of that name. `sleep` takes its time in one step, `wait` does step after step until the
file is gone, `print` writes to standard output; all others are encoded.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from zsi_core.engine import requests, server
from zsi_core.engine.engine import Engine
from zsi_core.engine.replies import Encoded, ModelInfo
from zsi_core.engine.scheduler import Lane, Steps


class StandIn(Engine):
    def _load(self, request: requests.LoadModel) -> Steps:
        yield from ()
        if request.model == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(600)
        self._why_no_model = ""
        return ModelInfo(request.model, "", "cpu", "float32", "default", "", "", (), 0.1)

    def _encode(self, request: requests.Encode) -> Steps:
        yield Lane.ENCODE
        name = Path(request.path).name
        while name in ("kill", "stop", "hold") and Path(request.path).exists():
            time.sleep(0.01)
        if name in ("kill", "stop"):
            os.kill(os.getpid(), signal.SIGKILL if name == "kill" else signal.SIGSTOP)
        if name in ("kill", "stop", "sleep"):  # a signal to oneself may take a moment
            time.sleep(600)
        if name == "print":
            print("Loading and preparing results...")
            os.write(1, b"DONE (t=0.00s)\n")
        while name == "wait" and Path(request.path).exists():
            time.sleep(0.01)
            yield Lane.ENCODE
        return Encoded((1, 1), 0, "network", True)


if __name__ == "__main__":
    print("the stand-in is here", file=sys.stderr)
    server.Engine = StandIn  # type: ignore[misc]
    server.main()
