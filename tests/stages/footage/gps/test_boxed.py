"""GPS logs in boxes of their own: BlackVue, 70mai, Navitel and kin."""

import struct
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.clip import describe
from stages.footage.container import walk
from stages.footage.gps import blackvue
from stages.footage.gps.boxed import box_log
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from tests.stages.clips import box, mvhd, trak

FTYP = box(b"ftyp", b"mp42", bytes(4), b"mp42isom")
MOOV = box(b"moov", mvhd(None, 60.0), trak())


def _read(tmp_path: Path, *parts: bytes, name: str = "clip.mp4") -> GpsLog | None:
    path = tmp_path / name
    path.write_bytes(b"".join(parts))
    return read_inside(path, walk(path), exiftool=False)


# -- BlackVue -------------------------------------------------------------------------------------

LINES = (
    "[1633961700000]$GNRMC,181500.00,A,5000.0000,S,03000.0000,W,5.0,90.0,111021,,,A*5C",
    "[1633961700000]$GNGGA,181500.00,5000.0000,S,03000.0000,W,1,12,0.5,123.4,M,46.0,M,,*4C",
    "[1633961701250]$GNRMC,181501.00,V,,,,,,,111021,,,N*52",
    "[1633961702000]$GNRMC,181502.00,A,5000.0040,S,03000.0080,W,7.0,94.0,111021,,,A*00",
)


def _free(lines: tuple[str, ...], *, padding: bytes = b"\xff" * 40) -> bytes:
    about = box(b"cprt", b'{"model":"DR900X Plus","ver":1.000}\0')
    return box(b"free", about, box(b"thum", bytes(64)), box(b"gps ", "\n\n".join(lines).encode(), padding))


def test_blackvue(tmp_path: Path) -> None:
    """Lines in a `free` box: place and clock from RMC, height from GGA, seconds by the stamps."""
    log = _read(tmp_path, FTYP, _free(LINES), MOOV)
    assert log is not None
    assert (log.dialect, log.local_clock) == ("BlackVue", False)
    assert [fix.seconds for fix in log.fixes] == [0.0, 1.25, 2.0]
    assert [fix.valid for fix in log.fixes] == [True, False, True]
    fix = log.fixes[0]
    assert (fix.time, fix.lat, fix.lon) == (datetime(2021, 10, 11, 18, 15), -50.0, -30.0)  # noqa: DTZ001
    assert (fix.speed_kmh, fix.course, fix.altitude) == (pytest.approx(9.26), 90.0, 123.4)


@pytest.mark.parametrize(("which", "front"), [("zeros", True), ("0xff", False)])
def test_blackvue_without_a_fix(tmp_path: Path, which: str, front: bool) -> None:
    """A log that is nothing but padding has no position; it may lie before or behind the index."""
    free = _free((), padding=bytes(400) if which == "zeros" else b"\xff" * 400)
    log = _read(tmp_path, FTYP, *((free, MOOV) if front else (MOOV, free)))
    assert log is not None
    assert not log.placed


def test_accelerations() -> None:
    """Ten big-endian bytes each, up to the end mark; a reading that breaks off is left out."""
    data = struct.pack(">Ihhh", 0, 128, -64, 1) + struct.pack(">Ihhh", 117, 127, 0, -128)
    data += struct.pack(">Ihhh", 0xFFFFFFFF, 0, 0, 0) + struct.pack(">Ihhh", 300, 1, 1, 1)
    assert blackvue.accelerations(data) == [(0.0, 1.0, -0.5, 1 / 128), (0.117, 127 / 128, 0.0, -1.0)]
    assert len(blackvue.accelerations(data[:19])) == 1
    assert blackvue.accelerations(b"") == []


@pytest.mark.shared
def test_accelerations_of_a_camera_at_work(shared: Path) -> None:
    """One axis of the real file stays near 1 g, ten readings a second."""
    found = blackvue.accelerations((shared / "gps/dashcamigo/blackvue/real-anonymized.3gf").read_bytes())
    assert len(found) == 50
    assert [each.seconds for each in found[:3]] == [0.0, 0.109, 0.219]
    assert all(0.7 < each.y < 1.3 for each in found)
    assert all(abs(each.x) < 0.5 and abs(each.z) < 0.5 for each in found)


# -- 70mai Pro ------------------------------------------------------------------------------------


def _mai(
    second: int, lat: int, lon: int, *, fixed: int = 1, speed: int = 36_000, sides: bytes = b"NE"
) -> bytes:
    data = struct.pack("<4I", 1, fixed, second, speed)
    return (data + sides[:1] + struct.pack("<I", lat) + sides[1:] + struct.pack("<I", lon)).ljust(36, b"\0")


