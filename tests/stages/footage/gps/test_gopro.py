"""GoPro telemetry: GPMF and the positions in it."""

import re
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps.gopro import payload_fixes
from stages.footage.gps.gpmf import items, rows
from stages.footage.gps.gpx import read_gpx
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from stages.footage.route import build
from tests.stages.footage.gps.made_samples import device, gpmf, gps5, gps9
from tests.stages.footage.gps.made_tracks import Made, clip, read

WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
PLACES = [(-33.5 - i / 1000, -70.25 + i / 1000, 512.5, 10.0 + i) for i in range(4)]


def _read(tmp_path: Path, payloads: list[bytes], **how: int) -> GpsLog | None:
    return read(tmp_path / "GH010128.MP4", clip(Made(b"meta", b"gpmd", payloads, **how)))


def _payloads(path: Path) -> Iterator[bytes]:
    """The devices of a raw stream, each a payload."""
    data, at = path.read_bytes(), 0
    while at + 8 <= len(data):
        size, count = struct.unpack_from(">BH", data, at + 5)
        yield data[at : at + 8 + size * count]
        at += 8 + size * count


@pytest.mark.shared
def test_stream_with_its_gpx(shared: Path) -> None:
    """A HERO5 stream: what was well received is just what its GPX has, to the last digit."""
    fixes = [
        fix for each in _payloads(shared / "gps/gopro2gpx/hero05.bin") for fix in payload_fixes(each) or []
    ]
    truth = read_gpx(shared / "gps/gopro2gpx/hero05.gpx")
    speeds = re.findall(r"speed>([\d.]+)<", (shared / "gps/gopro2gpx/hero05.gpx").read_text())
    # The GPX has also the first 18 payloads, whose dilution of precision is 6.06.
    assert (len(truth), len(fixes)) == (618, 18 + 291)
    assert not any(fix.valid for fix in fixes[:18])
    for fix, true, speed in zip(fixes[18:], truth[-291:], speeds[-291:], strict=True):
        assert (fix.lat, fix.lon, fix.altitude) == (true.lat, true.lon, true.altitude)
        assert fix.speed_kmh == pytest.approx(float(speed) * 3.6)
        assert fix.time in (None, true.time)
    assert sum(fix.time is not None for fix in fixes) == 16


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "payloads", "valid"),
    [
        ("hero5.raw", 1, 0),  # indoors
        ("hero6.raw", 1, 0),
        ("hero6+ble.raw", 2, 0),  # a second device
        ("Fusion.raw", 1, 0),
        ("juanirache_Fusion.raw", 1, 0),
        ("juanirache_hero7.raw", 17, 308),
    ],
)
def test_raw_streams(shared: Path, name: str, payloads: int, valid: int) -> None:
    """Streams of many cameras: those without reception give no place."""
    found = [payload_fixes(each) for each in _payloads(shared / "gps/gopro_gpmf" / name)]
    assert len(found) == payloads
    assert None not in found
    assert sum(fix.valid for each in found for fix in each or []) == valid
    if valid:
        first = (found[0] or [])[0]
        assert (first.lat, first.lon, first.altitude) == (42.3425835, -8.7526142, 58.512)
        assert first.time == datetime(2019, 1, 3, 16, 33, 34, 94000)  # noqa: DTZ001


@pytest.mark.shared
def test_real_clip(shared: Path) -> None:
    """A GoPro MAX: eighteen fixes a second, evenly over each payload, the clock going on between them."""
    path = shared / "gps/gopro_gpmf/max-heromode.mp4"
    log = read_inside(path, walk(path), 10.517)
    assert log is not None
    assert (log.dialect, len(log.fixes)) == ("GoPro", 191)
    assert log.fixes[0][:3] == (datetime(2019, 11, 18, 23, 45, 14), 33.12677, -117.3273436)  # noqa: DTZ001
    assert log.fixes[0].seconds == 0
    assert log.fixes[1].seconds == pytest.approx(1.001 / 17)
    assert log.fixes[1].time == WHEN.replace(2019, 11, 18, 23, 45, 14, 59000)
    route = build(log.fixes, duration=10.517)
    assert len(route) > 40
    assert max(point.speed_kmh or 0 for point in route) < 20


def test_place_time_and_speed(tmp_path: Path) -> None:
    """Fixes lie evenly over their payload and carry its clock on; south and west are negative."""
    log = _read(
        tmp_path, [device(gps5(PLACES)), device(gps5(PLACES, clock="240115113458.500"))], durations=(2000,)
    )
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    assert log.fixes[1] == Fix(
        WHEN + timedelta(seconds=0.5),
        pytest.approx(-33.501),
        pytest.approx(-70.249),
        pytest.approx(39.6),
        None,
        512.5,
        0.5,
    )
    assert log.fixes[4].time == WHEN + timedelta(seconds=2.5)


