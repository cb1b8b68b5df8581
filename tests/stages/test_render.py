"""The rendered drive: what is planted is really in it."""

import re
from datetime import datetime, timedelta
from random import Random
from xml.etree import ElementTree

import av
import pytest

from stages.video.render import LEGIBLE_PX, render_drive, render_still
from stages.video.sprites import countries, draw_plate, plate_text

START = datetime(2026, 6, 1, 16, 27, 34)  # noqa: DTZ001
FORMATS = {
    "ES": r"\d{4}[B-DF-HJ-NP-TV-Z]{3}",
    "DE": r"[A-Z]{4}[1-9]\d{3}",
    "UK": r"[A-Z]{2}\d\d[A-Z]{3}",
    "FR": r"[A-Z]{2}\d{3}[A-Z]{2}",
    "IT": r"[A-Z]{2}\d{3}[A-Z]{2}",
    "RO": r"[A-Z]{2}\d\d[A-Z]{3}",
}


@pytest.mark.parametrize("country", countries())
def test_plates_keep_to_their_countrys_format(country):
    """Hundred plates of a country all match its format."""
    for seed in range(100):
        assert re.fullmatch(FORMATS[country], plate_text(country, Random(seed)).text)


@pytest.mark.parametrize("height", [12, 40, 300])
def test_plates_come_in_any_height(height):
    """A drawn plate has the height asked for and a plate's proportions."""
    picture = draw_plate(plate_text("ES", Random(1)), height)
    assert picture.shape[0] == height
    assert 4.5 < picture.shape[1] / height < 5
    assert picture.min() < 60
    assert picture.max() > 200


def test_a_drive_is_named_dated_and_routed(tmp_path):
    """The clip has a Viofo name and a keyframe a second, the route starts with it, in UTC."""
    drive = render_drive(tmp_path, seed=3, seconds=3, width=320, height=180, start=START)
    assert drive.clip.name == "2026_0601_162734_000003F.MP4"
    assert drive.clip.read_bytes()[-2000:].count(b"moov") + drive.clip.read_bytes()[:200].count(b"mdat") > 0
    with av.open(str(drive.clip)) as clip:
        keys = [packet.pts * packet.time_base for packet in clip.demux(video=0) if packet.is_keyframe]
        assert clip.metadata["creation_time"].startswith("2026-06-01T16:27:37")
    assert keys == [0, 1, 2]
    root = ElementTree.parse(drive.route).getroot()  # noqa: S314 - our own
    times = [e.text for e in root.iter("{http://www.topografix.com/GPX/1/1}time")]
    assert times[0] == "2026-06-01T14:27:34Z"
    assert len(times) == 4


def test_the_same_seed_gives_the_same_drive(tmp_path):
    """Plates, truth and picture depend on the seed alone."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    arguments = {"seconds": 2, "width": 320, "height": 180, "start": START}
    a, b = (render_drive(tmp_path / name, seed=5, **arguments) for name in "ab")
    other = render_drive(tmp_path, seed=6, **arguments)
    assert a.planted == b.planted
    assert a.clip.read_bytes() == b.clip.read_bytes()
    assert {p.plate for p in a.planted}.isdisjoint(p.plate for p in other.planted)


@pytest.mark.slow
def test_planted_plates_stay_in_view(tmp_path):
    """Every planted plate is high enough, within the picture and there for more than a second and a half."""
    drive = render_drive(tmp_path, seed=8, seconds=12, width=1280, height=720, fps=2)
    assert len(drive.planted) == 4
    assert max(p.max_height_px for p in drive.planted) > 60
    for plate in drive.planted:
        assert plate.last_seconds - plate.first_seconds >= 1.5
        assert plate.max_height_px >= LEGIBLE_PX
        x1, y1, x2, y2 = plate.best_box
        assert 0 <= x1 < x2 <= 1280
        assert 0 <= y1 < y2 <= 720


def test_the_night_is_darker(tmp_path):
    """A drive by night has the same plates in a darker picture."""
    (tmp_path / "night").mkdir()
    day = render_drive(tmp_path, seed=5, seconds=1, width=320, height=180)
    night = render_drive(tmp_path / "night", seed=5, seconds=1, width=320, height=180, night=True)

    def light(path):
        with av.open(str(path)) as clip:
            return next(clip.decode(video=0)).to_ndarray(format="gray8").mean()

    assert light(night.clip) < light(day.clip) / 2
    assert [p.plate for p in night.planted] == [p.plate for p in day.planted]


@pytest.mark.slow
def test_an_ocr_reads_the_planted_plates(tmp_path):
    """RapidOCR reads each planted plate, in stills far and near and in the encoded drive."""
    import logging

    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    ocr = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": 2})

    def texts(rgb):
        found = ocr(rgb[:, :, ::-1]).txts or ()
        return [re.sub("[^A-Z0-9]", "", text.upper()) for text in found]

    for seed, distance in ((1, 3.2), (2, 6.0), (3, 8.0)):
        picture, planted = render_still(seed=seed, distance=distance)
        assert any(planted.plate in text for text in texts(picture)), (planted, texts(picture))
    drive = render_drive(tmp_path, seed=4, seconds=6, start=START, utc_offset=timedelta(0))
    wanted = {p.best_frame: p.plate for p in drive.planted}
    with av.open(str(drive.clip)) as clip:
        for number, frame in enumerate(clip.decode(video=0)):
            if number in wanted:
                read = texts(frame.to_ndarray(format="rgb24"))
                assert any(wanted[number] in text for text in read), (wanted[number], read)
