"""(c) How long a claim takes while many tasks wait and the device can run the last one only."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from queueing import servers
from queueing.bodies import post
from queueing.filling import fill_tasks
from queueing.generator import connect, quantile, talk
from server.services import DATABASE

_CAPABILITIES = {"opencv": True, "cpu_cores": 4, "ram_gb": 8}


def measure(folder: Path, sizes: list[int], claims: int) -> list[dict[str, Any]]:
    """A line for each number of waiting tasks; between the claims the task is given back."""
    return [{"pending": size} | _of(folder / f"pending-{size}", size, claims) for size in sizes]


def _of(home: Path, size: int, claims: int) -> dict[str, Any]:
    if not (home / DATABASE).exists():
        fill_tasks(home, size)
    asking = post(
        "/tasks/pending?worker=bench&session=s&wait=0", {"device_capabilities": _CAPABILITIES, "held": []}
    )
    latencies = []
    with servers.product(home) as server:
        connection = connect(server.port)
        before = server.cpu()
        for _ in range(claims):
            began = time.perf_counter()
            status, body = talk(server.port, asking, connection)
            latencies.append(time.perf_counter() - began)
            (task,) = json.loads(body)
            assert status == 200
            assert task["task_id"] == size
            status, _ = talk(
                server.port, post(f"/tasks/{size}/release", {"lease": task["lease"]}), connection
            )
            assert status == 200
        spent = (server.cpu() - before) / claims
        connection.close()
    return {
        "claims": claims,
        "p50 ms": round(1000 * quantile(latencies, 0.5), 2),
        "p95 ms": round(1000 * quantile(latencies, 0.95), 2),
        "CPU ms/claim and release": round(1000 * spent, 2),
    }
