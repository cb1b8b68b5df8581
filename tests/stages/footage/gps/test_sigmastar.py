"""Tracks of cameras on SigmaStar chips."""

import struct
from datetime import datetime
from pathlib import Path

import pytest

from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps.tracks import track_log
from tests.stages.footage.gps.made_samples import NO_FIX, sigmastar
from tests.stages.footage.gps.made_tracks import Made, clip, one_track, read, shared_log

MOTION = [(50.0 + i / 1e4, 30.0 + i / 1e4) for i in range(8)]


@pytest.mark.shared
def test_shared_sigmastar(shared: Path) -> None:
    """A void second, then places in degrees; the course holds where it is not told anew."""
    log = shared_log(shared, "sstar-ssmd/synthetic-happy.mp4")
    assert log.dialect == "SigmaStar"
    assert [fix.seconds for fix in log.fixes] == [0, 1, 2, 3, 4, 5]
    assert [fix.valid for fix in log.fixes] == [False] + [True] * 5
    assert [(fix.lat, fix.lon) for fix in log.fixes[1:]] == [pytest.approx(place) for place in MOTION[:5]]
    assert [fix.speed_kmh for fix in log.fixes[1:]] == [20, 21, 22, 23, 24]
    assert [fix.course for fix in log.fixes[1:]] == [76, 76, 78, 78, 78]
    edge = shared_log(shared, "sstar-ssmd/synthetic-edge.mp4")
    assert [fix.valid for fix in edge.fixes] == [False, True, True, True, True, False]
    assert edge.fixes[4].speed_kmh is None
    path = shared / "gps/dashcamigo/sstar-ssmd/synthetic-wrong-format.mp4"
    log_ = track_log(path, walk(path), 3.0)
    assert log_ is None or not log_.placed


@pytest.mark.parametrize(
    ("name", "day", "expected"),
    [
        ("REC20260315-203950-527-A.mp4", 15, datetime(2026, 3, 15, 17, 39, 51)),  # noqa: DTZ001
        ("REC20260501-023950-527-A.mp4", 30, datetime(2026, 4, 30, 17, 39, 51)),  # noqa: DTZ001
        ("REC20251231-233950-527-A.mp4", 1, datetime(2026, 1, 1, 17, 39, 51)),  # noqa: DTZ001
        ("REC20260315-203950-527-A.mp4", 20, None),
        ("clip.mp4", 15, None),
    ],
)
def test_sigmastar_day_becomes_a_date(tmp_path: Path, name: str, day: int, expected: datetime | None) -> None:
    """The record has only the day: year and month come from the name's date or a day beside it."""
    samples = [sigmastar(50.0, 30.0, (day, 17, 39, 51 + i)) for i in range(3)]
    log = one_track(tmp_path / name, Made(b"meta", b"ssmd", samples))
    assert log.fixes[0].time == expected
    assert log.placed


def test_sigmastar_before_its_clock_was_set(tmp_path: Path) -> None:
    """Fixes before the clock jumps were tens of kilometres off: they are left out; void ones have no time."""
    early = [sigmastar(50.7, 30.0, (15, 17, 41, 30 + i)) for i in range(2)]
    late = [sigmastar(*place, (15, 17, 39, 52 + i)) for i, place in enumerate(MOTION)]
    void = struct.pack(
        "<8s8siHH8B", NO_FIX, NO_FIX, -1, 0xFFFF, 0x047E, 15, 20, 39, 50, 0xFF, 0, 0xFF, 0xFF
    ).ljust(40, b"\0")
    log = one_track(tmp_path / "REC20260315-203949-527-A.mp4", Made(b"meta", b"ssmd", [void, *early, *late]))
    assert [fix.valid for fix in log.fixes] == [False] * 3 + [True] * 8
    assert log.fixes[0].time is None
    assert log.fixes[3].time == datetime(2026, 3, 15, 17, 39, 52)  # noqa: DTZ001


def test_sigmastar_beside_other_tracks(tmp_path: Path) -> None:
    """Pictures and accelerations under the same format do not hide the positions."""
    others = [
        Made(b"meta", b"ssmd", [b"\xff\xd8\xff\xe0" + bytes(500)]),
        Made(b"meta", b"ssmd", [struct.pack("<3f", 1, 2, 3)] * 20, (66,)),
    ]
    data = clip(*others, Made(b"meta", b"ssmd", [sigmastar(-50.0, -30.0)]))
    log = read(tmp_path / "clip.mp4", data)
    assert log is not None
    assert (log.fixes[0].lat, log.fixes[0].lon) == (-50.0, -30.0)


def test_ibox_and_rove(tmp_path: Path) -> None:
    """The two 32-byte layouts are told by where the date would stand: km/h and knots."""
    log = one_track(tmp_path / "clip.mp4", Made(b"meta", b"ssmd", [sigmastar(5030.0, -3015.0, size=32)]))
    assert log.fixes[0][1:5] == (50.5, -30.25, 20.0, 76.0)
    rove = struct.pack("<dd4xH6B4B", 5030.0, -3015.0, 20, 26, 3, 15, 17, 39, 51, 0xFF, 1, 1, 0)
    void = NO_FIX * 2 + struct.pack("<4xH6B4B", 0xFFFF, 26, 3, 15, 17, 39, 50, 0xFF, 0, 0xFF, 0xFF)
    log = one_track(tmp_path / "clip.mp4", Made(b"meta", b"ssmd", [void, rove]))
    assert log.dialect == "Rove"
    assert log.fixes == [
        Fix(seconds=0.0),
        Fix(datetime(2026, 3, 15, 17, 39, 51), 50.5, -30.25, pytest.approx(37.04), None, None, 1.0),  # noqa: DTZ001
    ]


def test_izeeker_is_refused(tmp_path: Path) -> None:
    """Scrambled positions are refused with a sentence."""
    log = one_track(tmp_path / "clip.mp4", Made(b"meta", b"ssmd", [bytes(48) + b"KTRX1739"]))
    assert (log.placed, "scrambled" in log.refused) == (False, True)
