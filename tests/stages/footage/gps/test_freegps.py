"""Novatek's GPS blocks: where they are found, and what a clip's blocks say together."""

import struct
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stages.footage.container import walk
from stages.footage.gps.freegps import freegps_log, scattered_log
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from tests.stages.clips import block_t3, block_t17, box, mvhd, novatek, record, trak

WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
MADRID = (40.0, -3.0)


def _read(tmp_path: Path, data: bytes, name: str = "clip.MP4") -> GpsLog | None:
    path = tmp_path / name
    path.write_bytes(data)
    return read_inside(path, walk(path), walk(path).duration_seconds, exiftool=False)


@pytest.mark.parametrize("make", [block_t3, block_t17])
@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("place", [(40.4168, -3.7038), (-33.8688, 151.2093)])
def test_blocks_in_order(tmp_path: Path, make: Any, table: bool, place: tuple[float, float]) -> None:
    """Each block gives a fix, tied to the clip by where it lies; a second without a fix is kept as such."""
    times = [WHEN + timedelta(seconds=i) for i in range(4)]
    blocks = [make(when, None if i == 1 else place) for i, when in enumerate(times)]
    found = _read(tmp_path, novatek(blocks, seconds=8.0, table=table))
    assert found is not None
    assert [fix.seconds for fix in found.fixes] == [0, 2, 4, 6]
    assert [fix.valid for fix in found.fixes] == [True, False, True, True]
    assert [fix.time for fix in found.fixes] == times
    assert found.fixes[0].lat == pytest.approx(place[0], abs=1e-5)
    assert found.fixes[0].lon == pytest.approx(place[1], abs=2e-5)


def test_clip_without_blocks(tmp_path: Path) -> None:
    """A clip without GPS is no error."""
    assert _read(tmp_path, novatek([])) is None
    assert _read(tmp_path, b"text") is None


def test_table_that_lies(tmp_path: Path) -> None:
    """Entries that point behind the file, or at other bytes, are passed over."""
    data = bytearray(novatek([block_t17(WHEN, MADRID)] * 3, seconds=3.0))
    at = data.rindex(b"gps ") + 12
    struct.pack_into(">II", data, at, 0xFFFFFF00, 0xFFFFFFFF)
    struct.pack_into(">II", data, at + 8, 16, 0x4000)
    struct.pack_into(">I", data, at - 4, 0xFFFFFFFF)  # its count
    found = _read(tmp_path, bytes(data))
    assert found is not None
    assert [fix.seconds for fix in found.fixes] == [2]


def test_table_that_points_a_little_before_the_block(tmp_path: Path) -> None:
    """A few bytes of junk between an entry's place and its block cost nothing."""
    data = bytearray(novatek([block_t17(WHEN, MADRID)], seconds=1.0))
    at = data.rindex(b"gps ") + 12
    struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] - 20)
    found = _read(tmp_path, bytes(data))
    assert found is not None
    assert found.placed


def test_block_that_breaks_off(tmp_path: Path) -> None:
    """A clip that ends in the middle of its last block gives the ones before."""
    data = novatek([block_t17(WHEN, MADRID)] * 2, seconds=2.0, table=False)
    cut = data[: data.rindex(b"freeGPS ") + 60]
    found = _read(tmp_path, cut)
    assert found is not None
    assert sum(fix.valid for fix in found.fixes) == 1


def test_blocks_with_status_text_alone(tmp_path: Path) -> None:
    """Blocks that hold no record of any layout are no GPS."""
    block = b"\0\0\x40\0freeGPS " + struct.pack("<I", 0x80) + b"PWRS:1 ACC:0 PwrKey:0"
    assert _read(tmp_path, novatek([block] * 3, table=True)) is None
    assert _read(tmp_path, novatek([block] * 3, table=False)) is None


