"""The engine process: `python -m zsi_core.engine`. It answers requests on its standard input.

Messages (frames of `zsi_core.engine.messages`), from the client:

    any request      {"kind": its class, "id": int, "priority": int, ...its fields}   see `requests`
    {"kind": "cancel", "id": int}        end it before its next step

to the client:

    {"kind": "hello", "process": int, "program": str}         once, before the model's libraries are loaded
    {"kind": "began", "id": int}         a step of it runs
    {"kind": "waits", "id": int}         it waits for its next step
    and as the last about a request one of
    {"kind": "result", "id": int, "reply": str, "value": {...}}, with a payload   see `replies`
    {"kind": "error", "id": int, "error": class of `zsi_core.errors`, "message": str}
    {"kind": "cancelled", "id": int}

The process ends when its standard input does: nothing survives the window. Whatever is printed goes to
standard error (pycocotools prints), so that it cannot get between messages.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO

from zsi_core import __version__, errors
from zsi_core.engine.disk_cache import DiskCache
from zsi_core.engine.engine import Engine
from zsi_core.engine.memory_cache import MemoryCache
from zsi_core.engine.messages import Message, ProtocolError, encode_message, read_message
from zsi_core.engine.replies import Dropped, encode_reply
from zsi_core.engine.requests import CheckHealth, Neighbours, Request, parse_request
from zsi_core.engine.scheduler import Listener, Scheduler
from zsi_core.errors import EXIT_DONE, EXIT_INTERNAL, EngineError, ZsiError
from zsi_core.files import user_cache_dir

MEMORY_MEGABYTES = 256
"""Encoded images in memory: some 2 MB each with the starter model, 20 MB with the masks of many queries."""

DISK_MEGABYTES = 1024
"""Encoded images on disk: some 500 of the starter model."""

_MEGA = 1 << 20


NICENESS = 10
"""Of the engine: a key or a click comes before what it computes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until standard input ends."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is the window's to handle
    if sys.platform != "win32":  # there whoever starts a process sees to its priority
        os.nice(NICENESS)
    requests, replies = _own_streams()
    server = Server(replies, options)
    code = EXIT_DONE
    try:
        server.serve(requests)
    except ProtocolError as error:
        print(f"error: {error}", file=sys.stderr)
        code = EXIT_INTERNAL
    sys.stderr.flush()
    # At once, whatever a lane computes: files are written atomically, and nobody waits for the rest.
    os._exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zsi_core.engine", description="Serve a model to a window.")
    parser.add_argument("--threads", type=int, default=1, help="of the arithmetic of each of its two lanes")
    parser.add_argument("--memory-megabytes", type=int, default=MEMORY_MEGABYTES, help="of encoded images")
    parser.add_argument(
        "--disk-megabytes", type=int, default=DISK_MEGABYTES, help="of encoded images; 0: keep none on disk"
    )
    return parser


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for messages alone; what else is printed goes to standard error."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


class Server:
    """Reads requests, hands them to the engine, and writes what becomes of them."""

    def __init__(self, replies: BinaryIO, options: argparse.Namespace) -> None:
        self._replies = replies
        self._writing = threading.Lock()
        self._scheduler = Scheduler(
            Listener(
                began=partial(self._tell, "began"),
                waits=partial(self._tell, "waits"),
                done=self._done,
                failed=self._failed,
                cancelled=partial(self._tell, "cancelled"),
            )
        )
        self._engine = Engine(
            self._scheduler,
            MemoryCache(options.memory_megabytes * _MEGA),
            DiskCache(user_cache_dir() / "encoded", options.disk_megabytes * _MEGA),
            options.threads,
        )

    def serve(self, requests: BinaryIO) -> None:
        """Until the stream ends.

        Raises:
            ProtocolError: the stream holds something else than messages.
        """
        self._send(Message({"kind": "hello", "process": os.getpid(), "program": __version__}))
        self._scheduler.start()
        while (message := read_message(requests)) is not None:
            self._receive(message)

    def _receive(self, message: Message) -> None:
        id, priority = message.header.get("id"), message.header.get("priority", 0)
        if type(id) is not int or type(priority) is not int:
            raise ProtocolError(f"a message needs an id and a priority, but got {message.header!r:.200}")
        if message.kind == "cancel":
            self._scheduler.cancel(id)
            return
        try:
            request = parse_request(message.header)
        except ProtocolError as error:
            self._failed(id, error)
            return
        self._submit(id, request, priority)

    def _submit(self, id: int, request: Request[Any], priority: int) -> None:
        if isinstance(request, CheckHealth):
            self._done(id, self._engine.health())
        elif isinstance(request, Neighbours):
            self._engine.memory.keep(request.paths)
            self._done(id, Dropped(0))
        else:
            self._engine.submit(id, request, priority)

    def _tell(self, kind: str, id: int) -> None:
        self._send(Message({"kind": kind, "id": id}))

    def _done(self, id: int, reply: Any) -> None:
        try:
            self._send(encode_reply(id, reply))
        except ProtocolError as error:
            self._failed(id, error)

    def _failed(self, id: int, error: Exception) -> None:
        told = self._told(error)
        self._send(Message({"kind": "error", "id": id, "error": type(told).__name__, "message": str(told)}))

    def _told(self, error: Exception) -> Exception:
        """The error as a person should see it; what nobody expects goes to standard error with its trace."""
        if isinstance(error, ZsiError) and hasattr(errors, type(error).__name__):
            return error
        if isinstance(error, ZsiError | ValueError | IndexError):
            return EngineError(str(error))
        traceback.print_exception(error)
        if _out_of_memory(error):
            self._engine.forget_images()
            return EngineError(
                f"memory ran out ({error}): close other programs, scale the image down, or choose the "
                "device cpu in the settings"
            )
        return EngineError(f"the engine failed ({type(error).__name__}: {error}): please report it")

    def _send(self, message: Message) -> None:
        frame = encode_message(message)
        with self._writing:
            try:
                self._replies.write(frame)
                self._replies.flush()
            except OSError:  # the window is gone
                os._exit(EXIT_INTERNAL)


def _out_of_memory(error: Exception) -> bool:
    # torch raises a plain RuntimeError where the main memory is short, and a class of its own for a GPU's.
    return (
        isinstance(error, MemoryError) or "out of memory" in str(error) or "DefaultCPUAllocator" in str(error)
    )