@pytest.mark.parametrize(
    ("lock", "dilution", "valid"),
    [(3, 500, True), (2, 150, True), (3, 501, False), (0, 150, False), (1, 150, False), (3, 9999, False)],
)
def test_poor_reception_gives_no_place(tmp_path: Path, lock: int, dilution: int, valid: bool) -> None:
    """No lock in the plane, or a dilution of precision over 5: the positions are left out."""
    log = _read(tmp_path, [device(gps5(PLACES, lock=lock, dilution=dilution))])
    assert log is not None
    assert log.placed == valid


def test_gps9_goes_before_gps5(tmp_path: Path) -> None:
    """HERO11 writes both; each fix of the newer stream has its own clock and quality."""
    good = (40.5, -3.25, 600.0, 5.0, 8780, 41696.25, 1.5, 3)
    streams = [gps5(PLACES), gps9([good, (*good[:6], 5.01, 3), (*good[:7], 0), (*good[:6], 5.0, 2)])]
    log = _read(tmp_path, [device(*streams)])
    assert log is not None
    assert [fix.valid for fix in log.fixes] == [True, False, False, True]
    first = log.fixes[0]
    assert (first.lat, first.lon, first.altitude, first.speed_kmh) == (40.5, -3.25, 600.0, 18.0)
    assert first.time == datetime(2024, 1, 15, 11, 34, 56, 250000)  # noqa: DTZ001


def test_other_devices_and_streams(tmp_path: Path) -> None:
    """Of several devices the one that has places counts; streams of other sensors are passed over."""
    log = _read(tmp_path, [device() + device(gps5(PLACES, lock=0)) + device(gps5(PLACES[:2]))])
    assert log is not None
    assert [fix.lat for fix in log.fixes] == [pytest.approx(-33.5), pytest.approx(-33.501)]


@pytest.mark.parametrize("clock", ["000000000000.000", "991332256199.000", "            .   "])
def test_clock_that_cannot_be(tmp_path: Path, clock: str) -> None:
    """A clock that shows no date costs the time, not the place."""
    log = _read(tmp_path, [device(gps5(PLACES, clock=clock))])
    assert log is not None
    assert all(fix.valid and fix.time is None for fix in log.fixes)


def test_scale_of_zero_and_none(tmp_path: Path) -> None:
    """A scale of zero, and a missing one, give no place and no error."""
    stream = gps5(PLACES)
    scale = struct.pack(">5i", 10_000_000, 10_000_000, 1000, 1000, 100)
    for changed in (stream.replace(scale, bytes(20)), stream.replace(b"SCAL", b"XXXX")):
        log = _read(tmp_path, [device(changed)])
        assert log is not None
        assert not log.placed


def test_payload_that_is_cut_off() -> None:
    """A payload cut anywhere gives the fixes of what is whole, and never another place."""
    data = device(gps5(PLACES))
    whole = payload_fixes(data)
    assert whole is not None
    for end in range(len(data)):
        assert (payload_fixes(data[:end]) or []) in ([], whole)


def test_types_of_numbers() -> None:
    """Rows of every number type, of structures with repeats, and with a binary point."""
    for kind, form in zip("bBsSlLjJfd", "bBhHiIqQfd", strict=True):
        size = struct.calcsize(form)
        (item,) = items(gpmf(b"TEST", kind, size * 2, struct.pack(f">2{form}", 1, 2)))
        assert rows(item) == [(1.0, 2.0)]
    (item,) = items(gpmf(b"TEST", "q", 4, struct.pack(">i", -(3 << 15))))
    assert rows(item) == [(-1.5,)]
    kind, item = items(
        gpmf(b"TYPE", "c", 1, b"s[3]B") + gpmf(b"TEST", "?", 7, struct.pack(">3hB", 1, 2, 3, 4))
    )
    assert rows(item, None, kind) == [(1.0, 2.0, 3.0, 4.0)]
    assert rows(item) == []  # without TYPE nobody knows
    (item,) = items(gpmf(b"TEST", "c", 1, b"text"))
    assert rows(item) == []


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_payloads(data: st.DataObject) -> None:
    """Payloads with any bytes changed give fixes on earth or none, and no error."""
    places = [(40.5, -3.25, 600.0, 5.0, 8780, 41696.25, 1.5, 3)]
    payload = bytearray(
        data.draw(st.sampled_from([device(gps5(PLACES)), device(gps9(places), gps5(PLACES))]))
    )
    for _ in range(data.draw(st.integers(0, 8))):
        payload[data.draw(st.integers(4, len(payload) - 1))] = data.draw(st.integers(0, 255))
    for fix in payload_fixes(bytes(payload[: data.draw(st.integers(0, len(payload)))])) or []:
        assert fix.lat is None or abs(fix.lat) <= 90


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_payloads(data: bytes) -> None:
    """Any bytes behind a device's name never raise."""
    assert payload_fixes(data) is None or data[:4] == b"DEVC"
    assert payload_fixes(gpmf(b"DEVC", "", 0, data)) is not None
    assert payload_fixes(device(data)) is not None
