"""Readers of plates: what a model's configuration says, two lines, slopes, and the package's own answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from stages.errors import StageFailed
from stages.settings import HeavySettings
from stages.vision.cct import CctReader, as_input
from stages.vision.deskew import slope, straight
from stages.vision.named import NamedModel, named
from stages.vision.photo import PhotoReader, open_photo
from stages.vision.plateconfig import PlateConfig
from stages.vision.plates import PlateBox
from stages.vision.selftest import self_test_reader
from stages.vision.stacked import pairs, side_by_side
from stages.vision.textreader import TextReader
from tests.stages.vision.drawn import drawn
from tests.stages.vision.onnx_made import Port, constant

CONFIG = """\
max_plate_slots: 7
alphabet: 'ÄB-abc0123456789_'
pad_char: '_'
img_height: 70
img_width: 140
keep_aspect_ratio: true
image_color_mode: grayscale
plate_regions: [Here, There]
"""
ALPHABET = "ÄB-abc0123456789_"


def own_reader(folder: Path, text: str, config: str | None = CONFIG, *, places: int = 7) -> NamedModel:
    """A reader that answers `text` to everything, surer with each character, as one flat row."""
    rows = np.full((places, len(ALPHABET)), 0.001, np.float32)
    for place, character in enumerate(text.ljust(places, "_")):
        rows[place, ALPHABET.index(character)] = 0.5 + place / 20
    inputs = [Port("input", (1, 70, 140, 1), "uint8")]
    path = constant(
        folder / "own.onnx",
        {"region": np.zeros((1, 2), np.float32), "plate": rows.reshape(1, -1)},
        inputs=inputs,
    )
    if config is not None:
        (folder / "own_plate_config.yaml").write_text(config, encoding="utf-8")
    found = named(folder, path.name, "reader_model")
    assert isinstance(found, NamedModel)
    return found


def test_alphabet_and_places_come_from_the_configuration(tmp_path: Path) -> None:
    """Letters are told without accents and in capitals, marks and padding drop out, each keeps its confidence."""
    reader = CctReader(own_reader(tmp_path, "Äb-12"))
    (told,) = reader.read([np.zeros((20, 60, 3), np.uint8)])
    assert told.text == "AB12"
    assert told.characters == pytest.approx([0.5, 0.55, 0.65, 0.7])
    assert reader.describe()[0]["alphabet"] == ALPHABET


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (None, r"does not say what it takes|gives plate"),
        ("max_plate_slots: 7", "no configuration of a fast-plate-ocr model"),
        ("- a\n- b", "no configuration"),
        ("{", "no configuration"),
        ("&a [*a, *a]", "no configuration"),
        (CONFIG.replace("slots: 7", "slots: 9"), "its configuration says 9 places"),
        (CONFIG.replace("width: 140", "width: 141"), "its configuration says"),
        (CONFIG.replace("pad_char: '_'", "pad_char: '?'"), "in its alphabet"),
        (CONFIG + "padding_color: [0, 0, 256]", "padding_color"),
        (CONFIG + "#" * 70_000, "too large"),
    ],
)
def test_a_configuration_that_does_not_fit(tmp_path: Path, config: str | None, told: str) -> None:
    """A missing, broken or foreign configuration is refused with the file's name."""
    with pytest.raises(StageFailed, match=told):
        CctReader(own_reader(tmp_path, "B1", config))


@given(st.integers(1, 200), st.integers(1, 400), st.booleans(), st.sampled_from(["grayscale", "rgb"]))
def test_any_crop_fits(height: int, width: int, keep: bool, colours: str) -> None:
    """Whatever a crop's shape, the model gets its own shape; kept in proportion, the rest is grey."""
    config = PlateConfig(
        max_plate_slots=9,
        alphabet="A_",
        pad_char="_",
        img_height=64,
        img_width=128,
        keep_aspect_ratio=keep,
        image_color_mode=colours,  # type: ignore[arg-type]
    )
    given_ = as_input(np.full((height, width, 3), 7, np.uint8), config)
    assert given_.shape == (64, 128, 1 if colours == "grayscale" else 3)
    assert set(np.unique(given_)) <= ({7, 114} if keep else {7})
    assert 7 in given_


