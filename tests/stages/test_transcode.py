"""The small copy: what it keeps of a clip, and what the check refuses."""

import av
import numpy as np
import pytest

from stages.errors import Cancelled, ClipDamaged, StageFailed
from stages.video.transcode import top_level, transcode, verify
from tests.stages.clips import make_clip
from tests.stages.films import passing, pictures_of, scene, still, times_of, with_box, write_film


def test_a_copy_is_small_and_starts_at_once(tmp_path):
    """The copy has the height asked for, keeps the proportions and has its index first."""
    clip = write_film(tmp_path / "clip.mp4", passing(scene(size=(640, 360)), 2))
    done = transcode(clip, tmp_path / "low.mp4", height=180)
    assert (done.width, done.height, done.frames, done.damaged) == (320, 180, 20, 0)
    assert done.seconds == pytest.approx(2.0, abs=0.01)
    order = top_level(tmp_path / "low.mp4")
    assert order.index("moov") < order.index("mdat")
    with av.open(str(tmp_path / "low.mp4")) as low:
        assert low.streams.video[0].codec_context.name == "h264"
        assert low.streams.video[0].codec_context.pix_fmt == "yuv420p"
    verify(tmp_path / "low.mp4", 2.0)


@pytest.mark.parametrize(("size", "expected"), [((320, 180), (320, 180)), ((322, 182), (322, 182))])
def test_a_small_clip_is_not_enlarged(tmp_path, size, expected):
    """A clip below the height asked for keeps its size."""
    clip = write_film(tmp_path / "clip.mp4", still(0.3, picture=scene(size=size)))
    done = transcode(clip, tmp_path / "low.mp4", height=720)
    assert (done.width, done.height) == expected


def test_odd_sizes_become_even(tmp_path):
    """A scale that gives odd numbers is rounded, since H.264 wants even ones."""
    clip = write_film(tmp_path / "clip.mp4", still(0.3, picture=scene(size=(426, 240))))
    done = transcode(clip, tmp_path / "low.mp4", height=151)
    assert done.height == 150
    assert done.width % 2 == 0


@pytest.mark.parametrize(
    ("rotation", "corner"), [(90, "bottom left"), (180, "bottom right"), (-90, "top right")]
)
def test_rotation_is_applied(tmp_path, rotation, corner):
    """A clip that says it is turned is copied upright: its white corner lies where players show it."""
    picture = np.full((180, 320, 3), 30, np.uint8)
    picture[:60, :100] = 240  # top left
    clip = write_film(tmp_path / "clip.mp4", still(0.5, picture=picture), rotation=rotation)
    with av.open(str(clip)) as turned:
        assert next(turned.decode(video=0)).rotation % 360 == rotation % 360
    done = transcode(clip, tmp_path / "low.mp4")
    shown = pictures_of(tmp_path / "low.mp4")[0]
    assert (done.width, done.height) == ((180, 320) if abs(rotation) == 90 else (320, 180))
    corners = {
        "top left": shown[5, 5],
        "top right": shown[5, -5],
        "bottom left": shown[-5, 5],
        "bottom right": shown[-5, -5],
    }
    assert max(corners, key=lambda name: int(corners[name][1])) == corner


def test_uneven_frame_times_are_kept(tmp_path):
    """A clip whose rate varies is not made even."""
    times = [0.0, 0.1, 0.2, 1.7, 1.75, 3.0]
    clip = write_film(tmp_path / "clip.mp4", passing(scene(), 0.6), times=times)
    transcode(clip, tmp_path / "low.mp4")
    assert times_of(tmp_path / "low.mp4") == pytest.approx(times, abs=0.002)


def test_sound_is_copied(tmp_path):
    """AAC sound comes along, as long as the pictures."""
    clip = write_film(tmp_path / "clip.mp4", passing(scene(), 2), sound=True)
    assert transcode(clip, tmp_path / "low.mp4").audio
    with av.open(str(tmp_path / "low.mp4")) as low:
        samples = sum(frame.samples for frame in low.decode(audio=0))
    assert samples / 48000 == pytest.approx(1.9, abs=0.1)


