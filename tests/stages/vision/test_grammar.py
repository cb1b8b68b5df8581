"""Plate formats, look-alikes, and what stands beside a plate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.vision.formats import FORMATS, templates
from stages.vision.grammar import (
    best,
    countries,
    distance,
    fold,
    like_a_plate,
    normalise,
    plausible,
    readings,
    similarity,
)
from stages.vision.plates import PlateText
from tests.stages.vision.made import text

PLATES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("read", "plate"),
    [
        ("1741GWY", "1741GWY"),
        ("E1741GWY", "1741GWY"),  # the blue band of Spain
        ("I741GWY", "1741GWY"),  # a digit's place
        ("BI0SIT", "B10SIT"),
        ("RRK828AG", "RK828AG"),  # an emblem read as a letter
        ("OY09FEU", "OY09FEU"),
        ("GBOY09FEU", "OY09FEU"),
        ("KHN991", "KHN991"),
        ("B320WTW", "B320WTW"),  # Bucharest, not a Belgian band
        ("B99BNX", "B99BNX"),
        ("SB90TZI", "SB90TZI"),
        ("BIMMIAN", "BIMMIAN"),  # fits nothing, so it stays as it was read
        ("COOD", "COOD"),
        ("1365847", "1365847"),  # a number is none of those plates that have a letter I
        ("SCHOOL", "SCHOOL"),
    ],
)
def test_best_reading(read: str, plate: str) -> None:
    """A format decides between look-alikes and strips bands; without one the text stays."""
    assert best(text(read)).plate == plate


def test_reader_decides_between_unlike_glyphs() -> None:
    """A sure 8 stays an 8 where a format would rather have a B; a doubtful one gives way."""
    sure = PlateText("8123XYZ8", (0.99,) * 8, ((),) * 8, "")
    assert best(sure).plate != "B123XYZB"
    doubtful = PlateText("1741GW8", (0.9,) * 6 + (0.45,), ((),) * 6 + ((("B", 0.42),),), "")
    assert best(doubtful, ("ES",)).plate == "1741GWB"


def test_what_has_a_shape_as_it_was_read_needs_no_other() -> None:
    """A plate of some country is not bent into another country's rarer shape, nor cut to it."""
    weak_b = PlateText("B276WOW", (0.75, *(1.0,) * 6), ((("8", 0.24),), *((),) * 6), "")
    assert best(weak_b).plate == "B276WOW"
    weak_end = PlateText("SB90TZI", (*(1.0,) * 6, 0.54), (*((),) * 6, (("U", 0.36),)), "")
    assert best(weak_end).plate == "SB90TZI"


def test_regions_narrow_the_formats() -> None:
    """The same read is understood by the formats of the chosen countries."""
    assert best(text("0BC123"), ("US",)).plate == "OBC123"
    assert best(text("WA5666O"), ("NO",)).plate == "WA56660"
    assert best(text("WA5666O"), ("PL",)).plate == "WA5666O"
    assert plausible("1741GWY", ("ES",))
    assert not plausible("1741GWY", ("FR",))


@given(PLATES)
def test_nothing_is_rejected(value: str) -> None:
    """The text as it was read is always among the readings, and readings only hold A-Z and 0-9."""
    found = readings(text(value))
    assert value in [reading.plate for reading in found]
    assert all(normalise(reading.plate) == reading.plate for reading in found)
    assert found == sorted(found, key=lambda r: (-r.score, r.plate))


@given(PLATES, PLATES)
def test_distance_is_a_metric(a: str, b: str) -> None:
    """Edit distance is symmetric, zero for equal texts only, and bounded by the longer text."""
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) <= max(len(a), len(b))
    assert 0 <= similarity(a, b) <= 1


@pytest.mark.parametrize(
    ("plate", "fits"), [("0000", False), ("C00D", False), ("EXIT12", False), ("KHN991", True), ("A1", False)]
)
def test_plausible(plate: str, fits: bool) -> None:
    """Rings, signs and scraps are no plates in any country."""
    assert plausible(plate) is fits


def test_countries_of_a_shape() -> None:
    """A shape tells in which countries a plate may be at home; a number on a sign has none."""
    assert {"BR", "US"} <= countries("MTW5608")
    assert not countries("MTW5608") & countries("BA510694")
    assert countries("1741GWY", ("ES", "FR")) == {"ES"}
    assert not countries("041257")


@pytest.mark.parametrize(
    ("raw", "alike"),
    [
        ("CKO-AIF", True),  # CK0 A1F
        ("CKOAIF", False),  # as a word would stand there
        ("CKE-AIF", False),  # no digit is drawn like E
        ("NEW-JERSEY", False),
        ("COO-D", False),
    ],
)
def test_letters_like_a_plate(raw: str, alike: bool) -> None:
    """Letters in groups may be a plate's where some of them are drawn like its digits."""
    value = normalise(raw)
    assert like_a_plate(text(value)._replace(raw=raw)) is alike
    assert best(text(value)).plate == value  # and are not bent into it


def test_fold_makes_look_alikes_equal() -> None:
    """0=O=D=Q, 1=I=L, 2=Z, 5=S, 6=G, 8=B."""
    assert fold("OQD0 il1-Z2 S5 g6 B8") == "0000" + "111" + "22" + "55" + "66" + "88"


def test_every_format_is_written_correctly() -> None:
    """Every template expands to places for letters or digits, three to ten of them."""
    for country in FORMATS:
        shapes = [shape for group in templates((country,)).values() for shape in group]
        assert shapes, country
        assert all(2 < len(shape.places) <= 10 for shape in shapes), country