@pytest.mark.shared
def test_as_the_package_reads(shared: Path, tmp_path: Path) -> None:
    """Where fast-plate-ocr itself is installed, it reads the same text with the same confidences."""
    package = pytest.importorskip("fast_plate_ocr.inference.plate_recognizer", reason="needs the extra alpr")
    model = shared / "models" / "cct_xs_v1_global.onnx"
    config = tmp_path / "config.yaml"
    config.write_text(
        "max_plate_slots: 9\nalphabet: '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_'\npad_char: '_'\n"
        "img_height: 64\nimg_width: 128\nimage_color_mode: rgb\n"
    )
    theirs = package.LicensePlateRecognizer(
        onnx_model_path=model, plate_config_path=config, providers=["CPUExecutionProvider"]
    )
    shutil.copyfile(model, tmp_path / "mine.onnx")
    found = named(tmp_path, "mine.onnx", "reader_model")
    ours = CctReader(found, threads=1)
    crops = []
    for truth in sorted((shared / "plates" / "eu").glob("*.txt"))[:20]:
        name, x, y, w, h, *_ = truth.read_text().split()
        photo = open_photo(truth.parent / name)
        crop = Image.fromarray(photo[int(y) : int(y) + int(h), int(x) : int(x) + int(w)])
        crops.append(np.asarray(crop.resize((128, 64)), np.uint8))  # ours resizes in a better way
    for mine, told in zip(ours.read(crops), theirs.run(crops, return_confidence=True), strict=True):
        assert mine.text == told.plate.replace("_", "")
        np.testing.assert_allclose(mine.characters, told.char_probs[: len(mine.text)], atol=1e-4)


def test_a_reader_passes_its_self_test(tmp_path: Path) -> None:
    """The bundled reader and a model of fast-plate-ocr's kind answer empty and noisy crops in good form."""
    self_test_reader(TextReader(threads=1))
    self_test_reader(CctReader(own_reader(tmp_path, "B1")))


def two_lines(upper: str, lower: str, size: int = 48) -> NDArray[np.uint8]:
    """A motorcycle's plate on a grey picture of 640x400, about in its middle."""
    picture = Image.new("RGB", (640, 400), (96, 100, 104))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    wide = max(draw.textlength(text, font) for text in (upper, lower))
    x, y = 240, 140
    draw.rectangle((x - 14, y - 10, x + wide + 14, y + 2.4 * size), (240, 240, 236), (20, 20, 20), 2)
    for row, text in enumerate((upper, lower)):
        left = x + (wide - draw.textlength(text, font)) / 2
        draw.text((left, y + row * 1.15 * size), text, (16, 16, 20), font)
    return np.asarray(picture, np.uint8)


PLATES = [("1234", "BCD"), ("AB 12", "CDE"), ("ABC", "1D23")]


@pytest.mark.parametrize(("upper", "lower"), PLATES)
def test_two_lines_are_laid_side_by_side(upper: str, lower: str) -> None:
    """A reader of one line reads both lines of a crop once they lie in one, each character with its confidence."""
    crop = two_lines(upper, lower)[134:252, 230:400]
    line = side_by_side(crop)
    assert line is not None
    (told,) = TextReader(threads=1).read([line])
    assert told.text == (upper + lower).replace(" ", "")
    assert len(told.characters) == len(told.text)
    assert told.weakest > 0.5


def test_one_line_is_not_cut() -> None:
    """Where there is one line, with or without a small one above it, nothing is laid side by side."""
    picture, (x1, y1, x2, y2) = drawn((640, 400), ("TEXAS", (270, 172), 10), ("KHN 991", (220, 180), 48))
    assert side_by_side(picture[int(y1) - 6 : int(y2) + 6, int(x1) - 6 : int(x2) + 6]) is None
    assert side_by_side(picture[int(y1) - 18 : int(y2) + 6, int(x1) - 6 : int(x2) + 6]) is None
    assert side_by_side(np.zeros((1, 9, 3), np.uint8)) is None


