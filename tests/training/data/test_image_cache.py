"""What stays in memory, and that nothing but speed depends on it."""

from __future__ import annotations

import multiprocessing
from functools import partial
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
import pytest

from training.data.image_cache import ImageCache


def picture(size: tuple[int, int], value: int) -> np.ndarray:
    return np.full((*size, 3), value, dtype=np.uint8)


class Decoder:
    """Counts how often each image is decoded."""

    def __init__(self, sizes: list[tuple[int, int]]) -> None:
        self.sizes = sizes
        self.calls: list[int] = []

    def __call__(self, index: int) -> np.ndarray:
        self.calls.append(index)
        return picture(self.sizes[index], index + 1)


def test_images_are_decoded_once() -> None:
    sizes = [(4, 6), (5, 3), (2, 2)]
    cache, decode = ImageCache(sizes, sizes, 1), Decoder(sizes)
    for index in (0, 2, 1, 0, 0, 1, 2):
        image = cache.get(index, lambda index=index: decode(index))
        assert np.array_equal(image, picture(sizes[index], index + 1))
        image[:] = 99  # the caller's own copy
    assert decode.calls == [0, 2, 1]


def test_room_is_bounded_and_goes_to_what_costs_most_to_decode() -> None:
    kept = [(400, 500)] * 4  # 600,000 bytes each
    photographs = [(400, 500), (4000, 5000), (400, 500), (3000, 4000)]
    cache, decode = ImageCache(kept, photographs, 2), Decoder(kept)
    assert len(cache) == 3
    for _ in range(2):
        for index in range(4):
            assert cache.get(index, lambda index=index: decode(index))[0, 0, 0] == index + 1
    assert sorted(decode.calls) == [0, 1, 2, 2, 3], "the first of the small ones has the last place"


@pytest.mark.parametrize("megabytes", [0, 1])
def test_no_room(megabytes: int) -> None:
    sizes = [(700, 800)] * 2
    cache, decode = ImageCache(sizes, sizes, megabytes), Decoder(sizes)
    assert len(cache) == 0
    assert [cache.get(1, lambda: decode(1))[0, 0, 0] for _ in range(3)] == [2, 2, 2]
    assert decode.calls == [1, 1, 1]


def test_an_image_that_cannot_be_decoded_is_tried_again() -> None:
    cache = ImageCache([(2, 2)], [(2, 2)], 1)

    def fail() -> np.ndarray:
        raise OSError("the drive is gone")

    with pytest.raises(OSError, match="gone"):
        cache.get(0, fail)
    assert cache.get(0, lambda: picture((2, 2), 7))[0, 0, 0] == 7


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_processes_share_what_they_decode(method: Any) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("only on systems that can fork")
    cache = ImageCache([(4, 4)] * 2, [(4, 4)] * 2, 1)
    decode = partial(np.full, (4, 4, 3), 50, np.uint8)
    worker = multiprocessing.get_context(method).Process(target=cache.get, args=(1, decode))
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    found = cache.get(1, lambda: pytest.fail("decoded again"))
    assert np.array_equal(found, picture((4, 4), 50))


def test_memory_is_given_back() -> None:
    cache = ImageCache([(4, 4)], [(4, 4)], 1)
    cache.get(0, lambda: picture((4, 4), 1))
    assert cache._memory is not None
    name = cache._memory.name
    SharedMemory(name).close()
    del cache
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)
