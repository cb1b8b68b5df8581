"""Large databases, filled by SQL through the product's own tables."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from config.loader import ConfigurationLoader
from queueing.bodies import new_task
from server.schema import migrate
from server.services import DATABASE
from server.sqlite_encounters import SqliteEncounters
from server.sqlite_trips import SqliteTrips

LETTERS, DIGITS = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"
#: Ways to write a plate, as in a few countries: a letter, a digit.
FORMS = ("LLDDDLL", "LLDDLLL", "LLLDDDD", "LDDDLL", "LLLDDD", "DDDDLLL", "LLDDDD")
_TASKS_AT_ONCE = 20_000


def _open(home: Path) -> sqlite3.Connection:
    home.mkdir(parents=True, exist_ok=True)
    made = sqlite3.connect(home / DATABASE, isolation_level=None)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("PRAGMA synchronous=OFF")
    made.execute("PRAGMA cache_size=-400000")
    migrate(made)
    # What the server would otherwise do at its first start.
    settings = ConfigurationLoader().load()
    SqliteTrips(made).settle(settings.trips.gap_minutes * 60)
    SqliteEncounters(made).settle(settings.encounters.gap_minutes * 60)
    return made


def _close(made: sqlite3.Connection) -> None:
    made.execute("PRAGMA optimize")
    made.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()


def fill_tasks(home: Path, tasks: int) -> None:
    """(c) So many tasks that wait for a GPU, of twenty sizes, and behind them one that waits for nothing."""
    made = _open(home)
    made.execute("BEGIN")
    for number in range(1, 21):
        needs = json.dumps({"gpu": True, "gpu_vram_gb": number})
        made.execute("INSERT INTO needs VALUES (?, ?, '[]')", (number, needs))
    made.execute("INSERT INTO needs VALUES (21, '{}', '[]')")
    asked = new_task("20240115_080000_front_0123456789")
    texts = [json.dumps(asked[name]) for name in ("inputs", "outputs", "metadata")]
    kinds = ("PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO", "INGEST_VIDEO")
    for begin in range(1, tasks + 1, _TASKS_AT_ONCE):
        made.executemany(
            "INSERT INTO task (task_id, task_type, state, phase, created_at, video_id, inputs, outputs, metadata, needs,"
            " needs_id, priority, root_id) VALUES (?, ?, 'pending', 'ready', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    n,
                    kinds[n % 4],
                    10**15 + n,
                    f"clip{n // 4}",
                    *texts,
                    "{}",
                    21 if n == tasks else 1 + n % 20,
                    2,
                    n,
                )
                for n in range(begin, min(begin + _TASKS_AT_ONCE, tasks + 1))
            ),
        )
    made.execute("COMMIT")
    _close(made)


def fill_sightings(home: Path, sightings: int, plates: int) -> list[str]:
    """(e) Sightings over distinct plates, few of them common (as 1/rank); the plates' texts, common ones first."""
    made, dice = _open(home), random.Random(7)
    triggers = made.execute("SELECT name, sql FROM sqlite_schema WHERE name IN ('met_added')").fetchall()
    made.execute("BEGIN")
    for name, _ in triggers:  # encounters are another search
        made.execute(f"DROP TRIGGER {name}")
    written = texts(plates, dice)
    from server.search import fold

    made.executemany(
        "INSERT INTO plate VALUES (?, ?, ?)", ((n, text, fold(text)) for n, text in enumerate(written, 1))
    )
    clips = sightings // 20 + 1
    made.executemany(
        "INSERT INTO clip (video_id, created_at, filename, start_local, tasks_done) VALUES (?, ?, ?, ?, 3)",
        ((f"clip{n:07d}", 10**15 + n, f"clip{n:07d}.mp4", _when(n, clips)) for n in range(clips)),
    )
    made.executemany(
        "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon, candidates,"
        " first_seconds, last_seconds, track, reads, agreeing) VALUES (?, ?, 0.93, 1, ?, ?, ?, ?, '[]', 1.0, 3.0, 1, 5, 4)",
        _sightings(sightings, plates, clips, dice),
    )
    for _, sql in triggers:
        made.execute(sql)
    made.execute("COMMIT")
    _close(made)
    return written


def texts(plates: int, dice: random.Random) -> list[str]:
    """Distinct plates, as many as asked for."""
    found: dict[str, None] = {}
    while len(found) < plates:
        form = dice.choice(FORMS)
        found["".join(dice.choice(LETTERS if kind == "L" else DIGITS) for kind in form)] = None
    return list(found)


def _sightings(sightings: int, plates: int, clips: int, dice: random.Random) -> Iterator[tuple[object, ...]]:
    shares = list(accumulate(1 / rank for rank in range(1, plates + 1)))
    numbers = range(1, plates + 1)
    for begin in range(0, sightings, 50_000):
        among = range(begin, min(begin + 50_000, sightings))
        for n, plate in zip(among, dice.choices(numbers, cum_weights=shares, k=len(among)), strict=True):
            clip = n // 20
            place = (44.4 + (n % 1000) / 5000, 26.1 + (n % 777) / 4000) if n % 10 == 0 else (None, None)
            yield f"clip{clip:07d}", plate, n % 1800, _when(clip, clips), *place


def _when(clip: int, clips: int) -> str:
    """Five years of clips, evenly."""
    minute = clip * (5 * 365 * 1440) // clips
    day, minute = divmod(minute, 1440)
    year, day = divmod(day, 365)
    return f"{2019 + year}-{1 + day // 31:02d}-{1 + day % 28:02d}T{minute // 60:02d}:{minute % 60:02d}:00"
