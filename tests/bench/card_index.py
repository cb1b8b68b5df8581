"""Looking through a 64 GB card of 3,000 clips, beside its limit: listing it and reading each clip's fingerprint.

Run: `python tests/bench/card_index.py [CLIPS] [GB]`. The clips are sparse files with whole containers, so that the
card needs no 64 GB here; what is read of them is what a real card would be read for. Prints seconds, the peak of
memory, and the ratio to the limit; then a whole `dashcam import` of as many small clips, twice, against a server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from tests.cards import make_card
from tests.house import House
from tests.stages.clips import box, mvhd, trak

START = datetime(2024, 6, 1, 8)  # noqa: DTZ001
_INDEX = """
import json, resource, sys, time
from pathlib import Path
from dashcam_cli.indexing import index
from dashcam_cli.ledger import Ledger
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
ledger = Ledger(Path(sys.argv[1]))
count = sum(1 for _ in index(ledger, Path(sys.argv[2])))
new = sum(1 for found, clip in ledger.found(sys.argv[2]) if not ledger.done(sys.argv[2], found))
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"count": count, "seconds": seconds, "before": before / 1024, "peak": peak / 1024}))
"""


def sparse_card(root: Path, clips: int, size: int) -> None:
    """Clips of a three-channel Viofo: boxes at both ends, a hole between, each with a content of its own."""
    folder = root / "DCIM" / "Movie"
    (folder / "RO").mkdir(parents=True)
    head = box(b"ftyp", b"avc1", bytes(4), b"avc1isom")
    for number in range(clips):
        at = START + timedelta(minutes=number // 3)
        name = f"{at:%Y_%m%d_%H%M%S}_{number:06d}{'FIR'[number % 3]}.MP4"
        tail = box(b"moov", mvhd(at, 60), trak()) + box(b"free", f"{number:08d}".encode())
        path = folder / ("RO" if number % 50 == 0 else ".") / name
        with path.open("wb") as file:
            file.write(head + (size - len(head) - len(tail)).to_bytes(4, "big") + b"mdat")
            file.truncate(size - len(tail))
            file.seek(size - len(tail))
            file.write(tail)


def bare(root: Path) -> float:
    """The limit: list, stat, and read what a fingerprint covers of each file."""
    from stages.footage.identity import fingerprint

    began = time.perf_counter()
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            path.stat()
            fingerprint(path)
    return time.perf_counter() - began


def indexed(home: Path, root: Path) -> dict[str, float]:
    """One look in a process of its own."""
    shown = subprocess.run(
        [sys.executable, "-c", _INDEX, str(home), str(root)], capture_output=True, text=True, check=True
    )
    return json.loads(shown.stdout)


def whole(folder: Path, clips: int) -> None:
    """`dashcam import` of small clips, twice."""
    house = House(folder)
    nas = folder / "nas"
    nas.mkdir()
    make_card("viofo", folder / "small", clips // 3, junk=False)
    house.server()
    try:
        for name in ("first import", "second import"):
            began = time.perf_counter()
            shown = house.command("pc", "import", str(folder / "small"), "--place", f"indoor_nas={nas}")
            print(f"{name:<14} {time.perf_counter() - began:7.2f} s  {shown.stdout.strip()}")
    finally:
        for running in house.running:
            running.kill()


def main() -> None:
    """Make, measure, print."""
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    gigabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 64
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sparse_card(folder / "card", clips, int(gigabytes * 1e9 / clips))
        bare(folder / "card")  # the first reading makes the system's caches, for all alike
        limit = bare(folder / "card")
        first = indexed(folder / "home", folder / "card")
        again = indexed(folder / "home", folder / "card")
        print(f"bare reading   {limit:7.2f} s  {clips} clips, {gigabytes:.0f} GB")
        for word, found in (("first look", first), ("second look", again)):
            print(
                f"{word:<14} {found['seconds']:7.2f} s  {found['count']:.0f} clips, memory {found['before']:.0f} -> "
                f"{found['peak']:.0f} MB, ratio to bare reading {found['seconds'] / limit:.2f}"
            )
        whole(folder, clips)


if __name__ == "__main__":
    main()
