"""A clip with everything known of it, and evidence made of it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from stages.export.evidence import Made, Order, write_evidence
from stages.export.facts import Claim, Clip, Facts, Seen
from stages.sighting import Location, RoutePoint

NOW = datetime(2026, 6, 2, 9, 0, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\x00\ud800'\"&../"


def jpeg(size: int = 40) -> bytes:
    """A small JPEG."""
    picture = np.random.default_rng(size).integers(0, 255, (size, 3 * size, 3), np.uint8)
    return bytes(cv2.imencode(".jpg", picture)[1].tobytes())


def clip(folder: Path, number: int = 1, **more) -> Clip:
    """A clip of a few bytes in `folder`; `more` replaces its fields."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"2026_0601_1627{number:02d}_00000{number}F.MP4"
    path.write_bytes(f"clip {number}".encode() * 5000)
    route = [
        RoutePoint(seconds=n, lat=40 + n / 1000, lon=-3.5, time=f"2026-06-01T14:27:{n:02d}Z", speed_kmh=50.0)
        for n in range(10)
    ]
    values = {
        "video_id": f"20260601T1627{number:02d}-F-abc",
        "facts": Facts(
            filename=path.name,
            size_bytes=path.stat().st_size,
            blake2=hashlib.blake2b(path.read_bytes(), digest_size=32).hexdigest(),
            start_local=f"2026-06-01T16:27:{number:02d}",
            start_utc=f"2026-06-01T14:27:{number:02d}Z",
            utc_offset_seconds=7200,
            time_source="gps",
            time_claims=[Claim("name_local", "2026-06-01T16:27:01"), Claim("gps", "2026-06-01T14:27:01Z")],
            duration_seconds=60.0,
            channel="front",
            family="viofo",
        ),
        "path": path,
        "place": "indoor_nas",
        "below": f"/videos/raw/{path.name}",
        "route": route,
        "dialect": "freeGPS",
        "seen": [
            Seen(
                plate="ABC123",
                confidence=0.97,
                confirmed=True,
                frame_number=57,
                timestamp="2026-06-01T16:27:03",
                location=Location(40.002, -3.5),
                first_seconds=1.0,
                last_seconds=3.0,
                box=(1.0, 2.0, 3.0, 4.0),
                picture=jpeg(),
            ),
        ],
    }
    return Clip(**(values | more))


def evidence(folder: Path, *, zipped: bool = False, clips: int = 2) -> tuple[Path, Made]:
    """Evidence of some clips."""
    target = folder / ("evidence.zip" if zipped else "evidence")
    order = Order(
        [clip(folder / "nas", n + 1) for n in range(clips)], [("trip", "t1")], NOW, "dashcam-processor test"
    )
    return target, write_evidence(order, target, zipped=zipped)
