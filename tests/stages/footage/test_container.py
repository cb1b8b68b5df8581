"""The bounded walk over a clip's boxes."""

from datetime import datetime
from pathlib import Path

import av
import numpy as np
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


def test_wiped_file_is_told(tmp_path: Path) -> None:
    """A file that the camera reserved and never wrote says so."""
    assert "reserved" in _walk(tmp_path, bytes(100_000)).reason


def test_reserved_space_without_an_index(tmp_path: Path) -> None:
    """A preallocated clip that lost power: media, then zeros, no index."""
    found = _walk(tmp_path, FTYP + b"\0\0\0\0mdat" + b"\x55" * 5000 + bytes(50_000))
    assert (found.state, found.has_index, found.missing_bytes) == ("no_index", False, 0)
    assert "reserved" in found.reason


def test_junk_behind_media_without_an_index_is_no_missing_byte(tmp_path: Path) -> None:
    """What merely looks like a box behind the media does not count as a truncation by gigabytes."""
    found = _walk(tmp_path, FTYP + box(b"mdat", bytes(100)) + b"\x7f\xff\xff\xffJUNK" + bytes(100))
    assert (found.state, found.missing_bytes) == ("no_index", 0)


def test_large_sizes(tmp_path: Path) -> None:
    """Boxes with sizes of 64 bits, and chunk offsets of 64 bits, are followed."""
    media = b"\0\0\0\x01mdat" + (16 + 100).to_bytes(8, "big") + bytes(100)
    co64 = box(b"co64", bytes(4), (1).to_bytes(4, "big"), (1 << 40).to_bytes(8, "big"))
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", co64))))
    assert _walk(tmp_path, FTYP + media + box(b"moov", mvhd(), trak())).state == "whole"
    found = _walk(tmp_path, FTYP + media + box(b"moov", mvhd(), track))
    assert found.state == "truncated"
    assert found.missing_bytes == (1 << 40) + 1 - found.size_bytes


def test_fragmented_clip_that_breaks_off(tmp_path: Path) -> None:
    """A fragmented clip is whole without a final index; cut, it is truncated and still readable."""
    data = make_clip(tmp_path / "a.mp4", fragmented=True, frames=20).read_bytes()
    assert (_walk(tmp_path, data).state, _walk(tmp_path, data).fragmented) == ("whole", True)
    cut = data.rindex(b"moof") - 4  # in front of the last fragment
    found = _walk(tmp_path, data[: cut - 100])
    assert (found.state, found.missing_bytes, found.fragmented) == ("truncated", 100, True)


@pytest.mark.slow
def test_codec_is_told(tmp_path: Path) -> None:
    """The video track's codec is told without decoding."""
    for name in ("a.mp4", "a.ts", "a.mkv", "a.avi"):
        assert walk(_film(tmp_path / name)).codec == "mpeg4", name


