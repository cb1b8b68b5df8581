"""The bounded walk over a clip's boxes."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import Container, walk
from tests.stages.clips import block_t17, box, make_clip, mvhd, novatek, trak

WHEN = datetime(2024, 1, 15, 12, 34, 56)  # noqa: DTZ001
FTYP = box(b"ftyp", b"isom", bytes(4), b"isom")


def _walk(tmp_path: Path, data: bytes) -> Container:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    return walk(path)


def test_whole_clip(tmp_path: Path) -> None:
    """A finished clip is whole, has video and tells its length."""
    found = walk(make_clip(tmp_path / "a.mp4"))
    assert (found.state, found.kind, found.has_video, found.reason) == ("whole", "mp4", True, "")
    assert found.duration_seconds == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_truncated_clip_names_the_missing_bytes(tmp_path: Path, cut: int) -> None:
    """A clip whose last box is cut says by how many bytes."""
    data = make_clip(tmp_path / "a.mp4", index_first=True).read_bytes()
    found = _walk(tmp_path, data[:-cut])
    assert (found.state, found.missing_bytes, found.has_index) == ("truncated", cut, True)
    assert f"truncated by {cut} bytes" in found.reason


def test_truncated_before_the_index(tmp_path: Path) -> None:
    """A clip that breaks off before its index says that too."""
    data = make_clip(tmp_path / "a.mp4").read_bytes()
    found = _walk(tmp_path, data[:8000])
    assert (found.state, found.has_index) == ("truncated", False)
    assert "moov" in found.reason


def test_no_index(tmp_path: Path) -> None:
    """Media without an index: the camera lost power."""
    found = _walk(tmp_path, FTYP + box(b"mdat", bytes(1000)) + bytes(4096))
    assert found.state == "no_index"
    assert "moov" in found.reason


def test_media_behind_the_end(tmp_path: Path) -> None:
    """Chunk offsets behind the end of the file mean lost pictures, whatever the boxes claim."""
    stco = box(b"stco", bytes(4), (1).to_bytes(4, "big"), (1_000_000).to_bytes(4, "big"))
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stco))))
    data = FTYP + box(b"moov", mvhd(), track) + box(b"mdat", bytes(100))
    found = _walk(tmp_path, data)
    assert (found.state, found.missing_bytes) == ("truncated", 1_000_001 - len(data))


def test_trailer_and_padding_do_no_harm(tmp_path: Path) -> None:
    """What a maker or a card leaves behind the last box does not make a clip broken."""
    data = FTYP + box(b"mdat", bytes(100)) + box(b"moov", mvhd(WHEN, 3.0), trak())
    for trailer in (bytes(4096), b"\xff" * 50, b"\x7f\xff\xff\xffskip"[:4] + b"LIGO" + bytes(50)):
        assert _walk(tmp_path, data + trailer).state == "whole"


@pytest.mark.parametrize("data", [b"", b"hello, I am a text\n" * 50, b"\0" * 5000, b"\xff\xd8\xff\xe0JFIF"])
def test_what_is_no_video(tmp_path: Path, data: bytes) -> None:
    """Empty files, texts, zeros and pictures are told apart from broken clips."""
    found = _walk(tmp_path, data)
    assert found.state == ("not_video" if data else "empty")
    assert found.reason


def test_transport_stream_is_whole(tmp_path: Path) -> None:
    """MPEG-TS has no index: its sync bytes are enough."""
    found = walk(make_clip(tmp_path / "a.ts"))
    assert (found.state, found.kind) == ("whole", "mpegts")


def test_header_times(tmp_path: Path) -> None:
    """Creation time and length come from the movie header; a zero time is none."""
    data = novatek([block_t17(WHEN, (1.0, 1.0))], created=WHEN, seconds=60.0)
    found = _walk(tmp_path, data)
    assert (found.created, found.duration_seconds) == (WHEN, 60.0)
    assert found.gps_table is not None
    assert found.gps_table.size == 16
    assert _walk(tmp_path, novatek([], created=None)).created is None


def test_header_that_counts_from_1970(tmp_path: Path) -> None:
    """Writers that count from 1970 are understood."""
    seconds = int((WHEN - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
    header = box(
        b"mvhd", bytes(4), seconds.to_bytes(4, "big"), bytes(4), (1000).to_bytes(4, "big"), bytes(84)
    )
    assert _walk(tmp_path, FTYP + box(b"moov", header)).created == WHEN


def test_giant_sizes_are_not_read(tmp_path: Path) -> None:
    """A box that claims exabytes costs nothing and is reported as missing bytes."""
    data = FTYP + b"\0\0\0\x01mdat" + (1 << 62).to_bytes(8, "big") + bytes(100)
    found = _walk(tmp_path, data)
    assert found.state == "truncated"
    assert found.missing_bytes > 1 << 61


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600), st.booleans())
def test_arbitrary_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, framed: bool) -> None:
    """No bytes make the walk fail, and what is not whole always has a reason."""
    path = tmp_path_factory.mktemp("walk") / "a.mp4"
    path.write_bytes(FTYP + box(b"moov", data) if framed else data)
    found = walk(path)
    assert (found.state == "whole") == (found.reason == "")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_truncation_and_flip(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A real container, cut anywhere and with any byte changed, is walked without an exception."""
    whole = bytearray(novatek([block_t17(WHEN, (40.0, -3.0))], seconds=1.0, block_size=0x200))
    at = data.draw(st.integers(len(whole) - 400, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("walk") / "a.mp4"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    assert walk(path).size_bytes == path.stat().st_size
