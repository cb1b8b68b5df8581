"""Work that runs ahead of whoever uses it: one step of a pipeline in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_END: Any = object()
_CHECK = 0.1  # seconds between two questions whether anyone still waits


def ahead(items: Iterator[T], depth: int, name: str) -> Generator[T, None, None]:
    """The same items in the same order, made in a thread at most `depth` items ahead of their use.

    What making one raises is raised where the item would have come. Closing the generator ends the thread
    once the item in hand is made, and closes `items`. Steps are chained by giving one to the next:
    `depth` and the item in hand of each are all that is ever held.
    """
    waiting: queue.Queue[T] = queue.Queue(maxsize=depth)
    stop = threading.Event()
    with ThreadPoolExecutor(1, name) as pool:
        filling = pool.submit(_fill, items, waiting, stop.is_set)
        try:
            while (item := waiting.get()) is not _END:
                yield item
                del item  # or it would be held while the next one is waited for
            filling.result()
        finally:
            stop.set()


def _fill(items: Iterator[T], waiting: queue.Queue[T], stopped: Callable[[], bool]) -> None:
    try:
        for item in items:
            if not _put(waiting, item, stopped):
                return
            del item
    finally:
        try:
            if isinstance(items, Generator):
                items.close()
        finally:
            _put(waiting, _END, stopped)


def _put(waiting: queue.Queue[T], item: T, stopped: Callable[[], bool]) -> bool:
    """Hand an item on as soon as there is room; False when nobody wants it any more."""
    while not stopped():
        try:
            waiting.put(item, timeout=_CHECK)
        except queue.Full:
            continue
        return True
    return False