def test_70mai_box(tmp_path: Path) -> None:
    """Records of 36 bytes with their second and no clock; those without a fix say when, unused ones nothing."""
    records = [
        _mai(0, 0, 0, fixed=0),
        _mai(1, 5211435, 2047369, speed=105_330),
        _mai(2, 3351500, 15112250, sides=b"SW"),
        bytes(36 * 5),
    ]
    log = _read(tmp_path, FTYP, MOOV, box(b"GPS ", *records))
    assert log is not None
    assert [(fix.seconds, fix.valid) for fix in log.fixes] == [(0, False), (1, True), (2, True)]
    assert log.fixes[1][1:4] == (pytest.approx(52.1905833), pytest.approx(20.7894833), pytest.approx(105.33))
    assert log.fixes[2][1:3] == (pytest.approx(-33.8583333), pytest.approx(-151.2041667))


@pytest.mark.parametrize(
    "broken",
    [
        _mai(3, 5260000, 2047369),  # 60 minutes
        _mai(3, 9100000, 2047369),  # beyond the pole
        _mai(3, 5211435, 2047369, sides=b"OE"),
        _mai(3, 5211435, 2047369, speed=33_594_434),
        _mai(3, 5211435, 2047369, fixed=256),
        _mai(16_744_448, 5211435, 2047369),
    ],
)
def test_70mai_broken_record(tmp_path: Path, broken: bytes) -> None:
    """A record that cannot be is left out, and the next one is read."""
    log = _read(tmp_path, FTYP, MOOV, box(b"GPS ", broken, _mai(4, 5211435, 2047369)))
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [4]


def test_70mai_box_that_breaks_off(tmp_path: Path) -> None:
    """A box that claims more than the file has gives its whole records."""
    data = box(b"GPS ", *[_mai(i, 5211435, 2047369) for i in range(3)])
    log = _read(tmp_path, FTYP, MOOV, data[:-5])
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [0, 1]


#: Whole clips of the set, and how many fixes each has; the others are damaged on purpose.
WHOLE = {
    "AA20191130-123356-000153": 0, "EV20191130-121256-000132": 3, "EV20191130-121356-000133": 1,
    "EV20191130-122256-000142": 2, "NO20191130-120156-000121": 61, "NO20191130-120256-000122": 61,
    "NO20191130-120756-000127": 61, "NO20191130-121956-000139": 1, "PA20191130-121556-000135": 4,
    "PA20191130-121656-000136": 6, "PA20191130-121756-000137": 56, "PA20191130-121856-000138": 61,
    "PA20191130-122656-000146": 6, "XA20191130-120856-000128": 61, "ZZ20191130-123256-000152": 6,
}  # fmt: skip


@pytest.mark.shared
def test_70mai_sample_set(shared: Path) -> None:
    """All 36 files are read as far as they can be; every fix of a whole record lies on one road near Warsaw."""
    paths = sorted((shared / "gps/70mai_mzdun").glob("*.MP4"))
    assert len(paths) == 36
    for path in paths:
        log = read_inside(path, walk(path), exiftool=False)
        valid = [fix for fix in log.fixes if fix.valid] if log else []
        assert len(valid) == WHOLE.get(path.stem, 1 if path.stem.startswith("EV20191130-121456") else 0), path
        if path.stem not in WHOLE:
            continue
        for fix in valid:
            assert (fix.lat, fix.lon) == (pytest.approx(52.19, abs=0.005), pytest.approx(20.785, abs=0.01))
            assert 0 <= (fix.speed_kmh or 0) < 140


@pytest.mark.shared
def test_70mai_sample_route(shared: Path) -> None:
    """The whole minute becomes a route, a point a second; its last record is a repetition and left out."""
    about = describe(shared / "gps/70mai_mzdun/NO20191130-120156-000121.MP4")
    assert [point.seconds for point in about.route] == list(range(60))
    assert about.route_source == "70mai GPS box"


# -- gps0 -----------------------------------------------------------------------------------------


def _gps0(
    lat: float, lon: float, clock: bytes, *, speed: int = 50, course: int = 45, high: int = 140
) -> bytes:
    return struct.pack("<2diH", lat, lon, high, speed) + clock + bytes((course, 1, 1, 0))


def test_gps0(tmp_path: Path) -> None:
    """Doubles in DDMM, signed, UTC in bytes; the clip's own start gives the seconds; the course is halved."""
    records = [
        bytes(32),
        _gps0(-3351.5, -15112.25, bytes((24, 5, 6, 13, 30, 15))),
        _gps0(-3351.51, -15112.26, bytes((24, 5, 6, 13, 30, 16))),
    ]
    log = _read(tmp_path, FTYP, MOOV, box(b"IDIT", b"2024-05-06 16:30:14\0"), box(b"gps0", *records))
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [1.0, 2.0]
    assert log.fixes[0][:6] == (
        datetime(2024, 5, 6, 13, 30, 15),  # noqa: DTZ001
        pytest.approx(-33.8583333),
        pytest.approx(-151.2041667),
        50,
        90,
        140.0,
    )


