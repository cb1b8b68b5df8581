"""LigoGPS: woven records, and the tables behind a clip's end."""

import struct
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.clip import describe
from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps import ligo
from stages.footage.gps.dialects import DIALECTS
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from stages.footage.gps.trailers import trailer_log
from tests.stages.clips import box, mvhd, trak
from tests.stages.footage.gps.made_streams import stream

MOVIE = box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", bytes(64)) + box(b"moov", mvhd(None, 3.0), trak())
LINE = "2026/08/03 11:34:{:02d} {}:50.100000 {}:030.100000 19.0 km/h x:0.00 y:0.00 z:0.00 A:210.0 H:173.0"


def _weave(text: str) -> bytes:
    """The reverse of `ligo.unwoven` in the form that needs no blanks: five bytes for four."""
    data = text.encode().ljust(-(-len(text) // 4) * 4, b"\0")
    out = b""
    for at in range(0, len(data), 4):
        a, b, c, d = data[at : at + 4]
        steer = 0xC0 | (a ^ 0x20) & 1 | (b ^ 0x20) & 2 | (c ^ 0x20) & 0x0C | d & 0x10
        out += bytes((steer, (a ^ 0x20) & ~1, (b ^ 0x20) & ~2, (c ^ 0x20) & ~0x0C, (d & ~0x10) ^ 0x20))
    return b"####" + struct.pack("<I", len(out)) + out


def test_unwoven() -> None:
    """Weaving is undone, bit by bit, and the blanks that were left out come back."""
    text = "....2025/06/07 18:06:16 N:50.0000 W:30.0000 25.5"
    assert (ligo.unwoven(_weave(text)) or "").rstrip("\0") == text
    blanks = bytes((0x41, ord("2") ^ 0x20 & ~1, 0x10, 0x11))  # " 2" and on: a blank first
    assert (ligo.unwoven(b"####" + struct.pack("<I", 4) + blanks) or "x")[0] == " "
    assert ligo.unwoven(b"####" + struct.pack("<I", 4) + b"\x02\x30\x01\x30") == "21"


@pytest.mark.parametrize(
    "data", [b"", b"####", b"####\xff\xff\xff\xff" + b"\x20" * 8, b"####\x05\0\0\0\xc0\1\2"]
)
def test_what_is_no_woven_record(data: bytes) -> None:
    """Junk in the record's place gives nothing."""
    assert ligo.unwoven(data) is None


@pytest.mark.parametrize(
    ("mark", "read"), [(b"\x01", True), (b"\x14", True), (b"\x05", False), (b"\x0d", False)]
)
def test_blocks_tell_whether_coordinates_are_scrambled(mark: bytes, read: bool) -> None:
    """A block's header tells; a scrambled block without a fix is void, not refused."""
    for place, valid in (("N:48.5000 E:2.2500", True), ("N:0.0000 E:0.0000", False)):
        record = _weave(f"....2025/06/07 18:06:16 {place} 10.0")
        block = (
            b"\0\0\x40\0freeGPS " + bytes(4) + b"LIGOGPSINFO\0\0\0\0" + mark + bytes(4) + record + bytes(0x84)
        )
        row, fixes = next((row, found) for row in DIALECTS if (found := row.read(block)) is not None)
        assert bool(row.refused) == (valid and not read)
        if read and valid:
            assert fixes[0][1:4] == (48.5, 2.25, pytest.approx(18.52))
        if not valid:
            assert not fixes[0].valid


@pytest.mark.shared
def test_carcam_track(shared: Path) -> None:
    """CarCam's track is woven and not scrambled; its speeds are knots."""
    path = shared / "gps/dashcamigo/ligogps/synthetic-ligogps.mp4"
    log = read_inside(path, walk(path), exiftool=False)
    assert log is not None
    assert [(fix.lat, fix.lon) for fix in log.fixes] == [(50.0, 30.0), (50.0001, 30.0002), (50.0002, 30.0004)]
    assert [fix.speed_kmh for fix in log.fixes] == pytest.approx([47.226, 48.152, 49.078])
    assert log.fixes[0].time == datetime(2025, 6, 7, 18, 6, 16)  # noqa: DTZ001


def _table(*texts: str, magic: bytes = b"SKIPLIGOGPSINFO", count: int = 100, index: bool = True) -> bytes:
    slots = b"".join(
        ((struct.pack(">I", i + 1) if index else b"") + text.encode()).ljust(0x84, b"\0")
        for i, text in enumerate(texts)
    )
    size = 4 + len(magic) + 9 + len(slots) + 8
    head = struct.pack(">I", size) + magic + b"     " + struct.pack(">I", count)
    return head + slots + b"####" + struct.pack(">I", size)


HIDDEN = (
    struct.pack(">I", 0x30)
    + b"SKIPLIGOGPSINFO\0\0\0\0\x05\xff\xff\0\0####\x10"
    + bytes(20)
    + b"****\0\0\0\x30"
)


def _read(tmp_path: Path, data: bytes, name: str = "clip.mp4") -> GpsLog | None:
    path = tmp_path / name
    path.write_bytes(data)
    return read_inside(path, walk(path), exiftool=False)


@pytest.mark.parametrize("pad", [0, 24, 3408])
@pytest.mark.parametrize(("north", "east"), [("N", "E"), ("S", "W")])
def test_trailer_of_a_movie(tmp_path: Path, pad: int, north: str, east: str) -> None:
    """The plain table beside its scrambled twin, local clock, gaps and broken records and all."""
    texts = [
        LINE.format(53, north, east),
        "",
        "no record",
        LINE.format(56, "?", "?"),
        LINE.format(57, north, east),
    ]
    log = _read(tmp_path, MOVIE + bytes(pad) + HIDDEN + _table(*texts))
    assert log is not None
    assert (log.local_clock, log.refused) == (True, "")
    assert [(fix.seconds, fix.valid) for fix in log.fixes] == [(0.0, True), (3.0, False), (4.0, True)]
    sign = -1 if north == "S" else 1
    assert log.fixes[0][1:5] == (sign * 50.1, sign * 30.1, 19.0, 210.0)


@pytest.mark.parametrize("magic", [b"SKIPLIGOGPSINFO", b"SKIPLCAIGPSINFO", b"skipLIGOGPSINFO"])
def test_trailer_of_a_stream(tmp_path: Path, magic: bytes) -> None:
    """The same table behind a transport stream's last packet, with and without an index in its records."""
    table = _table(LINE.format(53, "N", "E"), LINE.format(54, "N", "E"), magic=magic, index=magic[:1] == b"S")
    log = _read(tmp_path, stream([b""] * 30) + table, "clip.ts")
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [0.0, 1.0]


def test_scrambled_table_alone_is_refused(tmp_path: Path) -> None:
    """Without the plain twin there is a sentence and no place; an empty table says nothing."""
    log = _read(tmp_path, MOVIE + HIDDEN)
    assert log is not None
    assert (log.placed, "scrambled" in log.refused) == (False, True)
    log = _read(tmp_path, MOVIE + _table())
    assert log is None or not (log.placed or log.refused)


def test_clip_with_other_bytes_behind_it(tmp_path: Path) -> None:
    """Padding and a maker's own trailer are no GPS."""
    assert _read(tmp_path, MOVIE + bytes(100_000)) is None
    assert _read(tmp_path, MOVIE + b"CCCC" * 500) is None


@pytest.mark.shared
def test_samples(shared: Path) -> None:
    """Three minutes of a real trailer, and the made ones: gaps, hostile counts, the scrambled alone, none."""
    folder = shared / "gps/dashcamigo/ligogps-trailer"
    log = trailer_log(folder / "real-anonymized.mp4", walk(folder / "real-anonymized.mp4"), None)
    assert log is not None
    assert len(log.fixes) == 180
    for i, fix in enumerate(log.fixes):
        assert (fix.lat, fix.lon) == (pytest.approx(48.1 + i * 1e-6), pytest.approx(-2.1 - i * 1e-6))
        assert abs((fix.seconds or 0) - i) <= 1  # a second is missing, another is there twice
        assert 0 <= (fix.speed_kmh or 0) < 150
    assert log.fixes[0].time == datetime(2026, 8, 3, 11, 34, 53)  # noqa: DTZ001
    happy, edge = (
        trailer_log(folder / name, walk(folder / name), None)
        for name in ("synthetic-happy.mp4", "synthetic-edge.mp4")
    )
    assert happy is not None
    assert [fix.speed_kmh for fix in happy.fixes] == [19, 20, 21, 22, 23, 24]
    assert edge is not None
    assert [fix.seconds for fix in edge.fixes if fix.valid] == [0.0, 5.0, 6.0]
    about = describe(folder / "synthetic-encrypted-only.mp4")
    assert (about.route, "scrambled" in about.route_refused) == ([], True)
    wrong = folder / "synthetic-wrong-format.mp4"
    assert trailer_log(wrong, walk(wrong), None) is None


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_trailers(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Trailers cut and changed anywhere never raise."""
    raw = bytearray(MOVIE + HIDDEN + _table(*(LINE.format(i, "N", "E") for i in range(3))))
    for _ in range(data.draw(st.integers(0, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "trailer.mp4"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    log = trailer_log(path, walk(path), None)
    for fix in log.fixes if log else ():
        assert fix.lat is None or abs(fix.lat) <= 90


@given(st.binary(max_size=200))
def test_any_woven_bytes(data: bytes) -> None:
    """Any bytes are unwoven without harm."""
    found = ligo.woven_fix(b"####" + data)
    assert found is None or isinstance(found, Fix)
