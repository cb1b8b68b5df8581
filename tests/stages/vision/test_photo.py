"""Plates on photos, with and without downloaded models."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.errors import BadInput, NotFound
from stages.settings import HeavySettings
from stages.vision import photo as photos
from stages.vision.contrast import evened
from stages.vision.photo import PhotoReader, beside, chosen, open_photo, read_photo
from tests.stages.vision.drawn import drawn
from tests.stages.vision.made import read

SETTINGS = HeavySettings(threads=2)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("with_models", [False, True])
def test_most_photos_are_read_exactly(shared: Path, tmp_path: Path, with_models: bool) -> None:
    """Of a fixed eighth of the European photos at least two thirds are read without an error."""
    reader = PhotoReader(SETTINGS, shared / "models" if with_models else tmp_path)
    files = sorted((shared / "plates" / "eu").glob("*.jpg"))[::8]
    truths = [file.with_suffix(".txt").read_text().split()[-1] for file in files]
    right = sum(
        truth in [plate["plate"] for plate in reader.read(file)]
        for file, truth in zip(files, truths, strict=True)
    )
    assert right >= len(files) * 2 / 3


@pytest.mark.shared
@pytest.mark.slow
def test_no_network_and_no_chatter(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Reading with what comes in the wheel opens no connection and prints nothing."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    logging.getLogger().setLevel(logging.DEBUG)
    (plate, *_) = read_photo(shared / "plates" / "eu" / "test_002.jpg", SETTINGS, tmp_path)
    assert plate["plate"] == "RK755AJ"
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


@pytest.mark.shared
def test_box_lies_on_the_plate(shared: Path) -> None:
    """The box is x, y, width, height in the photo; candidates are other texts with less confidence."""
    file = shared / "plates" / "eu" / "eu5.jpg"
    x, y, w, h = (int(v) for v in file.with_suffix(".txt").read_text().split()[1:5])
    (plate, *_) = read_photo(file, SETTINGS, shared / "models")
    left, top, width, height = plate["box"]
    assert abs(left - x) < 25
    assert abs(top - y) < 25
    assert abs(width - w) < 40
    assert abs(height - h) < 25
    assert all(other["confidence"] <= plate["confidence"] for other in plate["candidates"])
    assert plate["plate"] not in [other["plate"] for other in plate["candidates"]]


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> PhotoReader:
    """A reader without downloaded models."""
    return PhotoReader(SETTINGS, tmp_path_factory.mktemp("models"))


@pytest.mark.slow
def test_seals_are_no_clock(bundled: PhotoReader) -> None:
    """A plate whose two seals look like a colon is not taken for a time of day."""
    picture, _ = drawn((640, 400), ("1T4:3213", (200, 180), 48))
    assert [plate["plate"] for plate in bundled.read(picture)] == ["1T43213"]


@pytest.mark.slow
def test_burned_in_date_is_no_plate(bundled: PhotoReader) -> None:
    """A date and time written into the picture are not told, the plate beside them is."""
    picture, _ = drawn((800, 500), ("2014-05-14 06:12:01", (20, 20), 24), ("KHN 991", (300, 250), 48))
    assert [plate["plate"] for plate in bundled.read(picture)] == ["KHN991"]


@pytest.mark.slow
def test_a_point_makes_no_coordinate(bundled: PhotoReader) -> None:
    """A plate with a point between letters and digits is told; a coordinate is not."""
    picture, _ = drawn((800, 500), ("41.40338 2.17403", (20, 20), 24), ("OKL.1235", (250, 250), 56))
    assert [plate["plate"] for plate in bundled.read(picture)] == ["OKL1235"]


@pytest.mark.slow
def test_letters_alone(bundled: PhotoReader) -> None:
    """A plate of letters is told where it stands alone; beside a plate with digits it is a name."""
    alone, _ = drawn((640, 400), ("BIMMIAN", (200, 180), 48))
    assert [plate["plate"] for plate in bundled.read(alone)] == ["BIMMIAN"]
    beside, _ = drawn((640, 400), ("BIMMIAN", (200, 60), 48), ("KHN 991", (200, 250), 48))
    assert [plate["plate"] for plate in bundled.read(beside)] == ["KHN991"]


@pytest.mark.slow
def test_numbers_on_signs_stand_back(bundled: PhotoReader) -> None:
    """What has no plate's shape is not told beside what has."""
    picture, _ = drawn((640, 400), ("2733316800", (200, 60), 48), ("KHN 991", (200, 250), 48))
    assert [plate["plate"] for plate in bundled.read(picture)] == ["KHN991"]


