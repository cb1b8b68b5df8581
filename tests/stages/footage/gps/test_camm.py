"""Google's Camera Motion Metadata."""

import os
import struct
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps.camm import decode
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from tests.stages.footage.gps.made_tracks import Made, clip, read

WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
GPS_EPOCH = datetime(1980, 1, 6)  # noqa: DTZ001
UNIX_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


def type5(lat: float, lon: float, altitude: float = 30.5) -> bytes:
    """A packet with a place."""
    return struct.pack("<HH3d", 0, 5, lat, lon, altitude)


def type6(
    lat: float,
    lon: float,
    *,
    when: datetime = WHEN,
    epoch: datetime = GPS_EPOCH,
    lock: int = 3,
    east: float = 3.0,
    north: float = 4.0,
    altitude: float = 30.5,
) -> bytes:
    """A packet with a place, its time and how the camera moved."""
    clock = (when - epoch).total_seconds()
    return struct.pack("<HHdI2d7f", 0, 6, clock, lock, lat, lon, altitude, 1, 1, east, north, 0, 0.5)


def _read(tmp_path: Path, samples: list[bytes]) -> GpsLog | None:
    return read(tmp_path / "clip.mp4", clip(Made(b"meta", b"camm", samples, (500,)), created=WHEN))


def test_full_packets(tmp_path: Path) -> None:
    """Place, time, speed and course out of the velocity; motion packets between them are passed over."""
    gyro = struct.pack("<HH3f", 0, 2, 1, 2, 3)
    second = type6(-33.25, -70.5, when=WHEN + timedelta(seconds=0.5), east=-3.0, north=-4.0)
    log = _read(tmp_path, [type6(40.5, 3.25), gyro, second])
    assert log is not None
    assert log.dialect == "CAMM"
    assert log.fixes == [
        Fix(WHEN, 40.5, 3.25, 18.0, pytest.approx(36.87, abs=0.01), 30.5, 0.0),
        Fix(WHEN + timedelta(seconds=0.5), -33.25, -70.5, 18.0, pytest.approx(216.87, abs=0.01), 30.5, 1.0),
    ]


def test_simple_packets(tmp_path: Path) -> None:
    """Type 5 has a place and an altitude alone."""
    log = _read(tmp_path, [type5(40.5, -3.25), type5(0, 0)])
    assert log is not None
    assert log.fixes == [Fix(lat=40.5, lon=-3.25, altitude=30.5, seconds=0.0), Fix(seconds=0.5)]


def test_place_told_twice_counts_once(tmp_path: Path) -> None:
    """Where both types say the same, the one with a time is kept, also within one sample."""
    log = _read(tmp_path, [type5(40.5, 3.25) + type6(40.5, 3.25), type5(40.6, 3.25)])
    assert log is not None
    assert [fix.time for fix in log.fixes] == [WHEN]


@pytest.mark.parametrize(
    "packet",
    [
        type6(40.5, 3.25, lock=0),
        type6(91.0, 3.25),
        type6(40.5, float("nan")),
        type6(0.0, 0.0),
    ],
)
def test_no_fix_has_no_place(tmp_path: Path, packet: bytes) -> None:
    """A packet without a lock, and places off the earth, keep their time alone."""
    log = _read(tmp_path, [packet])
    assert log is not None
    assert log.fixes == [Fix(time=WHEN, seconds=0.0)]


@pytest.mark.parametrize("created", [WHEN, None])
def test_clock_from_1970(tmp_path: Path, created: datetime | None) -> None:
    """Some cameras count from 1970: told by the movie's time, else by the file's."""
    made = Made(b"meta", b"camm", [type6(40.5, 3.25, epoch=UNIX_EPOCH)])
    path = tmp_path / "clip.mp4"
    log = read(path, clip(made, created=created))
    assert log is not None
    assert log.fixes[0].time == WHEN


def test_clock_from_1980_in_an_old_file(tmp_path: Path) -> None:
    """A file as old as its recording, without a movie time: counted from 1980 as it should be."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip(Made(b"meta", b"camm", [type6(40.5, 3.25)])))
    os.utime(path, ((WHEN - UNIX_EPOCH).total_seconds(),) * 2)
    log = read_inside(path, walk(path))
    assert log is not None
    assert log.fixes[0].time == WHEN


def test_standing_camera_has_no_course(tmp_path: Path) -> None:
    """A velocity of next to nothing points nowhere."""
    log = _read(tmp_path, [type6(40.5, 3.25, east=0.1, north=0.0)])
    assert log is not None
    assert (log.fixes[0].course, log.fixes[0].speed_kmh) == (None, pytest.approx(0.36))


def test_text_in_the_track(tmp_path: Path) -> None:
    """A dashcam that calls its text CAMM."""
    text = b"X0000.0000Y0000.0000Z0000.0000G0000.0000$GPRMC,000125,A,5030.0,N,00300.0,W,010.0,,280918,002.1,N*71~, 794021"
    log = _read(tmp_path, [text])
    assert log is not None
    assert (log.fixes[0].lat, log.fixes[0].lon) == (50.5, -3.0)


def test_packet_cut_off(tmp_path: Path) -> None:
    """What is cut off, and what follows a type that nobody knows, is left out."""
    packet = type6(40.5, 3.25)
    assert decode(packet[:-1]) is None
    assert len(decode(packet + packet[:30]) or []) == 1
    assert len(decode(packet + struct.pack("<HH", 0, 99) + packet) or []) == 1


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=70), st.sampled_from([type5(1, 2), type6(1, 2)])), max_size=5))
def test_any_bytes(parts: list[bytes]) -> None:
    """Any bytes give fixes on earth or none."""
    for fix in decode(b"".join(parts)) or []:
        assert fix.lat is None or abs(fix.lat) <= 90