@pytest.mark.slow
def test_two_lines_without_a_plate_model(tmp_path: Path) -> None:
    """Two lines of text that are a plate together are told as one, at the box around both."""
    reader = PhotoReader(HeavySettings(threads=2), tmp_path)
    for upper, lower in PLATES:
        (plate,) = reader.read(two_lines(upper, lower))
        assert plate["plate"] == (upper + lower).replace(" ", "")
        x, y, wide, high = plate["box"]
        assert y == pytest.approx(145, abs=15)
        assert high == pytest.approx(100, abs=30)
        assert wide < 1.6 * high
        assert 200 < x < 260


@pytest.mark.slow
def test_a_slogan_below_a_plate_is_no_second_line(tmp_path: Path) -> None:
    """A line that is a plate by itself stays one, whatever stands below it."""
    reader = PhotoReader(HeavySettings(threads=2), tmp_path)
    told = [plate["plate"] for plate in reader.read(two_lines("1234BCD", "CARS 24"))]
    assert told[0] == "1234BCD"
    assert not any("1234BCD" in plate for plate in told[1:])


@pytest.mark.slow
def test_words_in_two_lines_are_no_plate(tmp_path: Path) -> None:
    """Letters alone, which look-alikes would put into a format, are a name on a sign."""
    reader = PhotoReader(HeavySettings(threads=2), tmp_path)
    assert reader.read(two_lines("RMI", "KIN")) == []


def line(x1: float, y1: float, x2: float, y2: float, *, vouched: bool = False) -> PlateBox:
    """A level line of text."""
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)
    return PlateBox((x1, y1, x2, y2), 0.9, corners, vouched)


@pytest.mark.parametrize(
    ("lower", "one_plate"),
    [
        (line(105, 132, 165, 160), True),
        (line(105, 132, 165, 160, vouched=True), False),
        (line(105, 190, 165, 220), False),  # too far below
        (line(200, 132, 260, 160), False),  # beside it
        (line(105, 132, 165, 139), False),  # much smaller
        (line(0, 132, 400, 160), False),  # a long line
        (line(100, 100, 170, 128), False),  # the same place
    ],
)
def test_what_may_be_the_lines_of_one_plate(lower: PlateBox, one_plate: bool) -> None:
    """Two lines close below each other, about as wide and as high, and about as wide as high together."""
    upper = line(100, 100, 170, 128)
    assert pairs([lower, upper]) == ([(upper, lower)] if one_plate else [])


@pytest.mark.parametrize("rise", [-0.25, -0.1, 0.0, 0.1, 0.25])
def test_the_slope_of_a_plate_is_found(rise: float) -> None:
    """Inside an upright box, corners follow the plate's slope, and its sides stay upright."""
    picture, (x1, y1, x2, y2) = drawn((640, 400), ("KHN 991", (220, 180), 48))
    shear = (1, 0, 0, -rise, 1, rise * (x1 + x2) / 2)
    seen = np.asarray(
        Image.fromarray(picture).transform(
            (640, 400), Image.Transform.AFFINE, shear, fillcolor=(96, 100, 104)
        )
    )
    half = abs(rise) * (x2 - x1) / 2
    box = (x1 - 8, y1 - 8 - half, x2 + 8, y2 + 8 + half)
    corners = straight(seen, box)
    assert (corners[1, 1] - corners[0, 1]) / (x2 - x1 + 16) == pytest.approx(rise, abs=0.05)
    assert corners[0, 0] == corners[3, 0]
    assert corners[:, 1].min() == pytest.approx(box[1])


def test_an_empty_crop_has_no_slope() -> None:
    """Where nothing is to be seen, a plate is taken to be level."""
    assert slope(np.full((30, 90, 3), 90, np.uint8)) == 0.0
    assert slope(np.zeros((1, 1, 3), np.uint8)) == 0.0
