"""Deal the images of a run out to its processes, and bring together what they have done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from zsi_core.proposing.interruption import Interruption
from zsi_core.proposing.job import Finished
from zsi_core.proposing.journal import Journal
from zsi_core.proposing.processes import LostProcessError, Processes
from zsi_core.proposing.progress import RunProgress

T = TypeVar("T")


def deal_out(
    images: Sequence[T],
    work: Callable[[Iterable[T]], Iterator[Finished]],
    journal: Journal,
    processes: Processes,
    progress: RunProgress,
    interruption: Interruption,
) -> None:
    """Work on images until all are done or one of the processes is to stop.

    Afterwards the main process's journal holds what all have done, also those that were lost on the way; the
    journals of the others are closed.

    Args:
        images: what is left of the run, the same in all processes.
        work: deals with images, one after the other; an image is in the journal when it is yielded.
        journal: of this process.
        progress: started.

    Raises:
        AnnotationError: a journal cannot be read or written.
        LostProcessError: this is not the main process, and the main one is gone.
    """
    try:
        for finished in work(processes.share(images)):
            progress.advance(finished, processes.count_finished())
            if interruption.requested:
                processes.stop(images)
                break
        if not processes.is_main:
            journal.close()
        processes.wait()
    except LostProcessError as error:
        if not processes.is_main:
            raise
        progress.say(str(error))
    if processes.is_main:
        for file_name, reason in journal.take_over_parts().items():
            progress.skipped(file_name, reason)
