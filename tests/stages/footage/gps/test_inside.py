"""All readers together, on one clip."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import walk
from stages.footage.gps.inside import read_inside
from tests.stages.clips import block_t3, block_t17, box, mvhd, novatek, trak
from tests.stages.footage.gps.made_streams import novatek_body, stream

WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
PLACE = (40.0, -3.0)
LINE = b"[1705318496000]$GPRMC,113456.00,A,4100.0000,N,00300.0000,W,5.0,90.0,150124,,,A*00\r\n"
FREE = box(b"free", box(b"cprt", b"Pittasoft"), box(b"gps ", LINE))


def test_a_position_outranks_a_void_log(tmp_path: Path) -> None:
    """Blocks that never saw the sky do not hide a box that did."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(novatek([block_t17(WHEN, None)]) + FREE)
    log = read_inside(path, walk(path), exiftool=False)
    assert log is not None
    assert (log.dialect, log.fixes[0].lat) == ("BlackVue", 41.0)


def test_a_void_log_is_kept(tmp_path: Path) -> None:
    """Without any position the void log stays, for its clock, and nothing dearer is tried."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(novatek([block_t3(WHEN, None)] * 2, seconds=2.0))
    log = read_inside(path, walk(path))
    assert log is not None
    assert [(fix.time, fix.valid) for fix in log.fixes] == [(WHEN, False)] * 2


MADE = (
    novatek([block_t17(WHEN, PLACE)] * 2, seconds=2.0, block_size=0x100)[0x7FC0:],
    box(b"ftyp", b"isom", bytes(4)) + FREE + box(b"moov", mvhd(WHEN, 1.0), trak()),
    box(b"ftyp", b"isom", bytes(4)) + box(b"moov", mvhd(WHEN, 1.0), trak(b"meta")) + box(b"GPS ", bytes(72)),
    stream([novatek_body(WHEN, PLACE)] * 2),
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_clips(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Clips cut and changed anywhere, glued together even, are read without harm."""
    raw = bytearray(data.draw(st.sampled_from(MADE)) + data.draw(st.sampled_from((b"", *MADE))))
    for _ in range(data.draw(st.integers(0, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.mp4"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    log = read_inside(path, walk(path), exiftool=False)
    for fix in log.fixes if log else ():
        assert fix.lat is None or abs(fix.lat) <= 90
        assert fix.lon is None or abs(fix.lon) <= 180