def test_doubtful_small_print_of_another_country() -> None:
    """Beside a plate a doubtful line is told only where a car of the same country may bear it; a sure one is."""
    plate, print_, neighbour = (read("MTW5608"), read("BA510694", certain=0.7), read("JPN0921", certain=0.7))
    assert beside([plate, neighbour, print_]) == [plate, neighbour]
    assert beside([print_]) == [print_]
    sure, seen = read("BA510694"), read("BA510694", certain=0.5, vouched=True)
    assert beside([plate, sure, seen]) == [plate, sure, seen]


def test_a_line_in_doubt_is_not_told_beside_a_better_one() -> None:
    """Most photos are of one car; a plate that a model found needs no more than it needs alone."""
    plate, doubtful = read("MTW5608"), read("JPN0921", certain=0.48)
    assert chosen([doubtful, plate]) == [plate]
    assert chosen([doubtful]) == [doubtful]
    seen = read("JPN0921", certain=0.4, vouched=True)
    assert chosen([seen, plate]) == [plate, seen]


def test_the_best_of_doubtful_lines_is_told_alone() -> None:
    """Where nothing is sure one plate is told, but no number on a sign, and nothing that is mere guessing."""
    plate, worse = read("HH9G5W", certain=0.4), read("DH5X9P", certain=0.35)
    sign = read("27333168", certain=0.44)
    assert chosen([sign, worse, plate]) == [plate]
    assert chosen([sign]) == []
    assert chosen([read("HH9G5W", certain=0.25)]) == []


@pytest.mark.slow
def test_a_plate_in_the_dark(bundled: PhotoReader) -> None:
    """A plate that hardly differs from what is around it is found once the photo's contrast was stretched."""
    picture, _ = drawn((640, 400), ("HH9 G5W", (200, 180), 40))
    noise = np.random.default_rng(3).normal(0, 0.7, picture.shape)
    dark = np.clip(picture / 255 * 6 + noise + 4, 0, 255).astype(np.uint8)
    assert [plate["plate"] for plate in bundled.read(dark)] == ["HH9G5W"]


def test_evened_keeps_shape_and_spreads_brightness() -> None:
    """What was told apart by few steps of brightness is told apart by more."""
    dark = np.tile(np.arange(8, 16, dtype=np.uint8).repeat(2)[None, :, None], (160, 10, 3))
    bright = evened(dark)
    assert bright.shape == dark.shape
    assert np.ptp(bright) > 2 * np.ptp(dark)


def test_exif_orientation(tmp_path: Path) -> None:
    """A photo that says it lies on its side is turned upright."""
    image = Image.new("RGB", (40, 20), "white")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "side.jpg", exif=exif)
    assert open_photo(tmp_path / "side.jpg").shape == (40, 20, 3)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\xff\xd8\xff\xe0 broken", b"<svg/>"])
def test_what_is_no_picture(tmp_path: Path, content: bytes) -> None:
    """A file that is no picture is refused with a sentence that names it."""
    path = tmp_path / "odd.jpg"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"odd\.jpg"):
        open_photo(path)


def test_truncated_picture(tmp_path: Path) -> None:
    """A picture whose end is missing is refused, not read by half."""
    path = tmp_path / "half.jpg"
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadInput, match=r"half\.jpg"):
        open_photo(path)


def test_huge_picture_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that claims more pixels than the bound is refused."""
    monkeypatch.setattr(photos, "MAX_PIXELS", 1000)
    Image.new("RGB", (50, 50)).save(tmp_path / "large.png")
    with pytest.raises(BadInput, match="50x50"):
        open_photo(tmp_path / "large.png")


def test_missing_photo(tmp_path: Path) -> None:
    """A path that is not there is told as such."""
    with pytest.raises(NotFound, match=r"gone\.jpg"):
        open_photo(tmp_path / "gone.jpg")
