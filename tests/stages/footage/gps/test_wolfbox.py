"""Wolfbox and Redtiger."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.stages.footage.gps.made_samples import wolfbox
from tests.stages.footage.gps.made_tracks import Made, one_track, shared_log

NIGHT = datetime(2026, 3, 15, 23, 59, 58)  # noqa: DTZ001


@pytest.mark.shared
def test_shared_wolfbox(shared: Path) -> None:
    """Both layouts: one fix a second by the receiver's clock, whatever the sample table claims."""
    log = shared_log(shared, "wolfbox/synthetic-wolfbox-b.mp4")
    when = datetime(2026, 3, 15, 17, 39, 51)  # noqa: DTZ001
    assert [(fix.seconds, fix.time) for fix in log.fixes] == [
        (i, when + timedelta(seconds=i)) for i in range(3)
    ]
    assert [fix.lat for fix in log.fixes] == [pytest.approx(50 + i / 6000) for i in range(3)]
    assert [fix.speed_kmh for fix in log.fixes] == [pytest.approx((20 + i) * 1.852) for i in range(3)]
    assert {fix.course for fix in log.fixes} == {92.0}
    log = shared_log(shared, "wolfbox/synthetic-wolfbox-a.mp4")
    assert [(fix.seconds, fix.valid, fix.time) for fix in log.fixes] == [
        (0, False, None),
        (1, True, None),
        (2, True, None),
        (4, True, None),
    ]
    assert [fix.lon for fix in log.fixes[1:]] == [pytest.approx(30 + i / 6000) for i in range(3)]


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("place", [(5030.0, -3015.0), (-3330.0, 15115.0)])
def test_wolfbox_over_midnight(tmp_path: Path, dated: bool, place: tuple[float, float]) -> None:
    """Signs are kept, and midnight does not stop the clock."""
    samples = [wolfbox(*place, NIGHT + timedelta(seconds=i), dated=dated) for i in range(5)]
    log = one_track(tmp_path / "clip.mp4", Made(b"meta", b"gpmd", samples, (200,)), seconds=5.0)
    assert [fix.seconds for fix in log.fixes] == [0, 1, 2, 3, 4]
    fix = log.fixes[0]
    lat, lon = place
    assert fix.lat == pytest.approx(50.5 if lat > 0 else -33.5)
    assert fix.lon == pytest.approx(-30.25 if lon < 0 else 151.25)
