"""When a clip began: every claim kept, one believed."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stages.errors import SettingsError
from stages.footage.clip import describe
from stages.footage.clock import ClipTime, settle
from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.names import NameFacts, read_name
from stages.footage.runs import CameraClock
from tests.stages.clips import make_clip

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


MADRID, AT_SEA = (40.0, -3.0), (0.5, -30.0)


def _fixes(start: datetime, count: int = 5, place: tuple[float, float] = MADRID) -> list[Fix]:
    lat, lon = place
    return [Fix(time=start + timedelta(seconds=i), lat=lat, lon=lon, seconds=float(i)) for i in range(count)]


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
    """GPS time equal to the name, no setting and no law of a place: UTC as GPS has it, flagged."""
    found = settle(NAMED, BARE, _fixes(LOCAL, place=AT_SEA))
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
        "gps_first": "2024-01-15T11:34:56Z",
        "gps_last": "2024-01-15T11:35:00Z",
        "mtime": "2024-01-15T11:34:56Z",
    }


def test_the_law_of_the_place_decides_for_equal_clocks() -> None:
    """Without a setting the legal offset there tells local time written as UTC; where that is 0 all is well."""
    pytest.importorskip("tzfpy")
    found = settle(NAMED, BARE, _fixes(LOCAL))
    assert _settled(found) == (LOCAL, LOCAL - HOUR, 3600, "name+place_zone")
    assert (found.doubt, found.gps_to_utc_seconds) == (True, -3600)
    london = settle(NAMED, BARE, _fixes(LOCAL, place=(51.5, -0.1)))
    assert (_settled(london), london.doubt) == ((LOCAL, LOCAL, 0, "gps"), False)
    undated = settle(NameFacts(family="garmin"), BARE, _fixes(LOCAL))
    assert _settled(undated) == (LOCAL + HOUR, LOCAL, 3600, "gps")


def test_a_camera_set_to_utc_by_its_owner() -> None:
    """Equal clocks and a setting of UTC: nothing is in doubt, wherever that was."""
    found = settle(NAMED, BARE, _fixes(LOCAL), time_zone="UTC")
    assert (_settled(found), found.doubt) == ((LOCAL, LOCAL, 0, "gps"), False)


# -- what the camera's other clips say --------------------------------------------------------------


def test_a_clip_without_gps_gets_its_cameras_offset() -> None:
    """In a garage the offset of the camera's other clips counts, not this host's zone nor the owner's."""
    for zone in ("", "Asia/Tokyo"):
        found = settle(NAMED, BARE, time_zone=zone, others=lambda _: CameraClock(3600))
        assert (_settled(found), found.doubt) == ((LOCAL, LOCAL - HOUR, 3600, "camera_offset"), False)
    between = settle(NAMED, BARE, others=lambda _: CameraClock(3600, doubt=True))
    assert between.doubt


def test_a_camera_whose_clock_was_wrong() -> None:
    """Where other clips show a clock that is days off, UTC is right and the name stays what the camera showed."""
    off = -9 * 86_400 - 437
    found = settle(NAMED, BARE, time_zone="Europe/Madrid", others=lambda _: CameraClock(off))
    assert _settled(found) == (LOCAL, LOCAL + timedelta(seconds=-off), 3600, "camera_offset")
    assert "off by the GPS of its other clips" in found.warnings[0]


def test_other_clips_tell_local_time_written_as_utc() -> None:
    """A clip without void seconds gets the offset that another one's jump gave away."""
    asked: list[int | None] = []

    def others(ahead: int | None) -> CameraClock:
        asked.append(ahead)
        return CameraClock(10_800)

    found = settle(NAMED, BARE, _fixes(LOCAL), others=others)
    assert (_settled(found), found.gps_to_utc_seconds) == (
        (LOCAL, LOCAL - 3 * HOUR, 10_800, "camera_offset"),
        -10_800,
    )
    assert asked == [0]
    settle(NAMED, BARE, _fixes(LOCAL - HOUR), others=others)
    assert asked == [0], "a clip whose own GPS tells asks nobody"


def test_other_clips_that_tell_no_offset_tell_the_place() -> None:
    """Clips nearby with nothing but local time: the law of their place is better than this host's zone."""
    pytest.importorskip("tzfpy")
    found = settle(NAMED, BARE, others=lambda _: CameraClock(None, MADRID))
    assert (_settled(found), found.doubt) == ((LOCAL, LOCAL - HOUR, 3600, "name+place_zone"), False)


def test_this_hosts_zone_is_in_doubt() -> None:
    """A guess is flagged; a setting is not, and may be an offset that never changes."""
    assert settle(NAMED, BARE).doubt
    fixed = settle(NAMED, BARE, time_zone="+05:30")
    assert (fixed.utc_offset_seconds, fixed.doubt) == (19_800, False)


def test_a_log_beside_the_clip_is_a_claim() -> None:
    """What a sidecar says of the time is kept as it is written."""
    found = settle(NAMED, BARE, sidecar=LOCAL)
    assert ("sidecar", "2024-01-15T12:34:56") in [(c.source, c.value) for c in found.claims]


@pytest.mark.parametrize("year", [1999, 2100, 9999])
def test_times_that_no_camera_has(year: int) -> None:
    """Fixes of an impossible year are no claim about the start."""
    found = settle(NAMED, BARE, _fixes(LOCAL.replace(year=year)), time_zone="Europe/Madrid")
    assert found.start_utc == (LOCAL - HOUR).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "19700101_000012_NF.mp4",
        "1970_0101_000012_000001F.MP4",
        "19700101000012_0060.mp4",
        "20000101000012_0060.mp4",
    ],
)
def test_names_of_a_dead_clock_are_no_claim(name: str) -> None:
    """A camera that believes in 1970 or 2000: GPS tells both times, and without it there is none."""
    facts = read_name(name)
    found = settle(facts, BARE, _fixes(LOCAL), time_zone="Europe/Madrid")
    assert _settled(found) == (LOCAL + HOUR, LOCAL, 3600, "gps")
    assert "name_local" not in {claim.source for claim in found.claims}
    assert _settled(settle(facts, BARE, others=lambda _: CameraClock(3600))) == (None, None, None, None)


@pytest.mark.shared
def test_blackvue_log_with_seconds(shared: Path, tmp_path: Path) -> None:
    """A BlackVue clip's log beside it: its stamps are the camera's clock to the millisecond, its NMEA is UTC."""
    log = (shared / "gps/dashcamigo/blackvue/real-anonymized.gps").read_bytes()
    stamped = re.search(rb"\[(\d{13})\]\$G.RMC,(\d{6})[^,]*,A,(?:[^,]*,){6}(\d{6})", log)
    assert stamped is not None
    utc = datetime.strptime(f"{stamped[3].decode()}{stamped[2].decode()}", "%d%m%y%H%M%S")  # noqa: DTZ007
    local = utc + 9 * HOUR
    clip = make_clip(tmp_path / f"{local:%Y%m%d_%H%M%S}_NR.mp4", frames=20)
    (tmp_path / f"{local:%Y%m%d_%H%M%S}_N.gps").write_bytes(log)
    when = describe(clip).time
    assert (when.time_source, when.utc_offset_seconds) == ("gps", 32_400)
    assert when.start_utc is not None
    assert abs(when.start_utc.replace(tzinfo=None) - utc) < timedelta(seconds=90)
