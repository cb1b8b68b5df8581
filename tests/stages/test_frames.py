"""Chosen frames at full resolution."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stages.errors import BadInput, ClipDamaged
from stages.video.frames import Frame, frames_at

CLIPS = (
    "clips/spain-1741gwy.mp4",
    "gps/dashcamigo/generic/clip-h264.mkv",
    "gps/dashcamigo/generic/20260511134011_073648A.TS",
)
FAR = [0.3, 3.0, 5.2, 9.0]  # seconds between them, so that the reader seeks
NEAR = [0.0, 0.31, 0.32, 1.0, 1.9]


def make_clip(path: Path, frames: int = 90, *, gop: int = 15, b_frames: int = 0) -> Path:
    """A clip of 10 frames per second: its left half is dark, its right shows the frame's number as bars."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"bf": str(b_frames), "crf": "10"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 128, 64, "yuv420p", gop
        for number in range(frames):
            image = np.full((64, 128, 3), 30, np.uint8)
            for bit in range(8):
                image[:, 64 + 8 * bit : 72 + 8 * bit] = 220 if number >> bit & 1 else 120
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def numbers(frames: list[Frame]) -> list[int]:
    """What each picture shows: the number that `make_clip` painted."""
    return [
        sum(int(frame.image[20:40, 67 + 8 * bit : 70 + 8 * bit].mean() > 170) << bit for bit in range(8))
        for frame in frames
    ]


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("wanted", [[0.0, 0.25, 0.5, 8.9], [2.0, 5.55, 5.6, 8.0], [8.9], [0.0]])
def test_numbers_are_those_of_the_pictures(tmp_path: Path, wanted: list[float], b_frames: int) -> None:
    """Frame numbers and times are exact, whether frames are reached by decoding or by seeking."""
    clip = make_clip(tmp_path / "clip.mp4", b_frames=b_frames)
    frames = list(frames_at(clip, wanted))
    expected = list(dict.fromkeys(int(np.ceil(round(instant * 10, 6))) for instant in wanted))
    assert [frame.number for frame in frames] == expected
    assert numbers(frames) == expected
    assert [frame.seconds for frame in frames] == pytest.approx([n / 10 for n in expected])


def test_every_frame_and_no_frame(tmp_path: Path) -> None:
    """None means every frame; no instants mean none; instants past the end give nothing."""
    clip = make_clip(tmp_path / "clip.mp4", 30)
    assert [frame.number for frame in frames_at(clip, None)] == list(range(30))
    assert list(frames_at(clip, [])) == []
    assert list(frames_at(clip, [3.5, 60.0])) == []


def test_each_frame_once(tmp_path: Path) -> None:
    """Instants that fall on one frame give it once, in order."""
    clip = make_clip(tmp_path / "clip.mp4", 30)
    assert [f.number for f in frames_at(clip, [1.0, 0.0, 0.95, 0.96, 0.0])] == [0, 10]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotation_is_applied(tmp_path: Path, turn: int) -> None:
    """A clip that says it was filmed turned comes out upright."""
    clip = make_clip(tmp_path / "clip.mp4", 5)
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of the track header, version 0
    one = 1 << 16
    a, b, c, d = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[turn]
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    clip.write_bytes(data)
    (frame,) = frames_at(clip, [0.0])
    image = frame.image
    dark = {90: image[:40], 180: image[:, 70:], 270: image[70:]}[turn]
    assert image.shape[:2] == ((64, 128) if turn == 180 else (128, 64))
    assert dark.mean() < image.mean() - 20


def test_truncated_clip_ends_early(tmp_path: Path) -> None:
    """A clip whose rest is missing gives the frames that are there."""
    clip = make_clip(tmp_path / "clip.mkv", 90)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    for wanted in ([n / 2 for n in range(18)], [0.5, 4.0, 8.5]):
        frames = list(frames_at(clip, wanted))
        assert 1 <= len(frames) < len(wanted)
        assert numbers(frames) == [frame.number for frame in frames]


def test_damaged_packets_are_passed_over(tmp_path: Path) -> None:
    """Bytes that were overwritten cost some frames, never the rest of the clip."""
    clip = make_clip(tmp_path / "clip.mp4", 90)
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat")
    middle = start + (data.index(b"moov") - start) // 2
    data[middle : middle + 600] = b"\xff" * 600
    clip.write_bytes(data)
    frames = list(frames_at(clip, [0.0, 1.0, 8.8]))
    assert numbers(frames)[0] == 0
    assert abs(numbers(frames)[-1] - 88) <= 1


@pytest.mark.parametrize("content", [b"", b"not a video", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"])
def test_what_is_no_video_is_damaged(tmp_path: Path, content: bytes) -> None:
    """Anything that is no video raises ClipDamaged with a sentence; playlists are never followed."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    with pytest.raises(ClipDamaged, match=r"clip\.mp4"):
        list(frames_at(clip, [0.0]))


def test_unknown_reader(tmp_path: Path) -> None:
    """A reader that does not exist is refused by name."""
    with pytest.raises(BadInput, match="opencv"):
        list(frames_at(tmp_path / "clip.mp4", [0.0], "opencv"))


@pytest.mark.parametrize("decoder", ["auto", "cuda"])
def test_without_a_gpu_the_cpu_decodes(tmp_path: Path, decoder: str) -> None:
    """The same frames come whoever decodes; a GPU that was asked for by name and cannot is told about, once."""
    clip = make_clip(tmp_path / "clip.mp4", 30)
    told: list[str] = []
    frames = list(frames_at(clip, [0.0, 1.0, 2.5], decoder=decoder, notice=told.append))
    assert numbers(frames) == [frame.number for frame in frames] == [0, 10, 25]
    assert len(told) <= (1 if decoder == "cuda" else 0)
    assert all("the CPU did" in notice for notice in told)
    clip.write_bytes(b"no video at all")
    with pytest.raises(ClipDamaged, match=r"clip\.mp4"):
        list(frames_at(clip, [0.0], decoder=decoder))


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("wanted", [FAR, NEAR])
def test_real_clips_are_numbered_as_decoded(shared: Path, clip: str, wanted: list[float]) -> None:
    """On real clips with sparse keyframes a chosen frame equals the one that plain decoding counts."""
    chosen = {frame.number: frame.image for frame in frames_at(shared / clip, wanted)}
    assert chosen
    with av.open(str(shared / clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in chosen:
                assert np.array_equal(frame.to_ndarray(format="rgb24"), chosen.pop(number))
            if not chosen:
                return
    raise AssertionError(f"frames {list(chosen)} are not in the clip")


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("clip", CLIPS[:2])
def test_both_readers_give_the_same_frames(shared: Path, clip: str) -> None:
    """decord and PyAV agree on number, time and picture."""
    pytest.importorskip("decord", reason="decord has no wheel here")
    first = list(frames_at(shared / clip, FAR))
    second = list(frames_at(shared / clip, FAR, "decord"))
    assert [f.number for f in first] == [f.number for f in second]
    assert [f.seconds for f in first] == pytest.approx([f.seconds for f in second], abs=0.002)
    for one, other in zip(first, second, strict=True):
        assert np.abs(one.image.astype(int) - other.image).mean() < 1.0
