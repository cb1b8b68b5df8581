"""GPS records in MPEG transport streams."""

import struct
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import walk
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from stages.footage.gps.streams import stream_log
from tests.stages.footage.gps.made_streams import GPS, novatek_body, stream

WHEN = datetime(2021, 3, 18, 15, 39, 34)  # noqa: DTZ001


def _read(tmp_path: Path, data: bytes) -> GpsLog | None:
    path = tmp_path / "clip.TS"
    path.write_bytes(data)
    return read_inside(path, walk(path), exiftool=False)


@pytest.mark.parametrize("prefix", [0, 164])
@pytest.mark.parametrize("pid", [GPS, 0x1E4])
@pytest.mark.parametrize("place", [(50.0, 30.0), (-33.5, -70.6)])
def test_novatek(tmp_path: Path, prefix: int, pid: int, place: tuple[float, float]) -> None:
    """The bare record and the one behind B4K's prefix, on whatever PID, in local time, with a skipped second."""
    times = [WHEN + timedelta(seconds=i) for i in (0, 1, 2, 4)]
    bodies = [novatek_body(when, None if i == 1 else place, prefix) for i, when in enumerate(times)]
    log = _read(tmp_path, stream(bodies, pid=pid, begun=1.0))
    assert log is not None
    assert (log.dialect, log.local_clock) == ("Novatek in MPEG-TS", True)
    assert [fix.time for fix in log.fixes] == times
    assert [fix.valid for fix in log.fixes] == [True, False, True, True]
    assert [fix.seconds for fix in log.fixes] == [1.0, 2.0, 3.0, 5.0]
    assert (log.fixes[0].lat, log.fixes[0].lon) == pytest.approx(place, abs=1e-5)
    assert (log.fixes[0].speed_kmh, log.fixes[0].course) == (pytest.approx(37.04), 90.0)


def test_bad_records_among_good_ones(tmp_path: Path) -> None:
    """A month of 13, a place that is no number and one beyond the pole cost their own records only."""
    bodies = [bytearray(novatek_body(WHEN + timedelta(seconds=i), (50.0, 30.0))) for i in range(5)]
    struct.pack_into("<I", bodies[1], 16, 13)
    struct.pack_into("<I", bodies[2], 28, 0x7FC00000)
    struct.pack_into("<f", bodies[3], 28, 9930.0)
    log = _read(tmp_path, stream([bytes(body) for body in bodies]))
    assert log is not None
    assert [fix.time and fix.time.second for fix in log.fixes if fix.valid] == [34, 38]


def test_last_unit_breaks_off(tmp_path: Path) -> None:
    """A stream that was cut within the last unit gives the ones before."""
    data = stream([novatek_body(WHEN + timedelta(seconds=i), (50.0, 30.0), 164) for i in range(3)])
    log = _read(tmp_path, data[: data.rindex(b"\0\0\1\xbf") + 40])
    assert log is not None
    assert sum(fix.valid for fix in log.fixes) == 2


@pytest.mark.parametrize("kind", [0xBF, 0xBD])
def test_texts(tmp_path: Path, kind: int) -> None:
    """Viidure's line is UTC, others' the camera's clock; a scrambled twin in between is passed over."""
    plain = b"normal:2025/08/01 09:10:%02d N:48.100000 W:2.200000 36.0 km/h x:0.0 y:0.0 z:0.0 A:271.0 H:12.0"
    scrambled = b"LIGOGPSINFO\0\0\0\0\x05\x0a\0\0\0####" + bytes(120)
    bodies = [body for second in range(3) for body in (scrambled, plain % second)]
    log = _read(tmp_path, stream([body.ljust(152, b"\0") for body in bodies], kind=kind))
    assert log is not None
    assert (log.dialect, log.local_clock) == ("LigoGPS text in MPEG-TS", True)
    fix = next(fix for fix in log.fixes if fix.valid)
    assert fix[:5] == (datetime(2025, 8, 1, 9, 10), 48.1, -2.2, 36.0, 271.0)  # noqa: DTZ001
    viidure = b"Viidure2025/08/01 09:10:00 S:33.5 E:151.2 54.0 km/h 90.0 35 7 x:-0.001 y:-0.001 z:-0.001\0"
    log = _read(tmp_path, stream([viidure], kind=kind))
    assert log is not None
    assert (log.local_clock, log.fixes[0].lat, log.fixes[0].speed_kmh) == (False, -33.5, 54.0)


def test_scrambled_alone_is_refused(tmp_path: Path) -> None:
    """LigoGPS units without a plain twin give a sentence."""
    log = _read(tmp_path, stream([b"LIGOGPSINFO\0\0\0\0\x05\x0a\0\0\0####" + bytes(120)] * 2))
    assert log is not None
    assert (log.placed, "scrambled" in log.refused) == (False, True)


def test_innovv_and_dod(tmp_path: Path) -> None:
    """INNOVV's records have no clock and lie evenly; DOD's ring is put in order by its own."""
    one = b"ANW\0" + struct.pack("<4f", 4807.3, 1621.5, 7.0, 195.0) + bytes(12)
    log = _read(tmp_path, stream([b"V00\0" + bytes(28) + one, one * 2]))
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [0.0, 0.5, 1.0, 1.5]
    assert [fix.valid for fix in log.fixes] == [False, True, True, True]
    assert log.fixes[1].lon == pytest.approx(-16.358333)

    def dod(second: int) -> bytes:
        clock = struct.pack(">HhHBBBBH", 1000, -1000, 2024, 5, 6, 7, 8, second * 10)
        return (b"$S" + clock + b"\2" + struct.pack(">ii", -335000000, 1512000000)).ljust(32, b"\0")

    log = _read(tmp_path, stream([bytes(32) + dod(10) + dod(12) + dod(11)]))
    assert log is not None
    assert log.fixes[0][1:5] == (-33.5, 151.2, 36.0, 350.0)
    assert sorted(fix.seconds or 0 for fix in log.fixes) == [-2.0, -1.0, 0.0]


def test_stream_without_gps(tmp_path: Path) -> None:
    """Other private units, and none, are no GPS."""
    assert _read(tmp_path, stream([b"an AC-3 frame" + bytes(300)] * 3, kind=0xBD)) is None
    assert _read(tmp_path, stream([b""] * 3)) is None


@pytest.mark.shared
def test_sample_without_gps(shared: Path) -> None:
    """The sample stream holds picture and sound alone."""
    path = shared / "gps/dashcamigo/generic/20260511134011_073648A.TS"
    assert stream_log(path, walk(path), 5.0) is None


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_streams(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Streams cut and changed anywhere never raise and stay on earth."""
    raw = bytearray(stream([novatek_body(WHEN, (50.0, 30.0), data.draw(st.sampled_from((0, 164))))] * 3))
    for _ in range(data.draw(st.integers(0, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.ts"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    log = stream_log(path, walk(path), None)
    for fix in log.fixes if log else ():
        assert fix.lat is None or abs(fix.lat) <= 90
