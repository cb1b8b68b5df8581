"""Everything that a clip says about itself."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.clip import describe
from stages.footage.identity import fingerprint, identify
from stages.task import VIDEO_ID
from tests.stages.clips import block_t3, block_t17, make_clip, novatek

LOCAL = datetime(2024, 1, 15, 12, 34, 56)  # noqa: DTZ001
UTC = LOCAL - timedelta(hours=1)
NAME = "2024_0115_123456_000001F.MP4"


def _gpx(start: datetime, count: int) -> str:
    points = "".join(
        f'<trkpt lat="{40 + i * 1e-4:.5f}" lon="-3.5">'
        f"<time>{start + timedelta(seconds=i):%Y-%m-%dT%H:%M:%SZ}</time></trkpt>"
        for i in range(count)
    )
    return f'<?xml version="1.0"?><gpx><trk><trkseg>{points}</trkseg></trk></gpx>'


def _rmc(when: datetime, lat: float) -> str:
    north = f"{int(lat) * 100 + lat % 1 * 60:.5f}"
    return f"$GPRMC,{when:%H%M%S}.000,A,{north},N,00330.00000,W,10.0,0.0,{when:%d%m%y},,,A*00\n"


def _blocks(count: int = 5) -> list[bytes]:
    return [block_t3(UTC + timedelta(seconds=i), (40.0 + i * 1e-4, -3.5)) for i in range(count)]


def test_viofo_clip_with_gps(tmp_path: Path) -> None:
    """Name, container and GPS blocks together give camera, time and route."""
    path = tmp_path / "RO" / NAME
    path.parent.mkdir()
    path.write_bytes(novatek(_blocks(), seconds=5.0))
    about = describe(path, relative=f"DCIM/Movie/RO/{NAME}")
    assert (about.camera.channel, about.camera.locked) == ("front", True)
    assert about.time.start_utc is not None
    assert (about.time.start_local, about.time.start_utc.replace(tzinfo=None)) == (LOCAL, UTC)
    assert about.route_source == "freeGPS T3"
    assert [point.seconds for point in about.route] == [0, 1, 2, 3, 4]
    assert about.route[1].time == "2024-01-15T11:34:57Z"
    assert about.route[1].lat == pytest.approx(40.0001, abs=1e-5)
    assert about.warnings == []


def test_local_gps_clock_is_turned_into_utc(tmp_path: Path) -> None:
    """Where GPS time is the camera's local time, the route's times are UTC all the same."""
    path = tmp_path / NAME
    blocks = [block_t17(LOCAL + timedelta(seconds=i), (40.0 + i * 1e-4, -3.5)) for i in range(3)]
    path.write_bytes(novatek(blocks, seconds=3.0))
    about = describe(path, time_zone="Europe/Madrid")
    assert about.route[0].time == "2024-01-15T11:34:56Z"
    assert about.time.doubt
    assert about.warnings


def test_names_that_two_makers_share(tmp_path: Path) -> None:
    """Fourteen digits and a number are DDPai's, unless Novatek's GPS blocks lie in the clip."""
    path = tmp_path / "20240115123456_0002.MP4"
    path.write_bytes(novatek(_blocks(), seconds=5.0))
    assert (describe(path).camera.family, describe(path).camera.sequence) == ("novatek", 2)
    assert describe(make_clip(tmp_path / "20240115123456_0060.MP4")).camera.family == "ddpai"


def test_positions_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    """When no position can be believed there is no route, and a sentence says that there were some."""
    path = tmp_path / NAME
    path.write_bytes(novatek([block_t3(UTC, (40.0, -3.5)), block_t3(UTC, (48.0, 11.0))], seconds=2.0))
    about = describe(path)
    assert about.route == []
    assert "contradict" in about.warnings[0]


def test_a_rear_clip_without_gps_has_the_front_clips_route(tmp_path: Path) -> None:
    """Where only the front camera logs GPS, its route is the rear clip's too; the source names it."""
    (tmp_path / NAME).write_bytes(novatek(_blocks(), seconds=5.0))
    about = describe(make_clip(tmp_path / NAME.replace("1F", "2R")))
    assert about.route_source == f"freeGPS T3, of {NAME}"
    assert [point.lat for point in about.route] == [
        pytest.approx(40.0 + i * 1e-4, abs=1e-5) for i in range(5)
    ]
    assert about.time.time_source == "gps"


def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    """A name that no maker writes costs a sentence."""
    about = describe(make_clip(tmp_path / "holiday 2024-01-15 12.34.56.mp4"))
    assert "no maker's pattern" in about.warnings[-1]
    assert about.time.start_local == LOCAL


def test_nmea_beside_the_clip(tmp_path: Path) -> None:
    """A log of the same name, whatever its letter case, gives the route."""
    clip = make_clip(tmp_path / NAME)
    lines = (_rmc(UTC + timedelta(seconds=i), 40.0 + i * 1e-4) for i in range(3))
    (tmp_path / NAME.replace(".MP4", ".NMEA").lower()).write_text("".join(lines))
    about = describe(clip, duration=3.0)
    assert about.route_source == "NMEA beside the clip"
    assert [point.seconds for point in about.route] == [0, 1, 2]
    assert about.time.utc_offset_seconds == 3600


