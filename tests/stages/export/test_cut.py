"""Lossless cuts: the packets that go in come out."""

import shutil
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import av
import pytest

from stages.errors import BadInput, ClipDamaged
from stages.export.cut import Stretch, alike, container_for, cut, suffix_for
from stages.video.transcode import top_level
from tests.stages.clips import make_clip
from tests.stages.export.packets import hashes, packets
from tests.stages.films import passing, pictures_of, scene, times_of, write_film


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with sound; a keyframe each second, pictures that lean on later ones between."""
    return write_film(tmp_path_factory.mktemp("filmed") / "clip.mp4", passing(scene(), 6), sound=True)


@pytest.fixture
def clip(filmed: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may do anything to."""
    return shutil.copyfile(filmed, tmp_path / "clip.mp4")


def test_a_whole_clip_comes_out_whole(clip, tmp_path):
    """Every packet of picture and sound is in the copy, unchanged and in order; the index comes first."""
    done = cut([Stretch(clip)], tmp_path / "out.mp4")
    for kind in ("video", "audio"):
        assert hashes(tmp_path / "out.mp4", kind) == hashes(clip, kind)
    assert done.pictures == 60
    assert done.early == 0
    order = top_level(tmp_path / "out.mp4")
    assert order.index("moov") < order.index("mdat")


def test_a_cut_begins_at_the_keyframe_before(clip, tmp_path):
    """Its packets are those from that keyframe to the end, and it says by how much it begins early."""
    done = cut([Stretch(clip, 2.4, 4.0)], tmp_path / "out.mp4")
    assert done.early == pytest.approx(0.4, abs=0.01)
    whole, part = hashes(clip, "video"), hashes(tmp_path / "out.mp4", "video")
    assert part == whole[20 : 20 + len(part)]
    assert 20 <= len(part) <= 23  # what the last pictures lean on comes with them
    sound, heard = hashes(clip, "audio"), packets(tmp_path / "out.mp4", "audio")
    begin = sound.index(heard[0][1])
    assert [digest for _, digest in heard] == sound[begin : begin + len(heard)]
    assert heard[0][0] == pytest.approx(packets(clip, "audio")[begin][0] - 2.0, abs=0.03)
    assert heard[-1][0] == pytest.approx(2.0, abs=0.05)


def test_every_picture_of_a_cut_decodes(clip, tmp_path):
    """No picture lacks what it leans on: they are those of the clip, pixel by pixel."""
    cut([Stretch(clip, 3.0, 5.0)], tmp_path / "out.mp4")
    before, after = pictures_of(clip)[30:50], pictures_of(tmp_path / "out.mp4")[:20]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("begin", [0.0, 0.05, 0.95, 1.0, 1.05, 2.999, 5.95])
def test_no_keyframe_after_the_wanted_moment_is_taken(clip, tmp_path, begin):
    """Wherever a cut begins, it begins at or before that moment, and not more than a keyframe before."""
    done = cut([Stretch(clip, begin)], tmp_path / "out.mp4")
    assert 0 <= done.early < 1.0
    assert done.early == pytest.approx(begin % 1, abs=0.002)


def test_clips_are_joined_without_a_seam(clip, tmp_path):
    """Packets of one clip follow those of the other; times go on and on."""
    done = cut([Stretch(clip, 3.0), Stretch(clip, 0.0, 2.0)], tmp_path / "out.mp4")
    assert done.early == pytest.approx(0.0, abs=0.001)
    whole, joined = hashes(clip, "video"), hashes(tmp_path / "out.mp4", "video")
    assert joined[:30] == whole[30:]
    assert joined[30:] == whole[: len(joined) - 30]
    times = times_of(tmp_path / "out.mp4")
    assert all(0.05 < b - a < 0.25 for a, b in pairwise(times))
    with av.open(str(tmp_path / "out.mp4")) as film:
        decoded = [packet.dts for packet in film.demux(audio=0) if packet.size]
    assert all(b > a for a, b in pairwise(decoded))


def test_only_equal_streams_are_joined(clip, tmp_path):
    """Another size or another coder makes another file."""
    other = write_film(tmp_path / "other.mp4", passing(scene(size=(160, 90)), 1))
    mpeg4 = make_clip(tmp_path / "mpeg4.mp4")
    stretches = [Stretch(path) for path in (clip, clip, other, mpeg4, mpeg4)]
    assert alike(stretches) == [[0, 1], [2], [3, 4]]


