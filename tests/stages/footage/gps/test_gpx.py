"""GPX files, friendly and hostile."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.errors import BadInput
from stages.footage.gps.gpx import parse_gpx, read_gpx

POINT = '<trkpt lat="40.5" lon="-3.5"><ele>12.5</ele><time>2024-01-15T12:00:00+01:00</time></trkpt>'
GPX = f'<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{POINT}</trkseg></trk></gpx>'


def test_point() -> None:
    """A track point gives place, height and UTC."""
    (fix,) = parse_gpx(GPX.encode())
    assert (fix.lat, fix.lon, fix.altitude) == (40.5, -3.5, 12.5)
    assert fix.time == datetime(2024, 1, 15, 11)  # noqa: DTZ001


@pytest.mark.shared
def test_real_file(shared: Path) -> None:
    """A real track with extensions and prefixes is read."""
    fixes = read_gpx(shared / "gps/mapillary/sf_30km_h.gpx")
    assert len(fixes) == (shared / "gps/mapillary/sf_30km_h.gpx").read_text().count("<trkpt")
    assert (fixes[0].lat, fixes[0].lon, fixes[0].altitude) == (37.793585, -122.461396, 94.75)
    assert fixes[0].time == datetime(2025, 3, 14, 7)  # noqa: DTZ001


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + GPX[21:],
        '<!DOCTYPE gpx SYSTEM "file:///etc/passwd">' + GPX[21:],
        "<a>" * 5000,
        "<gpx><trk>",
        "",
        '<?xml version="1.0" encoding="utf-99"?><gpx/>',
    ],
)
def test_hostile_files_are_refused(hostile: str) -> None:
    """Entities, document types, deep nesting and broken XML are refused with a sentence."""
    with pytest.raises(BadInput, match=r"GPX|XML"):
        parse_gpx(hostile.encode())


def test_point_without_number_is_left_out() -> None:
    """A point whose place is no number is no point."""
    assert parse_gpx(GPX.replace("40.5", "nan").encode()) == []
    assert parse_gpx(GPX.replace('lat="40.5"', "").encode()) == []


@given(st.binary(max_size=200), st.integers(0, len(GPX)))
def test_arbitrary_bytes(data: bytes, at: int) -> None:
    """Any bytes inside a GPX file give points or BadInput, nothing else."""
    found = None
    with suppress(BadInput):
        found = parse_gpx(GPX[:at].encode() + data + GPX[at:].encode())
    assert found is None or len(found) <= 1