def test_blackvue_log_serves_all_channels(tmp_path: Path) -> None:
    """The log of a BlackVue recording belongs to its front and rear clips."""
    log = "".join(f"[{1705318496000 + 1000 * i}]{_rmc(UTC + timedelta(seconds=i), 40.0)}" for i in range(1))
    (tmp_path / "20240115_123456_N.gps").write_text(log)
    for channel in "FR":
        about = describe(make_clip(tmp_path / f"20240115_123456_N{channel}.mp4"))
        assert len(about.route) == 1


def test_gpx_of_the_same_name(tmp_path: Path) -> None:
    """A GPX file of the clip's name begins with the clip."""
    clip = make_clip(tmp_path / "holiday.mp4")
    (tmp_path / "Holiday.GPX").write_text(_gpx(UTC, 3))
    about = describe(clip, time_zone="Europe/Madrid", duration=3.0)
    assert about.route_source == "GPX beside the clip"
    assert (about.time.start_local, about.time.time_source) == (LOCAL, "gps")


def test_gpx_of_the_same_time(tmp_path: Path) -> None:
    """A long track of somebody's phone is cut to the clip's time."""
    clip = make_clip(tmp_path / "20240115_123456.mp4")
    (tmp_path / "yesterday.gpx").write_text(_gpx(UTC - timedelta(days=1), 3600))
    (tmp_path / "tour.gpx").write_text(_gpx(UTC - timedelta(seconds=1000), 3600))
    about = describe(clip, time_zone="Europe/Madrid")
    assert about.route_source == "GPX by time (tour.gpx)"
    at_start = next(point for point in about.route if point.seconds == 0)
    assert at_start.lat == pytest.approx(40.1)
    assert max(point.seconds for point in about.route) <= 4


def test_hostile_sidecar_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    """A sidecar that cannot be read costs a warning and nothing else."""
    clip = make_clip(tmp_path / "a.mp4")
    (tmp_path / "a.gpx").write_text('<!DOCTYPE gpx [<!ENTITY a "a">]><gpx/>')
    about = describe(clip)
    assert about.route == []
    assert "a.gpx was left out" in about.warnings[0]


def test_encrypted_positions_are_refused(tmp_path: Path) -> None:
    """Encrypted coordinates give no route, and the description says why."""
    block = bytearray(block_t17(UTC, (40.0, -3.5)))
    block[0x4C:0x50] = bytes(4)
    path = tmp_path / NAME
    path.write_bytes(novatek([bytes(block)], seconds=1.0))
    about = describe(path)
    assert about.route == []
    assert "encrypted" in about.warnings[0]


def test_damaged_clip_is_described(tmp_path: Path) -> None:
    """A broken clip is described too; its state says what is wrong."""
    path = tmp_path / NAME
    path.write_bytes(make_clip(tmp_path / "a.mp4").read_bytes()[:9000])
    about = describe(path)
    assert about.container.state == "truncated"
    assert about.warnings == [about.container.reason]


@pytest.mark.parametrize(
    ("name", "starts"),
    [(NAME, "20240115T123456-F-"), ("20240115_123456.MP4", "20240115T123456-X-"), ("a b.mp4", "undated-X-")],
)
def test_video_id(tmp_path: Path, name: str, starts: str) -> None:
    """The id is start, channel letter and content; `identify` and `describe` agree on it."""
    clip = make_clip(tmp_path / name)
    found = identify(clip)
    assert found.video_id == f"{starts}{fingerprint(clip)[:8]}"
    assert VIDEO_ID.match(found.video_id)
    assert describe(clip, duration=1.0).video_id == found.video_id


def test_fingerprint_sees_every_part(tmp_path: Path) -> None:
    """Another size, beginning, middle or end is another fingerprint; another name is not."""
    data = bytearray(range(256)) * (20 << 10)
    path = tmp_path / "a"
    prints = set()
    for at in (None, 0, len(data) // 4, len(data) // 2, len(data) * 3 // 4, len(data) - 1):
        changed = bytearray(data)
        if at is not None:
            changed[at] ^= 0xFF
        path.write_bytes(changed)
        prints.add(fingerprint(path))
    path.write_bytes(data[:-256])
    prints.add(fingerprint(path))
    assert len(prints) == 7
    (tmp_path / "b").write_bytes(data[:-256])
    assert fingerprint(tmp_path / "b") in prints


@pytest.mark.slow
@pytest.mark.shared
def test_real_clips(shared: Path) -> None:
    """Real clips of many makers are described without an exception, and ids are good."""
    paths = [p for p in (shared / "gps").rglob("*") if p.suffix.lower() in (".mp4", ".mov", ".ts", ".mkv")]
    assert len(paths) > 50
    for path in paths:
        assert VIDEO_ID.match(describe(path).video_id), path


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_gps_clips(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A clip with GPS, cut and changed anywhere, is described without an exception."""
    whole = bytearray(novatek([block_t3(UTC, (40.0, -3.5))], seconds=1.0, block_size=0x100))
    start = len(whole) - 0x8000 - 500
    for _ in range(data.draw(st.integers(0, 5))):
        whole[data.draw(st.integers(max(0, start), len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("clip") / NAME
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    about = describe(path)
    assert all(abs(point.lat) <= 90 for point in about.route)
