"""Zones: named, fixed, by place."""

from datetime import datetime

import pytest

from stages.errors import SettingsError
from stages.footage.zones import fixed_name, named_zone, place_zone

WINTER, SUMMER = datetime(2024, 1, 15, 12), datetime(2024, 7, 15, 12)  # noqa: DTZ001


def test_a_named_zone_knows_summer_time() -> None:
    """An IANA name gives each moment its own offset."""
    zone = named_zone("Europe/Madrid")
    assert zone is not None
    assert (zone.offset_at(WINTER), zone.offset_at(SUMMER), zone.offset_at_utc(SUMMER)) == (3600, 7200, 7200)


@pytest.mark.parametrize(
    ("name", "seconds"), [("+01:00", 3600), ("-09:30", -34_200), ("+00:00", 0), ("+14:00", 50_400)]
)
def test_a_fixed_offset_never_changes(name: str, seconds: int) -> None:
    """A camera that nobody sets to summer time."""
    zone = named_zone(name)
    assert zone is not None
    assert (zone.offset_at(WINTER), zone.offset_at(SUMMER)) == (seconds, seconds)
    assert fixed_name(seconds) == name


@pytest.mark.parametrize("name", ["+99:00", "+1:00", "Mars/Base", "../../etc/passwd", "\0", "x" * 500])
def test_what_is_no_zone_is_refused_by_name(name: str) -> None:
    """The setting is named, and what it could be."""
    with pytest.raises(SettingsError, match=r"cameras\.golf\.time_zone.*Europe/Madrid"):
        named_zone(name, "cameras.golf.time_zone")


def test_no_zone() -> None:
    """Nothing set is nothing known."""
    assert named_zone("") is None


def test_the_law_of_a_place() -> None:
    """Coordinates lead to the zone there, where tzfpy is installed; the sea has none."""
    pytest.importorskip("tzfpy")
    madrid = place_zone(40.4, -3.7)
    assert madrid is not None
    assert (madrid.source, madrid.offset_at(SUMMER)) == ("place_zone", 7200)
    nepal = place_zone(27.7, 85.3)
    assert nepal is not None
    assert nepal.offset_at(SUMMER) == 20_700
    assert place_zone(0.0, -30.0) is None
