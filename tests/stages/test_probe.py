"""What a video library says about a clip."""

from pathlib import Path

import av
import numpy as np
import pytest

from stages.errors import ClipDamaged
from stages.video.probe import probe
from tests.stages.clips import make_clip, novatek


@pytest.mark.parametrize("options", [{}, {"fragmented": True}, {"index_first": True}])
def test_facts_of_a_clip(tmp_path: Path, options: dict[str, bool]) -> None:
    """Size, rate, length and frame count, however the clip was written."""
    facts = probe(make_clip(tmp_path / "a.mp4", frames=15, **options))
    assert (facts.width, facts.height, facts.frames, facts.codec) == (64, 48, 15, "mpeg4")
    assert facts.fps == pytest.approx(10)
    assert facts.duration_seconds == pytest.approx(1.5, abs=0.01)


def test_transport_stream_is_counted(tmp_path: Path) -> None:
    """MPEG-TS has no frame count in a header: its packets are counted."""
    facts = probe(make_clip(tmp_path / "a.ts", frames=15))
    assert (facts.frames, facts.counted) == (15, True)
    assert facts.duration_seconds == pytest.approx(1.5, abs=0.01)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "width", "height", "frames", "seconds"),
    [
        ("clips/spain-1741gwy.mp4", 1280, 720, 259, 10.36),
        ("clips/street-426x240.mp4", 426, 240, 1384, 46.178),
        ("clips/romania-1fps.mp4", 1280, 720, 266, 266.0),
        ("gps/mapillary/sample-5s_h265.mp4", 1376, 1840, 146, 5.005),
        ("gps/dashcamigo/generic/20260511134011_073648A.TS", 1280, 720, 150, 5.0),
        ("gps/dashcamigo/generic/clip-h264.mkv", 640, 360, 60, 2.0),
    ],
)
def test_real_clips(shared: Path, name: str, width: int, height: int, frames: int, seconds: float) -> None:
    """Real clips of several containers and codecs."""
    facts = probe(shared / name)
    assert (facts.width, facts.height, facts.frames) == (width, height, frames)
    assert facts.duration_seconds == pytest.approx(seconds, abs=0.01)


def test_truncated_clip_counts_what_is_there(tmp_path: Path) -> None:
    """A clip with its index in front that breaks off is as long as what is left of it."""
    whole = make_clip(tmp_path / "a.mp4", frames=40, index_first=True).read_bytes()
    path = tmp_path / "b.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    facts = probe(path)
    assert facts.counted
    assert facts.frames is not None
    assert 5 <= facts.frames <= 30
    assert facts.duration_seconds == pytest.approx(facts.frames / 10, abs=0.2)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"I am a text\n" * 100, "no video"),
        (novatek([]), "cannot be decoded"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "no video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no video"),
    ],
)
def test_what_is_no_video(tmp_path: Path, data: bytes, says: str) -> None:
    """Empty files, texts, playlists and containers without pictures are refused with a sentence."""
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(ClipDamaged, match=says):
        probe(path)


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    """A recording without pictures has no video track."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(ClipDamaged, match="no video track"):
        probe(path)


def test_pictures_that_are_noise(tmp_path: Path) -> None:
    """A clip whose media was overwritten has no picture that can be decoded."""
    data = bytearray(make_clip(tmp_path / "a.mp4", index_first=True).read_bytes())
    at = data.index(b"mdat") + 4
    data[at:] = b"\xff" * (len(data) - at)
    path = tmp_path / "b.mp4"
    path.write_bytes(data)
    with pytest.raises(ClipDamaged, match="no picture"):
        probe(path)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """A file that is not there is no damaged clip."""
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "a.mp4")