def test_gps0_with_a_local_first_record_and_old_ones(tmp_path: Path) -> None:
    """A first record in local time and leftovers of the ring do not move the others."""
    clocks = [(16, 30, 15), (13, 30, 16), (13, 29, 10), (13, 30, 17), (13, 30, 18), (13, 30, 19)]
    records = [_gps0(5000.0, 3000.0 + i / 1000, bytes((24, 5, 6, *at))) for i, at in enumerate(clocks)]
    log = _read(tmp_path, FTYP, MOOV, box(b"IDIT", b"2024-05-06 16:30:14\0"), box(b"gps0", *records))
    assert log is not None
    seconds = {fix.time: fix.seconds for fix in log.fixes}
    assert [seconds[datetime(2024, 5, 6, 13, 30, second)] for second in (16, 17, 18, 19)] == [2, 3, 4, 5]  # noqa: DTZ001


def test_gps0_without_month_and_in_knots(tmp_path: Path) -> None:
    """Blank dates are taken from the clip's start, over a month's end; knots are told by the way driven."""
    records = []
    for i in range(14):
        clock = bytes((0, 0, 31 if i < 2 else 1, 23 if i < 2 else 0, 59 if i < 2 else 0, (58 + i) % 60))
        records.append(_gps0(5000 + i * 0.00833, 3000.0, clock, speed=30, course=200))  # 15.4 m a second
    log = _read(tmp_path, FTYP, MOOV, box(b"IDIT", b"2024-02-01 02:59:57\0"), box(b"gps0", *records))
    assert log is not None
    assert [fix.time and fix.time.month for fix in log.fixes] == [1, 1] + [2] * 12
    assert [fix.seconds for fix in log.fixes] == [float(i + 1) for i in range(14)]
    assert (log.fixes[3].speed_kmh, log.fixes[3].course) == (pytest.approx(55.56), None)


def test_foreign_gps0(tmp_path: Path) -> None:
    """Miltona's scrambled records are refused; Lamax's text under a mask is read."""
    log = _read(tmp_path, FTYP, MOOV, box(b"gps0", (bytes(44) + b"\x3c\x99\xa7\x3a").ljust(56, b"\0") * 4))
    assert log is not None
    assert "scrambled" in log.refused
    text = b"\0\0XKZD\xfe\xfe20180924224928\x0c5567GP   \0\0\0\0\0\x03N40464350W00704030800000007"
    record = (b"\1\3" + bytes(byte ^ 0xAA for byte in text)).ljust(311, b"\xaa")
    log = _read(tmp_path, FTYP, MOOV, box(b"gps0", record * 2))
    assert log is not None
    assert [fix.lon for fix in log.fixes] == [pytest.approx(-7.06718)] * 2


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "first"),
    [
        ("navitel/sample.MOV", 5, (datetime(2020, 11, 4, 13, 30, 15), 50.0, 30.0, 13, 92, 140.0, 1.0)),  # noqa: DTZ001
        ("ibox/synthetic-ibox.MOV", 2, (datetime(2023, 4, 22, 12, 45, 20), 50.0, 30.0, 73, 38, 155.0, 5.0)),  # noqa: DTZ001
    ],
)
def test_gps0_samples(shared: Path, name: str, count: int, first: tuple[object, ...]) -> None:
    """Navitel's and iBOX's boxes, field by field."""
    path = shared / "gps/dashcamigo" / name
    log = read_inside(path, walk(path), exiftool=False)
    assert log is not None
    assert len(log.fixes) == count
    assert tuple(log.fixes[0]) == first


def test_text_of_players(tmp_path: Path) -> None:
    """NMEA in a `udat` box is read."""
    log = _read(tmp_path, FTYP, MOOV, box(b"udat", LINES[0].encode()))
    assert log is not None
    assert log.placed


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from([b"GPS ", b"gps0", b"udat", b"free"]),
    data=st.binary(max_size=400),
    size=st.none() | st.integers(0, 2**32 - 1),
)
def test_any_box(
    tmp_path_factory: pytest.TempPathFactory, kind: bytes, data: bytes, size: int | None
) -> None:
    """Any bytes in a box, whatever length it claims, are read without harm."""
    inner = box(b"gps ", data) if kind == b"free" else data
    made = box(kind, inner)
    if size is not None:
        made = struct.pack(">I", size) + made[4:]
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    path.write_bytes(FTYP + box(b"IDIT", data[:19]) + MOOV + made)
    log = box_log(path, walk(path), None)
    for fix in log.fixes if log else ():
        assert fix.lat is None or abs(fix.lat) <= 90
    blackvue.accelerations(data)
