"""Garmin's box."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from stages.footage.container import walk
from stages.footage.gps.garmin import garmin_box_log
from tests.stages.clips import box
from tests.stages.footage.gps.made_samples import garmin
from tests.stages.footage.gps.made_tracks import clip, read


def test_garmin_box(tmp_path: Path) -> None:
    """Every record at its second from the first; the smallest number is no place."""
    when = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
    records = [
        (when, 40.5, -3.25, 40),
        (when + timedelta(seconds=1), -180.0, -180.0, 0),
        (when + timedelta(seconds=3), -33.5, 151.25, 1),
    ]
    path = tmp_path / "clip.mp4"
    log = read(path, clip(more=garmin(*records)))
    assert log is not None
    assert [(fix.seconds, fix.time) for fix in log.fixes] == [
        (0, when),
        (1, when + timedelta(seconds=1)),
        (3, when + timedelta(seconds=3)),
    ]
    assert [fix.valid for fix in log.fixes] == [True, False, True]
    first = log.fixes[0]
    assert (first.lat, first.lon) == (pytest.approx(40.5, abs=1e-6), pytest.approx(-3.25, abs=1e-6))
    assert first.speed_kmh == pytest.approx(64.37, abs=0.01)
    path.write_bytes(clip(more=box(b"uuid", bytes(400))))
    assert garmin_box_log(path, walk(path), None) is None