def _film(path: Path, frames: int = 40) -> Path:
    """A clip of 10 pictures a second in the container that the suffix says."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 240, "yuv420p", 4_000_000
        rng = np.random.default_rng(0)
        for _ in range(frames):
            picture = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def _m2ts(data: bytes) -> bytes:
    """The same packets with four bytes of time before each, as camcorders write them."""
    return b"".join(bytes(4) + data[i : i + 188] for i in range(0, len(data), 188))


@pytest.mark.parametrize("step", [188, 192])
def test_transport_stream(tmp_path: Path, step: int) -> None:
    """MPEG-TS has no index: sync bytes tell that it is whole, times of pictures how long it is."""
    data = _film(tmp_path / "a.ts").read_bytes()
    data = _m2ts(data) if step == 192 else data
    found = _walk(tmp_path, data)
    assert (found.state, found.kind, found.has_video, found.missing_bytes) == ("whole", "mpegts", True, 0)
    assert found.duration_seconds == pytest.approx(4.0, abs=0.11)


@pytest.mark.parametrize("step", [188, 192])
@pytest.mark.parametrize("kept", [1, 100, 187])
def test_transport_stream_cut_in_a_packet(tmp_path: Path, step: int, kept: int) -> None:
    """A stream that ends in the middle of a packet says how many bytes that packet lacks."""
    data = _film(tmp_path / "a.ts").read_bytes()
    data = _m2ts(data) if step == 192 else data
    found = _walk(tmp_path, data[: 2000 * step + kept])
    assert (found.state, found.missing_bytes) == ("truncated", step - kept)
    assert f"truncated by {step - kept} bytes" in found.reason
    assert found.duration_seconds is not None
    assert 0 < found.duration_seconds < 4


def test_transport_stream_in_reserved_space(tmp_path: Path) -> None:
    """Zeros behind the last packet are space that the camera did not come to fill."""
    data = _film(tmp_path / "a.ts").read_bytes()[: 188 * 1000]
    found = _walk(tmp_path, data + bytes(100_000))
    assert found.state == "truncated"
    assert found.missing_bytes == pytest.approx(100_000, abs=400)
    assert "reserved" in found.reason


def test_transport_stream_with_a_trailer(tmp_path: Path) -> None:
    """What a maker appends to a stream does it no harm."""
    data = _film(tmp_path / "a.ts").read_bytes()
    assert _walk(tmp_path, data + b"LIGOGPSINFO" * 5000).state == "whole"


def test_transport_stream_that_begins_in_a_packet(tmp_path: Path) -> None:
    """A stream that was cut out of a longer one is still a stream."""
    data = _film(tmp_path / "a.ts").read_bytes()
    found = _walk(tmp_path, data[77:])
    assert (found.kind, found.state) == ("mpegts", "whole")


@pytest.mark.parametrize("suffix", [".mkv", ".avi"])
def test_matroska_and_avi(tmp_path: Path, suffix: str) -> None:
    """Matroska and AVI clips tell their length, and by how many bytes they are cut."""
    data = _film(tmp_path / f"a{suffix}").read_bytes()
    found = _walk(tmp_path, data)
    assert (found.state, found.kind, found.has_video) == (
        "whole",
        {".mkv": "matroska", ".avi": "avi"}[suffix],
        True,
    )
    assert found.has_index
    assert found.duration_seconds == pytest.approx(4.0, abs=0.11)
    cut = _walk(tmp_path, data[:-1234])
    assert (cut.state, cut.missing_bytes) == ("truncated", 1234)
    assert cut.duration_seconds == found.duration_seconds


def test_avi_whose_size_was_never_filled_in(tmp_path: Path) -> None:
    """An AVI that lost power has no size in its header, and keeps its streams."""
    data = bytearray(_film(tmp_path / "a.avi").read_bytes())
    data[4:8] = bytes(4)
    found = _walk(tmp_path, bytes(data))
    assert (found.state, found.has_video) == ("no_index", True)


def test_live_matroska(tmp_path: Path) -> None:
    """A Matroska segment of unknown size, as live recorders write it, is whole as far as can be told."""
    data = _film(tmp_path / "a.mkv").read_bytes()
    at = data.index(b"\x18\x53\x80\x67") + 4
    found = _walk(tmp_path, data[:at] + b"\x01" + b"\xff" * 7 + data[at + 8 :][:-500])
    assert (found.state, found.kind, found.has_video) == ("whole", "matroska", True)


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


BEGINNINGS = [
    b"",
    FTYP,
    FTYP + b"\0\0\2\0moov",
    b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x81",
    b"RIFF\0\1\0\0AVI ",
    (b"\x47\x40\0\x10" + bytes(184)) * 6,
]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=600))
def test_arbitrary_bytes(tmp_path_factory: pytest.TempPathFactory, head: bytes, data: bytes) -> None:
    """No bytes make the walk fail, and what is not whole always has a reason."""
    path = tmp_path_factory.mktemp("walk") / "a.mp4"
    path.write_bytes(head + data)
    found = walk(path)
    assert (found.state == "whole") == (found.reason == "")
    assert found.duration_seconds is None or 0 < found.duration_seconds <= 30 * 86400
    assert found.missing_bytes >= 0


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([".ts", ".mkv", ".avi", ".mp4"]), st.data())
def test_real_containers_changed(
    tmp_path_factory: pytest.TempPathFactory, films: dict[str, bytes], suffix: str, data: st.DataObject
) -> None:
    """A real container of every kind, cut anywhere and with bytes changed, is walked without an exception."""
    whole = bytearray(films[suffix])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, 3000) | st.integers(0, len(whole) - 1))
        whole[min(at, len(whole) - 1)] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("walk") / "a.mp4"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    found = walk(path)
    assert (found.state == "whole") == (found.reason == "")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One small film in every container."""
    folder = tmp_path_factory.mktemp("films")
    return {
        suffix: _film(folder / f"a{suffix}", 5).read_bytes() for suffix in (".ts", ".mkv", ".avi", ".mp4")
    }


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
