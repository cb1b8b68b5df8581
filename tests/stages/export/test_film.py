"""Films coded anew: clouds where they are wanted, everything else as it was."""

from datetime import UTC, datetime
from itertools import pairwise

import av
import numpy as np
import pytest

from stages.errors import ClipDamaged
from stages.export.cut import Stretch
from stages.export.film import cloud, write_film
from stages.export.zones import Spot, Trail, Zones
from stages.video.transcode import top_level
from tests.stages import films
from tests.stages.films import passing, pictures_of, scene, still, times_of

#: A box whose zone, with its margins, lies in x 80..192, y 60..100 or so.
BOX = (100.0, 70.0, 170.0, 90.0)
NOTHING = Zones([])


def always(box):
    """A zone for the whole clip."""
    return Zones([Trail((Spot(0.0, box), Spot(100.0, box)))])


def detail(picture, box):
    """How much brightness differs between neighbours inside a box."""
    x1, y1, x2, y2 = (int(v) for v in box)
    part = picture[y1:y2, x1:x2].astype(float).mean(axis=2)
    return np.abs(np.diff(part, axis=1)).mean()


def text_like():
    """A scene with a fine pattern everywhere, as letters are."""
    picture = scene(size=(320, 180))
    picture[:, ::4] //= 3
    return picture


def test_nothing_of_what_is_covered_is_left(tmp_path):
    """Inside the box no detail remains; away from it the picture is what it was."""
    clip = films.write_film(tmp_path / "clip.mp4", still(1, picture=text_like()))
    done = write_film([Stretch(clip)], [always(BOX)], tmp_path / "out.mp4")
    assert done.frames == 10
    before, after = pictures_of(clip)[5], pictures_of(tmp_path / "out.mp4")[5]
    assert detail(before, BOX) > 10
    assert detail(after, BOX) < 2
    elsewhere = (200, 110, 320, 180)
    assert detail(after, elsewhere) == pytest.approx(detail(before, elsewhere), rel=0.1)
    assert np.abs(before[110:, 200:].astype(int) - after[110:, 200:]).mean() < 4


def test_a_cut_is_exact_to_the_frame(tmp_path):
    """It begins with the first frame at or after the moment and ends before the other."""
    clip = films.write_film(tmp_path / "clip.mp4", passing(scene(), 6))
    done = write_film([Stretch(clip, 3.35, 4.6)], [NOTHING], tmp_path / "out.mp4")
    assert done.frames == 12
    before, after = pictures_of(clip), pictures_of(tmp_path / "out.mp4")
    assert np.abs(before[34].astype(int) - after[0]).mean() < 3
    assert np.abs(before[45].astype(int) - after[-1]).mean() < 3
    order = top_level(tmp_path / "out.mp4")
    assert order.index("moov") < order.index("mdat")


def test_zones_follow_the_clips_own_time(tmp_path):
    """In a film of two stretches each has the zones of its own clip at its own seconds."""
    clip = films.write_film(tmp_path / "clip.mp4", still(4, picture=text_like()))
    late = Zones([Trail((Spot(3.0, BOX), Spot(3.5, BOX)), before=0, after=0)])
    done = write_film([Stretch(clip, 0, 1), Stretch(clip, 2.5, 4)], [NOTHING, late], tmp_path / "out.mp4")
    covered = [detail(picture, BOX) < 3 for picture in pictures_of(tmp_path / "out.mp4")]
    assert covered == [False] * 10 + [False] * 5 + [True] * 6 + [False] * 4
    assert done.begins == pytest.approx([0.0, 1.0], abs=0.01)
    times = times_of(tmp_path / "out.mp4")
    assert all(0.05 < b - a < 0.15 for a, b in pairwise(times))


def test_nothing_tells_when_and_where(tmp_path):
    """A film carries neither date nor sound unless they are asked for."""
    clip = films.write_film(tmp_path / "clip.mp4", still(2), sound=True)
    write_film([Stretch(clip)], [NOTHING], tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert not {"creation_time", "location", "date"} & set(film.metadata)
        assert len(film.streams) == 1
    when = datetime(2026, 6, 1, 14, 0, tzinfo=UTC)
    write_film([Stretch(clip, 0.5)], [NOTHING], tmp_path / "loud.mp4", sound=True, start_utc=when)
    with av.open(str(tmp_path / "loud.mp4")) as film:
        assert film.metadata["creation_time"].startswith("2026-06-01T14:00:00")
        (sound,) = film.streams.audio
        packets = [packet for packet in film.demux(sound) if packet.size]
        assert float(packets[-1].pts * packets[-1].time_base) == pytest.approx(1.45, abs=0.1)


def test_a_turned_clip_is_written_upright(tmp_path):
    """Boxes are those of the picture as it is seen."""
    clip = films.write_film(tmp_path / "clip.mp4", still(1, picture=text_like()), rotation=90)
    box = (40.0, 100.0, 110.0, 120.0)
    write_film([Stretch(clip)], [always(box)], tmp_path / "out.mp4")
    picture = pictures_of(tmp_path / "out.mp4")[0]
    assert picture.shape == (320, 180, 3)
    flat = picture[100:120, 40:110].astype(float).mean(axis=2)
    assert np.abs(np.diff(flat, axis=0)).mean() < 3


@pytest.mark.parametrize(
    "box", [(-50, -50, 10, 10), (310, 170, 900, 900), (5, 5, 5, 5), (50, 50, 20, 20), (-9, -9, 999, 999)]
)
def test_boxes_beyond_the_picture(box):
    """A box that leaves the picture or is empty harms nothing."""
    picture = np.random.default_rng(1).integers(0, 255, (180 * 3 // 2, 320), np.uint8)
    cloud(picture, 320, 180, box)
    assert picture.shape == (270, 320)


def test_a_clip_without_pictures_is_refused(tmp_path):
    """Beyond a clip's end there is nothing to write."""
    clip = films.write_film(tmp_path / "clip.mp4", still(1))
    with pytest.raises(ClipDamaged, match="no picture"):
        write_film([Stretch(clip, 50)], [NOTHING], tmp_path / "out.mp4")
