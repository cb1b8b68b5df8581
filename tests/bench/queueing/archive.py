"""A large archive of a family's car: clips of two channels in trips, with routes, plates and finished tasks."""

from __future__ import annotations

import json
import math
import random
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

from config.loader import ConfigurationLoader
from queueing.filling import texts
from server.schema import migrate
from server.search import fold
from server.services import DATABASE
from server.sqlite_runners_up import keep_all
from server.sqlite_trips import SqliteTrips

_KINDS = ("INGEST_VIDEO", "PREPROCESS_VIDEO", "HEAVY_PROCESS_VIDEO", "ARCHIVE_VIDEO")
_CHANNELS = ("front", "rear")
#: Moments of one minute in a trip; trips a day; fixes of a route; every so many-th trip is a parked one.
_LONG, _TRIPS, _FIXES, _PARKED = 20, 3, 20, 11
_FIRST = datetime(2015, 1, 1, 7)  # noqa: DTZ001 - a camera's clock has no zone


def fill(home: Path, clips: int, sightings: int, plates: int) -> None:
    """Fill a new home. Takes a few minutes for 100,000 clips and a million sightings."""
    home.mkdir(parents=True, exist_ok=True)
    made = sqlite3.connect(home / DATABASE, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-400000"):
        made.execute(f"PRAGMA {pragma}")
    migrate(made)
    triggers = made.execute("SELECT name, sql FROM sqlite_schema WHERE name = 'met_added'").fetchall()
    made.execute("BEGIN")
    for name, _ in triggers:  # encounters are another search
        made.execute(f"DROP TRIGGER {name}")
    _clips(made, clips)
    _tasks(made, clips)
    _sightings(made, clips, sightings, plates)
    settings = ConfigurationLoader().load()
    keep_all(made)
    SqliteTrips(made).settle(settings.trips.gap_minutes * 60)
    made.execute("DELETE FROM met_changed")
    made.execute("INSERT INTO encounter_rule VALUES (?)", (settings.encounters.gap_minutes * 60,))
    for _, sql in triggers:
        made.execute(sql)
    made.execute("COMMIT")
    made.execute("ANALYZE")
    made.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()


def _when(clip: int) -> datetime:
    """The start of a clip by its camera's clock."""
    trip, minute = divmod(clip // 2, _LONG)
    day, part = divmod(trip, _TRIPS)
    return _FIRST + timedelta(days=day, hours=5 * part, minutes=minute)


def _place(clip: int) -> tuple[float, float]:
    """Where a clip begins: trips go out from home in all directions, further the later."""
    trip, minute = divmod(clip // 2, _LONG)
    angle, away = trip * 2.399, 0.004 * minute * (1 + trip % 40 / 8)
    return 52.52 + away * math.cos(angle), 13.40 + away * math.sin(angle)


def name_of(clip: int) -> str:
    """The `video_id` of a clip."""
    return f"{_when(clip):%Y%m%dT%H%M%S}-{'FR'[clip % 2]}-{clip:08x}"


def _clips(made: sqlite3.Connection, clips: int) -> None:
    made.executemany(
        "INSERT INTO clip (video_id, created_at, filename, start_local, start_utc, duration_seconds, total_frames,"
        " detections_count, plates_found, archive_device, archive_path, poster, facts, tasks_done, archived, channel, mode)"
        " VALUES (?, ?, ?, ?, ?, 60.0, 1800, 12, ?, 'shed', ?, ?, ?, 4, 1, ?, ?)",
        (_clip(number) for number in range(clips)),
    )
    made.executemany(
        "INSERT INTO route (video_id, dialect, points) VALUES (?, 'novatek', ?)",
        ((name_of(n), _route(n)) for n in range(0, clips, 2)),
    )
    made.executemany(
        "INSERT INTO route_line (video_id, start_local, south, north, west, east, points) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (_line(n) for n in range(0, clips, 2)),
    )


def _clip(number: int) -> tuple[Any, ...]:
    start, name = _when(number), name_of(number)
    mode = "parking" if number // 2 // _LONG % _PARKED == 0 else "normal"
    facts = {
        "filename": f"{name}.MP4", "size_bytes": 400_000_000, "fingerprint": f"f{number}", "start_local": start.isoformat(),
        "start_utc": f"{start - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", "utc_offset_seconds": 3600, "time_source": "gps",
        "duration_seconds": 60.0, "total_frames": 1800, "width": 3840, "height": 2160, "fps": 30.0, "codec": "hevc",
        "camera": "viofo|nas|/videos", "camera_name": "VIOFO A229", "family": "viofo", "sequence": number // 2,
        "channel": _CHANNELS[number % 2], "mode": mode, "plates_found": number % 5,
    }  # fmt: skip
    return (
        name, 1_700_000_000_000_000 + number, facts["filename"], facts["start_local"], facts["start_utc"], number % 5,
        f"/archive/{name}/", f"{number % 500:040x}", json.dumps(facts), facts["channel"], mode,
    )  # fmt: skip


def _fixes(number: int) -> list[tuple[float, float]]:
    (lat, lon), (south, east) = _place(number), _place(number + 2)
    return [
        (lat + (south - lat) * i / _FIXES, lon + (east - lon) * i / _FIXES + 0.0002 * math.sin(i / 3))
        for i in range(_FIXES)
    ]


def _route(number: int) -> str:
    fixes = enumerate(_fixes(number))
    return json.dumps(
        [
            {"seconds": 3.0 * i, "lat": round(lat, 6), "lon": round(lon, 6), "speed_kmh": 40.0 + i}
            for i, (lat, lon) in fixes
        ]
    )


def _line(number: int) -> tuple[Any, ...]:
    fixes = _fixes(number)
    lats, lons = [lat for lat, _ in fixes], [lon for _, lon in fixes]
    points = json.dumps([[round(lat, 5), round(lon, 5)] for lat, lon in fixes[::4]])
    start = _when(number).isoformat()
    return name_of(number), start, min(lats), max(lats), min(lons), max(lons), points


def _tasks(made: sqlite3.Connection, clips: int) -> None:
    """Four finished tasks a clip, some hundreds that gave up, and the last few thousand that wait."""
    made.execute("INSERT INTO needs VALUES (1, '{}', '[\"nas\"]')")
    made.execute("INSERT INTO needs VALUES (2, '{\"gpu_vram_gb\": 8}', '[\"nas\"]')")
    made.executemany(
        "INSERT INTO task (task_id, task_type, state, phase, created_at, completed_at, video_id, inputs, outputs, metadata,"
        " needs, needs_id, priority, root_id, device, failures, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '[]', '{}', '{}', ?, 2, ?,"
        " 'rtx-4090-1', ?, ?)",
        (_task(n, clips) for n in range(1, 4 * clips + 1)),
    )
    made.executemany(
        "INSERT INTO device (hostname, device_type, status, capabilities, last_heartbeat) VALUES (?, 'worker', 'online', ?, ?)",
        (
            (
                f"worker-{n}",
                json.dumps({"gpu_vram_gb": 4 * n, "places": ["nas", "shed"]}),
                1_700_000_000_000_000 + n,
            )
            for n in range(12)
        ),
    )


def _task(number: int, clips: int) -> tuple[Any, ...]:
    clip = (number - 1) // 4
    state, phase, error = "complete", "done", None
    if number > 4 * clips - 5000:
        state, phase = "pending", "ready"
    elif number % 997 == 0:
        state, phase, error = (
            "failed",
            "gave_up",
            "the clip ends in the middle of a picture; copy it again from its card",
        )
    kind = _KINDS[(number - 1) % 4]
    inputs = json.dumps([{"device": "nas", "path": f"/videos/raw/{name_of(clip)}.MP4", "type": "video"}])
    made = 1_700_000_000_000_000 + number
    return (
        number, kind, state, phase, made, None if state == "pending" else made + 10**7, name_of(clip), inputs,
        2 if "HEAVY" in kind else 1, number, int(error is not None), error,
    )  # fmt: skip


def _sightings(made: sqlite3.Connection, clips: int, sightings: int, plates: int) -> None:
    dice = random.Random(7)
    read = list(texts(plates, dice))
    made.executemany(
        "INSERT INTO plate VALUES (?, ?, ?)", ((n, text, fold(text)) for n, text in enumerate(read, 1))
    )
    made.executemany(
        "INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon, candidates,"
        " crop, first_seconds, last_seconds, track, reads, agreeing) VALUES (?, ?, 0.93, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 5, 4)",
        _seen(clips, sightings, read, dice),
    )


def _candidates(plate: str, dice: random.Random) -> str:
    """What a plate was nearly read as: with one wrong character, in some of its sightings several times."""
    wrong = [
        (dice.randrange(len(plate)), dice.choice("0123456789ABCDEFGH")) for _ in range(dice.randrange(4))
    ]
    return json.dumps([{"plate": plate[:at] + c + plate[at + 1 :], "confidence": 0.2} for at, c in wrong])


def _seen(clips: int, sightings: int, plates: list[str], dice: random.Random) -> Iterator[tuple[Any, ...]]:
    shares = list(accumulate(1 / rank for rank in range(1, len(plates) + 1)))
    numbers, each = range(1, len(plates) + 1), max(1, sightings // clips)
    for begin in range(0, sightings, 50_000):
        among = range(begin, min(begin + 50_000, sightings))
        for n, plate in zip(among, dice.choices(numbers, cum_weights=shares, k=len(among)), strict=True):
            clip = min(clips - 1, n // each)
            lat, lon = _place(clip)
            second = 5.0 * (n % each)
            when = (_when(clip) + timedelta(seconds=second)).isoformat()
            place = (lat + 0.0001 * (n % each), lon) if n % 3 else (None, None)
            yield (
                name_of(clip), plate, int(n % 7 > 0), int(second * 30), when, *place,
                _candidates(plates[plate - 1], dice), f"{n % 500:040x}", second, second + 2,
                n % each,
            )  # fmt: skip
