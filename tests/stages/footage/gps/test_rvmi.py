"""RVMI tracks, and Vantrue's."""

import struct
from datetime import datetime
from pathlib import Path

import pytest

from stages.footage.fix import Fix
from tests.stages.footage.gps.made_samples import FMAS
from tests.stages.footage.gps.made_tracks import Made, one_track, shared_log


@pytest.mark.shared
def test_shared_rvmi(shared: Path) -> None:
    """Millionths of degrees, tenths of km/h and courses of two degrees, where the sample table says."""
    log = shared_log(shared, "rvmi/sample.mp4")
    assert log.dialect == "RVMI"
    assert [(f.seconds, f.lat, f.lon, f.speed_kmh, f.course) for f in log.fixes] == [
        (pytest.approx(0.0), 30.0, 50.0, 0.0, 0.0),
        (pytest.approx(0.24), 30.0001, 50.0001, 1.2, 224.0),
        (pytest.approx(1.24), 30.0002, 50.0002, 3.8, 220.0),
        (pytest.approx(2.26), 30.0003, 50.0003, 7.2, 222.0),
    ]


def test_rvmi_signs_and_voids(tmp_path: Path) -> None:
    """South and west are negative numbers; zeros are no fix; a record cut short is none."""
    record = struct.Struct("<4siiihH")
    samples = [
        record.pack(b"gReV", -33_500_000, -70_250_000, 0, 605, 179),
        record.pack(b"gReV", 0, 0, 0, 0, 0),
        b"gReV1234",
    ]
    log = one_track(tmp_path / "clip.mp4", Made(b"data", b"RVMI", samples))
    assert log.fixes == [Fix(None, -33.5, -70.25, 60.5, 358.0, None, 0.0), Fix(seconds=1.0)]


def test_vantrue(tmp_path: Path) -> None:
    """Degrees, minutes and hundredths of seconds, longitude first; a status other than A is no fix."""
    south = FMAS.replace(b"AWNQ", b"AESQ")
    log = one_track(
        tmp_path / "clip.mp4", Made(b"meta", b"gpmd", [FMAS, south, FMAS.replace(b"AWN", b"VWN")])
    )
    fix = log.fixes[0]
    assert fix.time == datetime(2021, 9, 24, 8, 0, 34)  # noqa: DTZ001
    assert fix.lat == pytest.approx(41 + (38 + 3111 / 6000) / 60)
    assert fix.lon == pytest.approx(-(81 + (22 + 417 / 6000) / 60))
    assert (fix.speed_kmh, fix.course) == (pytest.approx(75 * 1.609344), 73.0)
    assert (log.fixes[1].lat, log.fixes[1].lon) == (-(fix.lat or 0), -(fix.lon or 0))
    assert [each.valid for each in log.fixes] == [True, True, False]
