"""One engine process, seen from the client: started, written to, listened to, and ended."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any

from zsi_core.engine.messages import Message, ProtocolError, encode_message, read_message
from zsi_core.program import module_command

STDERR_LINES = 50
_GRACE_SECONDS = 2.0


class EngineProcess:
    """A child process and the three threads at its pipes; none of its methods but `stop` waits."""

    def __init__(
        self,
        command: Sequence[str],
        threads: int,
        received: Callable[[EngineProcess, Message], None],
        ended: Callable[[EngineProcess], None],
    ) -> None:
        """Start it.

        Args:
            command: program and arguments.
            threads: of numerical libraries.
            received: called with every message, in a thread of this process.
            ended: called once after the last message, in the same thread.

        Raises:
            OSError: it cannot be started.
        """
        self._received, self._ended = received, ended
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._last_lines: deque[str] = deque(maxlen=STDERR_LINES)
        self._foreign = ""
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(threads),
            creationflags=(
                getattr(subprocess, "CREATE_NO_WINDOW", 0)
                | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
            ),
        )
        self._threads = [
            threading.Thread(target=function, name=f"engine {name}", daemon=True)
            for name, function in (
                ("errors", self._keep_errors),
                ("replies", self._read),
                ("requests", self._write),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def number(self) -> int:
        """Of the process."""
        return self._child.pid

    def send(self, message: Message) -> None:
        """Send a message, after those before; one to a process that has ended is lost."""
        self._outgoing.put(encode_message(message))

    def kill(self) -> None:
        """End it at once; `ended` is called soon after."""
        self._child.kill()

    def stop(self) -> None:
        """End it, and wait until nothing of it is left. Not to be called from its own threads."""
        self._outgoing.put(None)
        try:
            self._child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._child.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self._child.stdout, self._child.stderr):
            _pipe(pipe).close()

    def epitaph(self) -> str:
        """How it ended, for a person; ends it if it has not."""
        self.stop()
        if self._foreign:
            return self._foreign
        code = self._child.returncode
        if code >= 0:
            return f"it ended with exit code {code}"
        if -code == getattr(signal, "SIGKILL", None):
            return "it was killed, perhaps because memory ran out"
        return f"it was ended by the signal {_signal_name(-code)}"

    def last_lines(self) -> str:
        """What it wrote last to standard error."""
        return "\n".join(self._last_lines)

    # ----------------------------------------------------------------- threads

    def _keep_errors(self) -> None:
        for line in _pipe(self._child.stderr):
            self._last_lines.append(line.decode("utf-8", errors="replace").rstrip())

    def _read(self) -> None:
        stream: Any = _pipe(self._child.stdout)
        try:
            while (message := read_message(stream)) is not None:
                self._received(self, message)
        except ProtocolError as error:
            if self._child.poll() is None:  # else its last message was cut off, which is no news
                self._foreign = str(error)
        finally:
            self._child.kill()
            self._outgoing.put(None)
            self._ended(self)

    def _write(self) -> None:
        stream = _pipe(self._child.stdin)
        with suppress(OSError):  # it has ended; `_read` sees that, too
            while (frame := self._outgoing.get()) is not None:
                stream.write(frame)
                stream.flush()
        with suppress(OSError):  # what was left in the buffer has no reader any more
            stream.close()


def engine_command(arguments: Sequence[str] = ()) -> list[str]:
    """The command of the engine."""
    return module_command("zsi_core.engine", arguments)


def _environment(threads: int) -> dict[str, str]:
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return {**os.environ, **limits, "PYTHONUNBUFFERED": "1"}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
