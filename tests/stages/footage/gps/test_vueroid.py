"""Vueroid's track."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps.tracks import track_log
from tests.stages.footage.gps.made_samples import vueroid
from tests.stages.footage.gps.made_tracks import Made, one_track, shared_log

MOTION = [(50.0 + i / 1e4, 30.0 + i / 1e4) for i in range(8)]


@pytest.mark.shared
def test_real_vueroid(shared: Path) -> None:
    """A real S1: twenty samples a second with the camera's own clock; the last one, all zeros, is no fix."""
    log = shared_log(shared, "vueroid-txet/real-anonymized.mp4")
    assert (log.dialect, log.local_clock, len(log.fixes)) == ("Vueroid", True, 61)
    assert log.fixes[0] == Fix(datetime(2025, 11, 11, 8, 54, 23), 50.0, -30.0, 27.0, None, 55.0, 0.0)  # noqa: DTZ001
    assert [fix.valid for fix in log.fixes] == [True] * 60 + [False]
    seconds = [fix.seconds or 0 for fix in log.fixes]
    assert seconds[:3] == [0, 0.05, 0.101]
    assert max(b - a for a, b in pairwise(seconds)) < 0.06
    assert [fix.speed_kmh for fix in log.fixes[:60]] == [27.0] * 12 + [33.0] * 20 + [42.0] * 20 + [47.0] * 8


@pytest.mark.shared
def test_shared_vueroid(shared: Path) -> None:
    """Hemispheres, minutes and degrees that cannot be, a dead clock, a speed that is none."""
    log = shared_log(shared, "vueroid-txet/synthetic-edge.mp4")
    assert [fix.valid for fix in log.fixes] == [
        False,
        True,
        True,
        True,
        False,
        False,
        False,
        True,
        True,
        False,
    ]
    signs = [(fix.lat or 0) > 0 for fix in log.fixes[1:4]], [(fix.lon or 0) > 0 for fix in log.fixes[1:4]]
    assert signs == ([True, False, False], [False, True, False])
    assert log.fixes[7].time is None
    assert log.fixes[8].speed_kmh is None
    log = shared_log(shared, "vueroid-txet/synthetic-happy.mp4")
    assert [fix.seconds for fix in log.fixes] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert [fix.lat for fix in log.fixes[:5]] == [pytest.approx(lat, abs=5e-6) for lat, _ in MOTION[:5]]
    assert [fix.speed_kmh for fix in log.fixes[:5]] == [27, 28, 29, 30, 31]
    path = shared / "gps/dashcamigo/vueroid-txet/synthetic-wrong-format.mp4"
    assert track_log(path, walk(path), 1.5) is None


@pytest.mark.parametrize("sides", [(1, 1), (0, 1), (1, 0), (0, 0)])
def test_vueroid_hemispheres(tmp_path: Path, sides: tuple[int, int]) -> None:
    """1 is north and east, 0 south and west."""
    log = one_track(tmp_path / "clip.mp4", Made(b"tvxt", b"mp4s", [vueroid(sides=sides)]))
    assert (log.fixes[0].lat, log.fixes[0].lon) == (
        50.5 if sides[0] else -50.5,
        30.25 if sides[1] else -30.25,
    )


@pytest.mark.parametrize(
    "wrong", [{"lat": -5030.0}, {"lon": 18030.0}, {"lat": float("nan")}, {"sides": (2, 1)}]
)
def test_vueroid_places_that_cannot_be(tmp_path: Path, wrong: dict[str, float]) -> None:
    """A sign in the number, a place off the earth and a side that is none are no fix; the clock stays."""
    log = one_track(tmp_path / "clip.mp4", Made(b"tvxt", b"mp4s", [vueroid(**wrong)]))  # type: ignore[arg-type]
    assert log.fixes == [Fix(datetime(2026, 3, 15, 10), seconds=0.0)]  # noqa: DTZ001