def test_street_guardian(tmp_path: Path) -> None:
    """A `free` box after each piece of sound, anywhere between the pictures: no boundary is assumed."""
    inner = b"GPS " + bytes(36) + record(WHEN, MADRID)
    media = b"\x55" * 1001 + box(b"free", inner) + b"\x55" * 333 + box(b"free", inner) + b"\x55" * 50
    data = box(b"ftyp", b"qt  ", bytes(4)) + box(b"mdat", media) + box(b"moov", mvhd(WHEN, 2.0), trak())
    found = _read(tmp_path, data)
    assert found is not None
    assert (found.dialect, len(found.fixes)) == ("freeGPS T17", 2)
    assert found.fixes[0].lat == pytest.approx(40.0)


def test_scaled_coordinates_by_the_maker_box(tmp_path: Path) -> None:
    """The Rexing V1-4K is told by its maker box alone; its stretched coordinates are put right."""
    block = bytearray(block_t17(WHEN, (1.0, 1.0), knots=50.0))
    struct.pack_into("<2f", block, 0x4C, 33.67 * 3 + 187.982162849635, 112.1 * 2 + 2199.19873715495)
    frea = box(b"frea", box(b"ver ", b"3.01.054"))
    found = _read(tmp_path, novatek([bytes(block)]) + frea)
    assert found is not None
    assert not found.refused
    assert (found.fixes[0].lat, found.fixes[0].lon) == (
        pytest.approx(33.67, abs=1e-4),
        pytest.approx(112.1, abs=1e-3),
    )
    other = _read(tmp_path, novatek([bytes(block)]) + box(b"frea", box(b"ver ", b"3.01.055")), "other.MP4")
    assert other is not None
    assert other.fixes[0].lat != found.fixes[0].lat


@pytest.mark.parametrize(("years", "local"), [((0, 0, 2000), False), ((2000, 0, 2000), True)])
def test_kenwood_writes_two_clocks(tmp_path: Path, years: tuple[int, int, int], local: bool) -> None:
    """A full year is local time, a short one UTC; of a clip that mixes them only the more frequent counts."""
    blocks = []
    for i, year in enumerate(years):
        block = bytearray(
            b"\0\0\x40\0freeGPS " + bytes(4 + 0x30) + record(WHEN + timedelta(seconds=i), MADRID)
        )
        struct.pack_into("<I", block, 0x4C, year + 24)
        blocks.append(bytes(block))
    found = _read(tmp_path, novatek(blocks, seconds=3.0))
    assert found is not None
    assert (found.dialect, found.local_clock) == ("freeGPS (Kenwood)", local)
    assert [fix.time is not None for fix in found.fixes] == [bool(year) == local for year in years]
    assert all(fix.valid for fix in found.fixes)


def _t19(lat: int, lon: int, speed: int) -> bytes:
    head = b"\0\0\x40\0freeGPS " + bytes.fromhex("ed0100000300ed010000000f000070080000")
    return head + b"A" + struct.pack("<4i", lat, lon, 45, speed) + bytes(4) + b"VV"


@pytest.mark.parametrize("minutes", [True, False])
@pytest.mark.parametrize("side", [1, -1])
def test_70mai_scale_is_told_by_the_speed(tmp_path: Path, minutes: bool, side: int) -> None:
    """T19's numbers are DDMM.MMMMM, unless only degrees agree with the speeds beside them."""
    blocks = []
    for i in range(20):
        north = side * (51.05 + 10 / 111_195 * i)  # 36 km/h
        value = side * (5100 + (abs(north) - 51) * 60) * 1e5 if minutes else north * 1e7
        blocks += [_t19(round(value), 650_000_000 if not minutes else 63000000, 36)] * 3
    found = _read(tmp_path, novatek(blocks, seconds=20.0))
    assert found is not None
    assert found.fixes[0].lat == pytest.approx(side * 51.05, abs=1e-6)
    assert found.fixes[0].lon == pytest.approx(6.5 if minutes else 65.0)
    assert (found.fixes[0].speed_kmh, found.fixes[0].course, found.fixes[0].time) == (36, 45, None)


def test_70mai_minutes_that_cannot_be(tmp_path: Path) -> None:
    """Minutes of 60 and more in the clip's numbers say that they are degrees."""
    found = _read(tmp_path, novatek([_t19(509_900_000 + i * 900, 65_000_000, 0) for i in range(5)]))
    assert found is not None
    assert found.fixes[0].lat == pytest.approx(50.99)


