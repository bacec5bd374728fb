"""The processes of one run, which deal its images out among themselves.

`torchrun` and `accelerate launch` start them, on one machine or on many, and tell each its number. Process 0,
the main process, speaks for the run: it prints, merges what all have done, and has the exit code of the run.

They talk through torch.distributed on CPU (gloo): a few numbers, never objects, which would be pickled. The
results themselves are in files, so the folder of the output must be shared by all machines. A process that
dies takes only the image with it that it was working on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from zsi_core.errors import EXIT_INTERRUPTED, ZsiError

if TYPE_CHECKING:
    from torch.distributed import Store

T = TypeVar("T")

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: they may load a model meanwhile, or finish an image."""

_LOST = (
    "another process of the run is gone: see its message, then start all of them again (zsi propose: with "
    "--resume) to go on"
)
_SOUND, _FAILED = 0, 1


class LostProcessError(ZsiError):
    """Another process of the run is gone."""

    exit_code = EXIT_INTERRUPTED


class Processes:
    """This process and the others of its run; by default there are no others.

    Attributes:
        number: of this process, from 0.
        count: of all processes.
    """

    def __init__(
        self, number: int = 0, count: int = 1, local_number: int = 0, store: Store | None = None
    ) -> None:
        """Use `launched`, or `Processes()` for one process.

        Args:
            local_number: of this process among those of its machine.
            store: what several processes count in; they are a process group of torch.distributed.
        """
        self.number = number
        self.count = count
        self._local_number = local_number
        self._store = store
        self._counters: Counter[str] = Counter()

    @property
    def is_main(self) -> bool:
        """Whether this process speaks for the run."""
        return self.number == 0

    def device(self, wanted: str | None) -> str | None:
        """The device of this process: of several, each takes the next GPU of its machine.

        Args:
            wanted: "cpu", "cuda:1" ... are left as they are; None for the best.
        """
        if self.count == 1 or wanted not in (None, "cuda"):
            return wanted
        import torch

        gpus = torch.cuda.device_count()
        return f"cuda:{self._local_number % gpus}" if gpus else wanted

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The body runs in the main process, then in the others; ends when it has in all.

        Raises:
            ZsiError: it failed in another process, which says why.
        """
        if not self.is_main and self._exchange(_SOUND)[0] != _SOUND:
            raise ZsiError(f"process {self.number} ends, because process 0 did: see its message")
        try:
            yield
        except BaseException:
            if self.is_main:
                with suppress(LostProcessError):  # whoever is gone need not be told
                    self._exchange(_FAILED)
            raise
        if self.is_main:
            self._exchange(_SOUND)
        self.wait()

    def wait(self) -> None:
        """Wait until all processes are here.

        Raises:
            LostProcessError: one of them will not come.
        """
        self._exchange(_SOUND)

    def require_same(self, value: Any, problem: str) -> None:
        """Check that all processes have the same value.

        Args:
            value: of plain types.
            problem: the message if they differ.

        Raises:
            ZsiError: they differ.
        """
        digest = hashlib.sha256(json.dumps(value).encode()).digest()
        if len(set(self._exchange(int.from_bytes(digest[:7])))) > 1:
            raise ZsiError(problem)

    def share(self, items: Sequence[T]) -> Iterator[T]:
        """The items that this process is to deal with: each of all goes to the process that is free first.

        Args:
            items: the same in all processes.
        """
        while (index := self._add("taken", 1) - 1) < len(items):
            yield items[index]

    def stop(self, items: Sequence[Any]) -> None:
        """No process is given any more of the items."""
        self._add("taken", len(items))

    def count_finished(self) -> int:
        """Count an item that this process has dealt with; returns how many all have."""
        return self._add("finished", 1)

    def _add(self, counter: str, more: int) -> int:
        """The new value of a counter that all processes share."""
        if self._store is None:
            self._counters[counter] += more
            return self._counters[counter]
        from torch.distributed import DistError

        try:
            return self._store.add(counter, more)
        except DistError as error:
            raise LostProcessError(_LOST) from error

    def _exchange(self, value: int) -> list[int]:
        """The values that all processes give, which wait for each other."""
        if self.count == 1:
            return [value]
        import torch
        from torch import distributed

        own = torch.tensor([value])
        values = [torch.empty_like(own) for _ in range(self.count)]
        try:
            distributed.all_gather(values, own)
        except RuntimeError as error:  # gloo has no class of its own
            raise LostProcessError(_LOST) from error
        return [int(value) for value in values]


@contextmanager
def launched(environment: Mapping[str, str] = os.environ) -> Iterator[Processes]:
    """The processes that a launcher started, as its environment variables tell; else this one alone.

    Raises:
        LostProcessError: they cannot find each other.
    """
    count = int(environment.get("WORLD_SIZE", 1))
    if count == 1:
        yield Processes()
        return
    from torch import distributed

    try:
        store, number, count = next(distributed.rendezvous("env://"))
        groups = distributed.PrefixStore("group", store)
        distributed.init_process_group("gloo", store=groups, rank=number, world_size=count, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise LostProcessError(
            f"the {count} processes cannot find each other ({_first_line(error)}): check the options of the "
            "launcher"
        ) from error
    try:
        local_number = int(environment.get("LOCAL_RANK", number))
        yield Processes(number, count, local_number, distributed.PrefixStore("zsi", store))
    finally:
        distributed.destroy_process_group()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
