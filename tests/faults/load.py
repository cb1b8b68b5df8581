"""Many clients at once over real HTTP, which note what the server promised them."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Needs no file to be claimable; what follows from it is of the same type.
TYPE = "INGEST_VIDEO"


@dataclass
class Promises:
    """What was answered with 2xx, and what was asked without an answer (it may have happened or not)."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    #: Mark -> numbers of the tasks that were made for it, in order.
    made: dict[str, list[int]] = field(default_factory=dict)
    #: Mark -> how many tasks such a request makes, if it came through.
    asked: dict[str, int] = field(default_factory=dict)
    #: Task -> mark and number of the children that its completion was to make.
    completing: dict[int, tuple[str, int]] = field(default_factory=dict)
    completed: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    #: Device -> the largest capability that it was answered for.
    devices: dict[str, int] = field(default_factory=dict)

    def answers(self) -> int:
        """How many 2xx there were that must stay true."""
        return sum(map(len, (self.made, self.completed, self.failed, self.devices)))


class Client(threading.Thread):
    """One connection that creates, claims, completes, fails and beats until the server is gone."""

    def __init__(self, address: str, name: str, promises: Promises, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self._promises = promises
        self._random = random.Random(seed)
        self._connection = http.client.HTTPConnection(address, timeout=20)
        self._beats = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Go on until the connection breaks."""
        steps: list[Callable[[], None]] = [self._create, self._batch, self._work, self._work, self._beat]
        with contextlib.closing(self._connection), contextlib.suppress(OSError, http.client.HTTPException):
            while not self.wrong:
                self._random.choice(steps)()

    def _post(self, path: str, body: Any, key: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        self._connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            self.wrong.append(f"{path}: {answer.status} {text[:200]!r}")
            raise http.client.HTTPException(path)
        return json.loads(text)

    def _task(self, mark: str) -> dict[str, Any]:
        return {"task_type": TYPE, "metadata": {"mark": mark}}

    def _make(self, count: int, send: Callable[[str], list[dict[str, Any]]]) -> None:
        mark = uuid.uuid4().hex
        with self._promises.lock:
            self._promises.asked[mark] = count
        made = [each["task_id"] for each in send(mark)]
        with self._promises.lock:
            self._promises.made[mark] = made

    def _create(self) -> None:
        self._make(1, lambda mark: [self._post("/tasks", self._task(mark))])

    def _batch(self) -> None:
        size = self._random.randint(2, 6)

        def body(mark: str) -> dict[str, Any]:
            return {"tasks": [self._task(mark)] * size}

        self._make(size, lambda mark: self._post("/tasks/batch", body(mark), key=mark))

    def _work(self) -> None:
        """Claim one task and end it in one way or the other."""
        found = self._post(
            f"/tasks/pending?worker={self.name}&session={self.name}", {"device_capabilities": {}}
        )
        for task in found:
            number, lease = task["task_id"], task["lease"]
            way = self._random.random()
            if way < 0.7:
                self._complete(number, lease)
            elif way < 0.85:
                self._post(f"/tasks/{number}/fail", {"lease": lease, "error": "on purpose", "retry": True})
                with self._promises.lock:
                    self._promises.failed.add(number)
            else:
                self._post(f"/tasks/{number}/release", {"lease": lease})

    def _complete(self, number: int, lease: int) -> None:
        mark, count = uuid.uuid4().hex, self._random.randint(0, 2)
        with self._promises.lock:
            self._promises.completing[number] = (mark, count)
        body = {"lease": lease, "new_tasks": [self._task(mark) | {"video_id": f"v{number}"}] * count}
        for _ in range(self._random.choice((1, 1, 2))):  # an answer that was lost is asked for again
            self._post(f"/tasks/{number}/complete", body)
        with self._promises.lock:
            self._promises.completed.add(number)

    def _beat(self) -> None:
        self._beats += 1
        body = {
            "hostname": self.name, "device_type": "test", "status": "online",
            "capabilities": {"beats": self._beats},
        }  # fmt: skip
        self._post("/devices/heartbeat", body)
        with self._promises.lock:
            self._promises.devices[self.name] = self._beats


def broken(
    promises: Promises, tasks: dict[int, dict[str, Any]], devices: dict[str, dict[str, Any]]
) -> list[str]:
    """Every promise that does not hold, given all tasks and devices as the server has them now."""
    marked: dict[str, list[int]] = {}
    for number, task in tasks.items():
        marked.setdefault(task["metadata"].get("mark", ""), []).append(number)
    out = []
    for mark, count in promises.asked.items():
        there = marked.get(mark, [])
        if mark in promises.made and there != promises.made[mark]:
            out.append(f"tasks {promises.made[mark]} were answered, {there} are there")
        if len(there) not in (0, count):
            out.append(f"{len(there)} of {count} tasks of one request are there")
    for number, (mark, count) in promises.completing.items():
        done, children = tasks[number]["state"] == "complete", len(marked.get(mark, []))
        if number in promises.completed and not done:
            out.append(f"task {number} was answered complete and is {tasks[number]['phase']}")
        if children != (count if done else 0) and number in promises.completed:
            out.append(f"task {number} published {children} of {count} tasks")
        if children not in (0, count):
            out.append(f"task {number} published {children} of {count} tasks")
    out += [
        f"the failure of task {number} was answered and is not counted"
        for number in promises.failed
        if tasks[number]["failures"] < 1
    ]
    out += [
        f"device {name} was answered for {beats} and is known with {devices.get(name)}"
        for name, beats in promises.devices.items()
        if devices.get(name, {}).get("capabilities", {}).get("beats", 0) < beats
    ]
    return out
