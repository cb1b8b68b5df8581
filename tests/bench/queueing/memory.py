"""The server's memory over many cycles of claim and completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from queueing import bodies, servers
from queueing.generator import run_load, talk

_CONNECTIONS = 64
_MIB = 1024 * 1024


def measure(folder: Path, cycles: int, part_seconds: float) -> list[dict[str, Any]]:
    """One line: resident memory after a tenth of the cycles, the most after that, and at the end, in MiB."""
    seen: list[tuple[int, float]] = []
    with servers.product(folder / "memory") as server:
        for data in bodies.seed(2 * _CONNECTIONS + cycles // 10):
            assert talk(server.port, data)[0] == 201
        done, errors, fault = 0, 0, ""
        while done < cycles:
            load = run_load(server.port, bodies.cycles, _CONNECTIONS, part_seconds)
            done, errors = done + load.answered // 2, errors + load.errors
            fault = fault or load.fault
            seen.append((done, server.memory() / _MIB))
    later = [memory for count, memory in seen if count >= cycles // 10]
    return [
        {
            "cycles": done,
            "after a tenth MiB": round(later[0], 1),
            "most MiB": round(max(later), 1),
            "end MiB": round(later[-1], 1),
            "growth": round(max(later) / later[0] - 1, 3),
            "errors": errors,
            "fault": fault,
            "series": [(count, round(memory, 1)) for count, memory in seen],
        }
    ]