def test_full_range_pictures_keep_their_light(tmp_path):
    """Black and white of a camera's full-range clip are black and white in the copy."""
    picture = np.zeros((180, 320, 3), np.uint8)
    picture[:, 160:] = 255
    clip = write_film(tmp_path / "clip.mp4", still(0.3, picture=picture), pix_fmt="yuvj420p")
    transcode(clip, tmp_path / "low.mp4")
    shown = pictures_of(tmp_path / "low.mp4")[0]
    assert shown[90, 40].max() < 12
    assert shown[90, 280].min() > 243


def test_a_clip_that_breaks_off_is_copied_that_far(tmp_path):
    """The first part of a cut-off clip is saved and the copy is sound."""
    whole = make_clip(tmp_path / "clip.mp4", frames=60, size=(320, 180), index_first=True)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    done = transcode(cut, tmp_path / "low.mp4")
    assert 20 < done.frames < 50
    verify(tmp_path / "low.mp4", done.seconds)


def test_damaged_packets_are_skipped_and_counted(tmp_path):
    """Broken bytes in the middle cost the frames that they were, not the copy."""
    clip = write_film(tmp_path / "clip.mp4", passing(scene(), 4), keyframe_every=5)
    with av.open(str(clip)) as opened:
        packets = [(p.pos, p.size) for p in opened.demux(video=0) if p.size]
    data = bytearray(clip.read_bytes())
    for position, size in packets[20:25]:
        data[position : position + size] = bytes(size)
    clip.write_bytes(data)
    done = transcode(clip, tmp_path / "low.mp4")
    assert done.damaged >= 1
    assert done.reasons
    assert 30 <= done.frames < 40
    assert done.seconds == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize("data", [b"", b"no video at all" * 100, b"#EXTM3U\nhttp://192.0.2.1/a.ts\n"])
def test_what_is_no_video_is_refused(tmp_path, data):
    """An empty file, a text and a playlist that calls itself a clip are damaged clips."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(data)
    with pytest.raises(ClipDamaged, match=r"clip\.mp4"):
        transcode(clip, tmp_path / "low.mp4")


def test_progress_is_told_and_may_stop_it(tmp_path):
    """Progress rises to the end, and what it raises ends the work."""
    clip = write_film(tmp_path / "clip.mp4", passing(scene(), 3))
    told = []
    transcode(clip, tmp_path / "low.mp4", progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] > 0.9

    def stop(fraction, note):
        raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        transcode(clip, tmp_path / "low2.mp4", progress=stop)


def test_a_wrong_preset_is_said(tmp_path):
    """An encoder setting that x264 does not know is the encoder's refusal, not the clip's damage."""
    clip = write_film(tmp_path / "clip.mp4", still(0.3))
    with pytest.raises(StageFailed, match="cannot be encoded") as caught:
        transcode(clip, tmp_path / "low.mp4", preset="quickest")
    assert not isinstance(caught.value, ClipDamaged)


def test_a_bad_copy_is_refused(tmp_path):
    """An index at the end, a cut-off file and a wrong length do not pass the check."""
    late = write_film(tmp_path / "late.mp4", still(1))
    with pytest.raises(StageFailed, match="index at the end"):
        verify(late, 1.0)
    transcode(late, tmp_path / "low.mp4")
    with pytest.raises(StageFailed, match="instead of 9"):
        verify(tmp_path / "low.mp4", 9.0)
    clip = write_film(
        tmp_path / "clip.mp4", [with_box(scene(n), n * 5) for n in range(30)], keyframe_every=30
    )
    transcode(clip, tmp_path / "good.mp4")
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "good.mp4").read_bytes()[:-60_000])
    with pytest.raises(StageFailed) as caught:
        verify(tmp_path / "cut.mp4", 3.0)
    assert caught.value.retry


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", ["clips/highway-960x540.mp4", "gps/mapillary/sample-5s_h265.mp4"])
def test_real_clips_are_copied(shared, tmp_path, name):
    """Real H.264 and H.265 clips become sound copies with every picture whose time moves on."""
    frames, last = 0, -1.0
    for time in times_of(shared / name):
        frames, last = (frames + 1, time) if time > last else (frames, last)
    done = transcode(shared / name, tmp_path / "low.mp4", height=360)
    verify(tmp_path / "low.mp4", done.seconds)
    assert done.frames == frames
    assert done.audio
