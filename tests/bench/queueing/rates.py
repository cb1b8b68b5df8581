"""(a) creations, (b) claim and completion with one new task: beside the no-op handler, turn about."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from queueing import bodies, servers
from queueing.generator import Load, Scripts, quantile, run_load, talk

KINDS: dict[str, Scripts] = {"create": bodies.creates, "claim and complete": bodies.cycles}


def measure(
    folder: Path, kinds: list[str], connections: list[int], seconds: float, rounds: int
) -> list[dict[str, Any]]:
    """A line for each kind and number of connections; figures are medians of the rounds."""
    lines = []
    with servers.noop(folder) as idle, servers.product(folder / "rates") as ours:
        # Each run leaves a task leased on each connection.
        for data in bodies.seed(2 * sum(connections) * rounds):
            assert talk(ours.port, data)[0] == 201
        for kind in kinds:
            for number in connections:
                pairs = [
                    tuple(_run(server, KINDS[kind], number, seconds) for server in (idle, ours))
                    for _ in range(rounds)
                ]
                lines.append({"what": kind, "connections": number} | _line(pairs))
    return lines


def _run(server: servers.Server, scripts: Scripts, connections: int, seconds: float) -> tuple[Load, float]:
    """What came of it, and the milliseconds of processor time for each request."""
    before = server.cpu()
    load = run_load(server.port, scripts, connections, seconds)
    return load, 1000 * (server.cpu() - before) / load.answered


def _line(pairs: list[Any]) -> dict[str, Any]:
    latencies = [each for _, (load, _) in pairs for each in load.latencies]

    def median(of: Any) -> float:
        return statistics.median(of(idle, ours) for idle, ours in pairs)

    return {
        "requests/s": round(median(lambda _, ours: ours[0].rate)),
        "no-op requests/s": round(median(lambda idle, _: idle[0].rate)),
        "ratio": round(median(lambda idle, ours: ours[0].rate / idle[0].rate), 3),
        "ratios": [round(ours[0].rate / idle[0].rate, 3) for idle, ours in pairs],
        "CPU ms/request": round(median(lambda _, ours: ours[1]), 3),
        "no-op CPU ms/request": round(median(lambda idle, _: idle[1]), 3),
        "p50 ms": round(1000 * quantile(latencies, 0.5), 2),
        "p95 ms": round(1000 * quantile(latencies, 0.95), 2),
        "errors": sum(ours[0].errors for _, ours in pairs),
        "generator cores": round(max(load.cpu for pair in pairs for load, _ in pair), 2),
    }
