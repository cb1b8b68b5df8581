"""When a clip began: every claim kept, one believed."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from stages.errors import SettingsError
from stages.footage.clock import ClipTime, settle
from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.names import NameFacts

LOCAL = datetime(2024, 1, 15, 12, 34, 56)  # noqa: DTZ001
NAMED = NameFacts(family="viofo", recorded_local=LOCAL)
BARE = Container(state="whole")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _host_in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This host's own zone must not decide a test."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _fixes(start: datetime, count: int = 5) -> list[Fix]:
    return [
        Fix(time=start + timedelta(seconds=i), lat=40.0, lon=-3.0, seconds=float(i)) for i in range(count)
    ]


def _settled(found: ClipTime) -> tuple[datetime | None, datetime | None, int | None, str | None]:
    utc = found.start_utc.replace(tzinfo=None) if found.start_utc else None
    return found.start_local, utc, found.utc_offset_seconds, found.time_source


@pytest.mark.parametrize("offset", [-9.5, -3, 1, 2, 5.5, 5.75, 14, -12])
def test_offset_from_name_and_gps(offset: float) -> None:
    """The difference of name and GPS, snapped to a quarter hour, is the camera's zone."""
    gps = LOCAL - offset * HOUR + timedelta(seconds=7)
    found = settle(NAMED, BARE, _fixes(gps))
    assert _settled(found) == (LOCAL, gps, offset * 3600, "gps")
    assert not found.doubt


def test_zone_setting_without_gps() -> None:
    """Without GPS the owner's zone counts, summer time included."""
    summer = NameFacts(recorded_local=LOCAL.replace(month=7))
    assert _settled(settle(NAMED, BARE, time_zone="Europe/Madrid")) == (
        LOCAL, LOCAL - HOUR, 3600, "name+time_zone",
    )  # fmt: skip
    assert settle(summer, BARE, time_zone="Europe/Madrid").utc_offset_seconds == 7200


def test_host_zone_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without GPS and setting, this host's zone is taken, and the source says so."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    assert _settled(settle(NAMED, BARE)) == (LOCAL, LOCAL - 5.5 * HOUR, 19800, "name+host_zone")


def test_unknown_zone_is_a_setting_error() -> None:
    """A zone that does not exist is named."""
    for zone in ("Europe/Atlantis", "../etc/passwd", "a" * 500):
        with pytest.raises(SettingsError, match="time_zone"):
            settle(NAMED, BARE, time_zone=zone)


def test_local_time_written_as_utc() -> None:
    """GPS time equal to the name, in a zone that is not UTC, is local time: flagged, and the zone counts."""
    found = settle(NAMED, BARE, _fixes(LOCAL), time_zone="Europe/Madrid")
    assert _settled(found) == (LOCAL, LOCAL - HOUR, 3600, "name+time_zone")
    assert found.doubt
    assert found.gps_to_utc_seconds == -3600


def test_equal_clocks_without_a_zone_stay_in_doubt() -> None:
    """GPS time equal to the name and nothing else known: UTC as GPS has it, flagged."""
    found = settle(NAMED, BARE, _fixes(LOCAL))
    assert _settled(found) == (LOCAL, LOCAL, 0, "gps")
    assert found.doubt
    assert "time_zone" in found.warnings[0]


def test_equal_clocks_in_a_zone_of_utc_are_right() -> None:
    """A camera whose zone is UTC in winter is beyond doubt."""
    found = settle(NAMED, BARE, _fixes(LOCAL), time_zone="Europe/London")
    assert (found.doubt, found.time_source) == (False, "gps")


def test_jump_at_the_first_fix_gives_it_away() -> None:
    """A clock that jumps by whole quarter hours when the fix arrives is local time after it."""
    void = Fix(time=LOCAL - 3 * HOUR, seconds=0.0)
    after = [fix._replace(seconds=(fix.seconds or 0) + 1) for fix in _fixes(LOCAL + timedelta(seconds=1))]
    found = settle(NAMED, BARE, [void, *after])
    assert _settled(found) == (LOCAL, LOCAL - 3 * HOUR, 3 * 3600, "gps")
    assert found.gps_to_utc_seconds == -3 * 3600


def test_dialect_that_writes_local_time() -> None:
    """A maker known to write local time is not taken for UTC."""
    found = settle(NAMED, BARE, _fixes(LOCAL), time_zone="Europe/Madrid", gps_is_local=True)
    assert _settled(found) == (LOCAL, LOCAL - HOUR, 3600, "name+time_zone")
    assert not found.doubt


@pytest.mark.parametrize("off", [timedelta(days=4, minutes=7), timedelta(minutes=65), timedelta(hours=20)])
def test_wrong_camera_clock(off: timedelta) -> None:
    """A clock that is wrong is kept as the local time; UTC comes from GPS, with a warning."""
    gps = LOCAL - off
    found = settle(NAMED, BARE, _fixes(gps), time_zone="Europe/Madrid")
    assert _settled(found) == (LOCAL, gps, 3600, "gps")
    assert "disagree" in found.warnings[0]


def test_week_rollover_is_mended() -> None:
    """A receiver that fell back by 1024 weeks is put right."""
    gps = LOCAL - HOUR
    found = settle(NAMED, BARE, _fixes(gps - timedelta(weeks=1024)))
    assert _settled(found) == (LOCAL, gps, 3600, "gps")
    assert found.gps_to_utc_seconds == 1024 * 7 * 86400


def test_name_without_date() -> None:
    """GPS gives UTC and the zone the local time; without GPS the header does."""
    garmin = NameFacts(family="garmin")
    found = settle(garmin, BARE, _fixes(LOCAL), time_zone="Europe/Madrid")
    assert _settled(found) == (LOCAL + HOUR, LOCAL, 3600, "gps")
    header = Container(state="whole", created=LOCAL, duration_seconds=60.0)
    assert _settled(settle(garmin, header, time_zone="Europe/Madrid")) == (
        LOCAL + HOUR,
        LOCAL,
        3600,
        "header",
    )
    gopro = NameFacts(family="gopro")
    assert _settled(settle(gopro, header, time_zone="Europe/Madrid")) == (LOCAL, LOCAL - HOUR, 3600, "header")


def test_nothing_known() -> None:
    """A clip that tells no time has none; the file's own time is a claim, not an answer."""
    found = settle(NameFacts(), BARE, modified=datetime(2024, 1, 15, tzinfo=UTC).timestamp())
    assert _settled(found) == (None, None, None, None)
    assert [(c.source, c.value) for c in found.claims] == [("mtime", "2024-01-15T00:00:00Z")]


def test_every_claim_is_kept() -> None:
    """Whoever wins, all claims are told."""
    header = Container(state="whole", created=LOCAL + timedelta(seconds=60), duration_seconds=60.0)
    found = settle(NAMED, header, _fixes(LOCAL - HOUR), modified=1_705_318_496.0)
    assert {c.source: c.value for c in found.claims} == {
        "name_local": "2024-01-15T12:34:56",
        "mvhd": "2024-01-15T12:35:56Z",
        "mvhd_minus_duration": "2024-01-15T12:34:56Z",
        "gps": "2024-01-15T11:34:56Z",
        "mtime": "2024-01-15T11:34:56Z",
    }
