"""(f) For scale: the same cycle through huey on SQLite, in its own process, without HTTP and without leases."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

from queueing.bodies import new_task


def measure(folder: Path, processes: list[int], seconds: float) -> list[dict[str, Any]]:
    """A line for each number of processes: take a task, do nothing, store its result, put the next one in."""
    if importlib.util.find_spec("huey") is None:
        print("huey is not installed: (f) is left out (pip install huey, into an environment of its own)")
        return []
    return [_of(folder / f"huey-{number}.sqlite", number, seconds) for number in processes]


def _of(path: Path, processes: int, seconds: float) -> dict[str, Any]:
    context = multiprocessing.get_context("fork")
    counts = context.Queue()
    children = [context.Process(target=_cycle, args=(path, seconds, counts)) for _ in range(processes)]
    for child in children:
        child.start()
    cycles, errors = (sum(column) for column in zip(*[counts.get() for _ in children], strict=True))
    for child in children:
        child.join()
    return {"processes": processes, "cycles/s": round(cycles / seconds), "errors": errors}


def _cycle(path: Path, seconds: float, counts: Any) -> None:
    from huey import SqliteHuey

    queue = SqliteHuey(filename=str(path), fsync=True)  # as our own: an answer means that it is on the disk

    @queue.task()
    def work(body: str) -> str:
        return json.loads(body)["video_id"]

    body = json.dumps(new_task("20240115_080000_front_0123456789"))
    work(body)
    ends, cycles, errors = time.perf_counter() + seconds, 0, 0
    while time.perf_counter() < ends:
        try:
            task = queue.dequeue()
            if task is not None:
                queue.execute(task)
                work(body)
                cycles += 1
        except Exception as error:  # noqa: BLE001  # whatever another library does under contention is counted
            errors += 1
            del error
    counts.put((cycles, errors))
