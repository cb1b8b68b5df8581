"""How long each page takes on the server in a large archive, and what a first visit transfers.

Run: `python tests/bench/pages.py [--clips 100000] [--sightings 1000000] [--rounds 20] [--folder DIR] [--only TEXT]`.

An archive is filled by SQL (kept in `--folder`, where it is given), `dashcam server` runs over it as a process of its
own, and each page is asked for again and again, packed as browsers ask for it. A time is from sending the request to
the last byte, on the loopback; "CPU ms" is the server's processor time for it, which a busy machine does not lengthen.
"first visit" is a page with all its styles and scripts, without pictures and media.
Limits: 50 ms for the median of each page, 500 kB for a first visit.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import os
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin

from queueing import servers
from queueing.archive import fill, name_of

from server.services import DATABASE

MILLISECONDS, BYTES = 50.0, 500_000
_LINKED = re.compile(r"<(?:link rel=\"stylesheet\"|script)[^>]+(?:href|src)=\"([^\"]+)\"")
_IMPORTED = re.compile(
    r"^(?:import|export)[^;]*?from \"([^\"]+)\"|import\(\"([^\"]+)\"\)|^import \"([^\"]+)\"", re.MULTILINE
)


def pages(clips: int, plate: str) -> dict[str, str]:
    """What is asked for: a name, and an address. Helpers of pages add theirs."""
    middle, newest = name_of(clips // 2), name_of(clips - 2)
    day = newest[:8]
    date = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    return {
        "home": "/",
        "videos": "/videos",
        "videos, deep": f"/videos?before={middle[:4]}-{middle[4:6]}-{middle[6:8]}T08:00:00~{10**15}~a",
        "videos, a month": f"/videos?month={date[:7]}",
        "videos, rare filters": "/videos?channel=rear&mode=parking&plates=yes",
        "videos, none fit": "/videos?channel=rear&mode=sentry",
        "videos, failed": "/videos?status=failed",
        "videos, in work": "/videos?status=processing&channel=front&channel=rear",
        "videos, trips edited": "/videos?edit=1",
        "videos, around home": "/videos?bbox=52.51,13.39,52.53,13.41",
        "videos, a small place": "/videos?bbox=52.7,13.5,52.701,13.502",
        "queue": "/queue",
        "queue, done": "/queue?state=complete",
        "queue, one clip": f"/queue?video={newest}",
        "devices": "/devices",
        "settings": "/settings",
        "login": "/login",
        "video": f"/videos/{newest}",
        "plates": "/plates",
        "plates, fragment": "/plates?q=B12",
        "plates, pattern": "/plates?q=A?1*",
        "plates, similar": f"/plates?q={plate}&match=similar",
        "plates, nearly read": "/plates?q=B12&candidates=true",
        "plates, nearly similar": f"/plates?q={plate}&match=similar&candidates=true",
        "plates, nearly common": f"/plates?q={plate[:2]}&candidates=true",
        "plates, common and sure": f"/plates?q={plate[:2]}&min_confidence=0.9&confirmed=true&known=hide",
        "plates, around home": "/plates?bbox=52.51,13.39,52.53,13.41",
        "plates, nowhere": "/plates?q=QQQ0QQQ0",
        "plate, the commonest": f"/plates/{plate}",
        "plate, its points": f"/data/plates/{plate}/points",
        "known plates": "/known",
        "watchlist": "/watchlist",
        "video, its data": f"/data/videos/{newest}",
        "map": "/map",
        "map, all of it": "/data/map",
        "map, around home": "/data/map?bbox=52.51,13.39,52.53,13.41",
        "map, a day": f"/data/map?date_from={date}&date_to={date}",
    }


def main() -> None:
    """Fill, serve, ask, print."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="pages-") as made:
        home = Path(asked.folder or made) / f"archive-{asked.clips}-{asked.sightings}"
        if not (home / DATABASE).exists():
            began = time.perf_counter()
            fill(home, asked.clips, asked.sightings, max(1, asked.sightings // 5))
            size = (home / DATABASE).stat().st_size / 1e6
            print(
                f"filled {asked.clips} clips, {asked.sightings} sightings, {size:.0f} MB in {time.perf_counter() - began:.0f} s"
            )
        plate = commonest(home)
        with servers.product(home) as server:
            show(server, asked, plate)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


def commonest(home: Path) -> str:
    """The plate with the most sightings."""
    with contextlib.closing(sqlite3.connect(home / DATABASE)) as opened:
        statement = "SELECT text FROM plate JOIN (SELECT plate_id, count(*) n FROM sighting GROUP BY 1 ORDER BY n DESC LIMIT 1)"
        return str(opened.execute(f"{statement} USING (plate_id)").fetchone()[0])


def show(server: servers.Server, asked: argparse.Namespace, plate: str) -> None:
    """A line for each page."""
    port = server.port
    get(
        port, "/plates?q=AB12&candidates=true"
    )  # waits for what the server reads in the background at its start
    print(
        f"{'page':28} {'status':>6} {'packed':>9} {'first visit':>11} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>8}   limit {MILLISECONDS:.0f} ms"
    )
    for name, path in pages(asked.clips, plate).items():
        if asked.only and asked.only not in name:
            continue
        status, body, _ = get(port, path)
        before = server.cpu()
        times = sorted(get(port, path)[2] for _ in range(asked.rounds))
        middle, late = statistics.median(times), times[int(0.95 * (len(times) - 1))]
        spent = 1000 * (server.cpu() - before) / asked.rounds
        visit = first_visit(port, path)
        verdict = "ok" if middle <= MILLISECONDS and visit <= BYTES else "MISSED"
        print(
            f"{name:28} {status:6} {len(body):9} {visit:11} {middle:8.1f} {late:8.1f} {spent:8.1f}   {verdict}",
            flush=True,
        )


def get(port: int, path: str) -> tuple[int, bytes, float]:
    """Status, body as it was sent, milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip", "Accept": "text/html"})
    answer = connection.getresponse()
    body = answer.read()
    spent = 1000 * (time.perf_counter() - began)
    packed = answer.getheader("Content-Encoding") == "gzip"
    connection.close()
    text = gzip.decompress(body) if packed else body
    _TEXTS[path] = text
    return answer.status, body, spent


_TEXTS: dict[str, bytes] = {}


def first_visit(port: int, path: str) -> int:
    """Bytes of a page with its styles and scripts, and whatever those load."""
    seen: dict[str, int] = {}
    waiting = [path]
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen[address] = len(get(port, address)[1])
        text = _TEXTS[address].decode("utf-8", "replace")
        found = _LINKED.findall(text) if address == path else []
        if ".js" in address:
            found = [part for parts in _IMPORTED.findall(text) for part in parts if part]
        waiting += [urljoin(address, each) for each in found]
    return sum(seen.values())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", help="where the archive is kept for the next time")
    parser.add_argument("--only", default="", help="a part of a page's name")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
