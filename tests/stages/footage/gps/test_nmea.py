"""Tolerant NMEA."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.footage.gps import nmea

RMC = "$GPRMC,120000.00,A,5000.00000,N,03000.00000,E,5.0,90.0,141123,,,A*6F"


def test_rmc_with_gga() -> None:
    """Place, speed and course come from RMC, altitude from the GGA beside it."""
    text = f"{RMC}\r\n$GPGGA,120000.00,5000.00000,N,03000.00000,E,1,12,0.5,123.4,M,46.0,M,,*4C\r\n"
    (fix,) = nmea.fixes(text)
    assert fix.time == datetime(2023, 11, 14, 12, 0, 0)  # noqa: DTZ001
    assert (fix.lat, fix.lon, fix.course, fix.altitude) == (50.0, 30.0, 90.0, 123.4)
    assert fix.speed_kmh == pytest.approx(9.26)


@pytest.mark.parametrize(
    "line",
    [
        RMC.replace("*6F", "*00"),  # a wrong checksum
        RMC.split("*", maxsplit=1)[0],  # none
        RMC[1:].replace("GPRMC", "GNRMC"),  # no dollar sign
        f"gsensori,4,512,1,2,3;{RMC[1:]};CAR,0,0",
        f"[1699970400400]{RMC}",
    ],
)
def test_tolerated_lines(line: str) -> None:
    """What cameras get wrong around a sentence does not cost the fix."""
    (fix,) = nmea.fixes(line)
    assert (fix.lat, fix.lon) == (50.0, 30.0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (",A,", ",V,"),  # the receiver says that it has no fix
        ("5000.0", "9900.0"),  # beyond the pole
        ("5000.0", "5075.0"),  # 75 minutes
        (",N,", ",X,"),
        ("5000.00000", ""),
        ("5000.00000", "-5000.0"),
        ("5000.00000", "5e3"),
    ],
)
def test_wrong_coordinates_are_none(old: str, new: str) -> None:
    """A sentence that cannot be believed gives no position."""
    assert not any(fix.valid for fix in nmea.fixes(RMC.replace(old, new, 1)))


def test_stamps_tie_fixes_to_the_video() -> None:
    """`[unix_ms]` counts from the first stamp."""
    text = "\n".join(f"[{1699970400400 + 1000 * i}]{RMC}" for i in range(3))
    assert [fix.seconds for fix in nmea.fixes(text)] == [0.0, 1.0, 2.0]


def test_impossible_time_keeps_the_place() -> None:
    """Hour 61 gives no time; the place still counts."""
    (fix,) = nmea.fixes(RMC.replace("120000", "616161"))
    assert fix.time is None
    assert fix.valid


@given(
    st.lists(st.sampled_from([*RMC, "\n", "$GPRMC,", "$GPGGA,", "[1699970400400]", "9" * 30]), max_size=60)
)
def test_any_text(parts: list[str]) -> None:
    """Any mixture of pieces gives fixes on earth or none."""
    for fix in nmea.fixes("".join(parts)):
        assert fix.lat is None or abs(fix.lat) <= 90