def test_blocks_lie_where_no_track_has_its_samples(tmp_path: Path) -> None:
    """What looks like a block in the picture is none; the gap between two chunks is looked through."""
    head = box(b"ftyp", b"isom", bytes(4))
    decoy, block = block_t17(WHEN, (1.0, 1.0)).ljust(200, b"\0"), block_t17(WHEN, MADRID).ljust(300, b"\0")
    start = len(head) + 8
    table = box(
        b"stbl",
        box(b"stsz", struct.pack(">4I", 0, 0, 2, 200), struct.pack(">I", 200)),
        box(b"stsc", struct.pack(">5I", 0, 1, 1, 1, 1)),
        box(b"stco", struct.pack(">4I", 0, 2, start, start + 500)),
        box(b"stts", struct.pack(">4I", 0, 1, 2, 500)),
    )
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(12)), box(b"minf", table)))
    data = head + box(b"mdat", decoy, block, decoy) + box(b"moov", mvhd(WHEN, 1.0), track)
    found = _read(tmp_path, data)
    assert found is not None
    assert [fix.lat for fix in found.fixes] == [pytest.approx(40.0)]


def test_search_is_spared_where_it_is_vain(tmp_path: Path) -> None:
    """Clips of makers who leave no blocks are not looked through."""
    data = novatek([block_t17(WHEN, MADRID)], table=False)
    for name, found in (("2026-01-15_10-00-00-front.mp4", False), ("2026_0115_100000_001.MP4", True)):
        (tmp_path / name).write_bytes(data)
        log = scattered_log(tmp_path / name, walk(tmp_path / name), None)
        assert (log is not None) == found, name


def test_table_that_is_wholly_wrong(tmp_path: Path) -> None:
    """Blocks are searched for where the table leads to none."""
    data = bytearray(novatek([block_t17(WHEN, MADRID)] * 2, seconds=2.0))
    for entry in range(2):
        struct.pack_into(">I", data, data.rindex(b"gps ") + 12 + 8 * entry, 0xFFFFFF00)
    path = tmp_path / "clip.MP4"
    path.write_bytes(data)
    assert freegps_log(path, walk(path), None) is None
    log = read_inside(path, walk(path), exiftool=False)
    assert log is not None
    assert len(log.fixes) == 2


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "dialect", "first", "count"),
    [
        ("novatek/synthetic-viofo.mp4", "freeGPS T17", (50.123456, 30.654321, 55.56, 90.0), 3),
        ("novatek/synthetic-vantrue.mp4", "freeGPS T2 (NMEA)", (47.0, 27.0, 60.8382, 45.45), 3),
        ("70mai-embedded/synthetic-70mai.mp4", "freeGPS T19 (70mai)", (50.0, 30.0, 0, 45), 9),
        ("70mai-embedded/real-anonymized.mp4", "freeGPS T19 (70mai)", (50.0, 30.0, 45, 346), 12),
    ],
)
def test_sample_clips(shared: Path, name: str, dialect: str, first: tuple[float, ...], count: int) -> None:
    """Every valid record of the sample clips is read, with speed and course."""
    path = shared / "gps/dashcamigo" / name
    found = read_inside(path, walk(path), exiftool=False)
    assert found is not None
    valid = [fix for fix in found.fixes if fix.valid]
    assert (found.dialect, len(valid)) == (dialect, count)
    fix = valid[0]
    assert (fix.lat, fix.lon, fix.speed_kmh, fix.course) == pytest.approx(first, abs=1e-5)


@pytest.mark.shared
def test_sample_viofo_has_three_offsets(shared: Path) -> None:
    """The sample mixes three layouts of one record, one a word further on; the times tell that all are read."""
    path = shared / "gps/dashcamigo/novatek/synthetic-viofo.mp4"
    found = read_inside(path, walk(path), exiftool=False)
    assert found is not None
    assert [fix.time and fix.time.second for fix in found.fixes] == [0, 1, 2]
    assert [round(fix.lat or 0, 3) for fix in found.fixes] == [50.123, 50.124, 50.125]