def test_rotation_stays(tmp_path):
    """A clip that is to be shown upright still is."""
    turned = write_film(tmp_path / "turned.mp4", passing(scene(), 2), rotation=90)
    cut([Stretch(turned, 1.0)], tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert next(film.decode(video=0)).rotation == 90


@pytest.mark.parametrize("name", ["out.mov", "out.mkv", "out.ts"])
def test_other_containers(clip, tmp_path, name):
    """The ending of the name chooses the container; the pictures are the same."""
    cut([Stretch(clip, 1.0, 3.0)], tmp_path / name, container=container_for(tmp_path / name))
    assert (pictures_of(tmp_path / name)[5] == pictures_of(clip)[15]).all()


def test_a_transport_stream_becomes_an_mp4(clip, tmp_path):
    """MPEG-TS has no index and other times: it is cut at its keyframes all the same."""
    stream = tmp_path / "clip.ts"
    cut([Stretch(clip)], stream, container="mpegts")
    done = cut([Stretch(stream, 2.5, 4.5)], tmp_path / "out.mp4")
    assert done.early == pytest.approx(0.5, abs=0.01)
    assert (pictures_of(tmp_path / "out.mp4")[5] == pictures_of(clip)[25]).all()
    assert packets(tmp_path / "out.mp4", "audio")


def test_the_date_is_that_of_the_first_picture(clip, tmp_path):
    """A cut that begins early carries the earlier time, in UTC."""
    cut([Stretch(clip, 2.5)], tmp_path / "out.mp4", start_utc=datetime(2026, 6, 1, 14, 0, 2, tzinfo=UTC))
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert film.metadata["creation_time"].startswith("2026-06-01T14:00:01")


def test_a_broken_clip_is_cut_up_to_its_end(clip, tmp_path):
    """What is there comes out; a file without anything to show is refused."""
    stream = tmp_path / "clip.ts"
    cut([Stretch(clip)], stream, container="mpegts")
    stream.write_bytes(stream.read_bytes()[: stream.stat().st_size * 2 // 3])
    done = cut([Stretch(stream)], tmp_path / "out.mp4")
    assert 20 < done.pictures < 60
    (tmp_path / "none.mp4").write_bytes(b"\0" * 5000)
    with pytest.raises(ClipDamaged, match=r"none.mp4"):
        cut([Stretch(tmp_path / "none.mp4")], tmp_path / "out2.mp4")


def test_progress_goes_up(clip, tmp_path):
    """It is told from near 0 to near 1."""
    told: list[float] = []
    cut([Stretch(clip), Stretch(clip)], tmp_path / "out.mp4", progress=lambda share, _: told.append(share))
    assert told == sorted(told)
    assert told[0] < 0.2 <= 0.8 < told[-1] <= 1


def test_an_unknown_ending_is_refused():
    """The refusal names those that there are."""
    with pytest.raises(BadInput, match=r"\.mp4, .*\.ts"):
        container_for(Path("film.avi"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("clips/spain-1741gwy.mp4", 4.0, 8.0),
        ("clips/street-426x240.mp4", 20.0, 31.5),
        ("gps/mapillary/sample-5s_h265.mp4", 0.0, None),
        ("gps/gopro_gpmf/max-heromode.mp4", 2.1, 5.0),
    ],
)
def test_real_clips(shared, tmp_path, name, begin, end):
    """Packets of cameras' files come out as they went in; HEVC gets the name that browsers know."""
    source = shared / name
    assert suffix_for(source) == ".mp4"
    cut([Stretch(source, begin, end)], tmp_path / "out.mp4")
    whole, part = hashes(source, "video"), hashes(tmp_path / "out.mp4", "video")
    first = whole.index(part[0])
    assert part == whole[first : first + len(part)]
    with av.open(str(tmp_path / "out.mp4")) as film:
        context = film.streams.video[0].codec_context
        assert context.codec_tag == {"hevc": "hvc1", "h264": "avc1"}[context.name]
        assert len(film.streams.data) == (1 if "gopro" in name else 0)  # the camera's positions
