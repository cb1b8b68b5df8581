"""The queue and plate search under load, over HTTP on the loopback, each figure beside its limit.

Run: `python tests/bench/queue_load.py [--only create,cycle,claim,wake,search,huey,memory] [--short] [--json FILE]`.

`dashcam server` runs as a process of its own with its limits off; every answered change is on the disk
(`synchronous=FULL`). Creations, and claims followed by a completion with one new task, are compared with a
Litestar handler that only decodes and encodes the same bodies, run by the same server program with the same
options; both are measured turn about, and ratios are medians of the rounds. Large databases are filled by SQL
and kept in `--folder`, where it is given. `--short` takes about a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from queueing import claims, huey_queue, memory, rates, searches, wakes

PARTS = ("create", "cycle", "claim", "wake", "search", "huey", "memory")
_UNSHOWN = ("ratios", "series")
Lines = list[dict[str, Any]]


def main() -> None:
    """Measure what was asked for, print it and write it down."""
    asked = _arguments()
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="queue-load-") as made:
        folder = Path(asked.folder or made)
        for part in asked.only:
            print(f"\n{part}:", flush=True)
            lines = measure(part, folder, Path(made), asked)
            found[part] = {"lines": lines, "limits": limits(part, lines)}
            show(lines)
            for limit, kept in found[part]["limits"].items():
                print(f"  {'ok    ' if kept else 'MISSED'} {limit}", flush=True)
    found["machine"]["load at the end"] = os.getloadavg()[0]
    path = Path(asked.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nwritten to {path}")


def measure(part: str, kept: Path, folder: Path, asked: argparse.Namespace) -> Lines:
    """One part's lines."""
    short = asked.short
    match part:
        case "create" | "cycle":
            kind = "create" if part == "create" else "claim and complete"
            return rates.measure(
                folder / part, [kind], [8, 64] if short else [1, 8, 64], 1.5 if short else asked.seconds,
                1 if short else asked.rounds,
            )  # fmt: skip
        case "claim":
            return claims.measure(kept, asked.pending, 100 if short else 1000)
        case "wake":
            return wakes.measure(folder, 20 if short else 200)
        case "search":
            return searches.measure(kept, asked.sightings, 10 if short else 100)
        case "huey":
            return huey_queue.measure(folder, [1, 8], 1.5 if short else 10)
        case _:
            return memory.measure(folder, asked.cycles, 2 if short else 10)


def limits(part: str, lines: Lines) -> dict[str, bool]:
    """What is wanted, and whether it was so."""
    if not lines:
        return {}
    match part:
        case "create" | "cycle":
            last = lines[-1]
            return {
                f"at least 0.65 of the no-op at {last['connections']} connections": last["ratio"] >= 0.65,
                "no error": not any(line["errors"] for line in lines),
            }
        case "claim":
            few, many = lines[0]["p95 ms"], lines[-1]["p95 ms"]
            return {"p95 with the most pending within twice that with the fewest": many <= 2 * few,
                    "p95 under 5 ms": many < 5}  # fmt: skip
        case "wake":
            return {"median under 10 ms": all(line["from sending p50 ms"] < 10 for line in lines)}
        case "search":
            timed = [line for line in lines if "p95 ms" in line]
            return {
                "p95 under 20 ms for three and more characters": all(
                    line["p95 ms"] < 20 for line in timed if line["3+ characters"]
                ),
                "p95 under 100 ms for any pattern": all(line["p95 ms"] < 100 for line in timed),
            }
        case "memory":
            return {"flat within 20 %": lines[0]["growth"] <= 0.2, "no error": not lines[0]["errors"]}
        case _:
            return {}


def machine() -> dict[str, Any]:
    """What it was measured on."""
    model = ""
    with open("/proc/cpuinfo") as lines:  # noqa: PTH123
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cores": os.cpu_count(), "processor": model, "system": platform.platform(),
        "python": platform.python_version(), "sqlite": sqlite3.sqlite_version,
        "load at the start": os.getloadavg()[0],
    }  # fmt: skip


def show(lines: Lines) -> None:
    """A table; lists stay for the JSON."""
    names = [name for name in dict.fromkeys(name for line in lines for name in line) if name not in _UNSHOWN]
    rows = [names, *[[str(line.get(name, "")) for name in names] for line in lines]]
    widths = [max(len(row[at]) for row in rows) for at in range(len(names))]
    for row in rows:
        print(
            "  " + "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)), flush=True
        )


def _arguments() -> argparse.Namespace:
    reading = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reading.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS))
    reading.add_argument("--short", action="store_true", help="small and quick")
    reading.add_argument("--seconds", type=float, default=5, help="of each run of create and cycle")
    reading.add_argument("--rounds", type=int, default=7, help="of create and cycle")
    reading.add_argument("--pending", type=_sizes, help="waiting tasks, e.g. 1000,1000000")
    reading.add_argument("--sightings", type=_sizes, help="e.g. 10000,5000000")
    reading.add_argument("--cycles", type=int, help="of the memory part")
    reading.add_argument("--folder", help="keep the filled databases here")
    reading.add_argument("--json", default="build/queue_load.json")
    asked = reading.parse_args()
    if strange := set(asked.only) - set(PARTS):
        sys.exit(f"--only takes {', '.join(PARTS)}, not {', '.join(sorted(strange))}")
    asked.pending = asked.pending or ([1000, 20_000] if asked.short else [1000, 100_000, 1_000_000])
    asked.sightings = asked.sightings or ([10_000] if asked.short else [10_000, 1_000_000, 5_000_000])
    asked.cycles = asked.cycles or (1000 if asked.short else 200_000)
    return asked


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
