"""What a transport stream carries, packet by packet: for reports on cameras that are not known."""

from __future__ import annotations

from collections import Counter
from typing import Any, BinaryIO

from stages.footage.transport import packet_payload, packets, program_of

_READ = 4 << 20
_UNITS = 30
_UNIT = 184


def packet_report(file: BinaryIO, size: int) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    """How many packets of each PID lie in the first 4 MiB, and the first units of those that are neither
    picture nor sound: (name, bytes of their first packet). Raises OSError only.
    """
    file.seek(0)
    data = file.read(min(_READ, size))
    layout = packets(data[:4096])
    if layout is None:
        return {"packets": None}, []
    program = program_of(data, layout)
    counts: Counter[int] = Counter()
    kinds: dict[int, str] = {program.video: "picture"} if program and program.video is not None else {}
    units: list[tuple[str, bytes]] = []
    for at in range(layout.first, len(data) - 187, layout.step):
        packet = data[at : at + 188]
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        counts[pid] += 1
        unit = packet_payload(packet) if packet[1] & 0x40 else b""
        if not unit:
            continue
        kinds.setdefault(pid, _kind(unit))
        wanted = kinds[pid] == "data" or (kinds[pid] == "table" and counts[pid] == 1)
        if wanted and counts[pid] <= 100_000 and len(units) < 4 * _UNITS:
            units.append((f"pid-{pid:04x}-{counts[pid]:06d}", unit[:_UNIT]))
    rows = [{"pid": pid, "packets": counts[pid], "kind": kinds.get(pid, "?")} for pid in sorted(counts)]
    return {"step": layout.step, "pids": rows}, units


def _kind(unit: bytes) -> str:
    """Picture, sound or data by the stream's own number; a table where there is none."""
    if unit[:3] != b"\0\0\1":
        return "table"
    if 0xE0 <= unit[3] <= 0xEF:
        return "picture"
    return "sound" if 0xC0 <= unit[3] <= 0xDF else "data"
