"""Novatek's GPS blocks and their dialects."""

import json
import struct
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import walk
from stages.footage.gps.dialects import DIALECTS
from stages.footage.gps.freegps import FreeGps, read_freegps
from tests.stages.clips import block_t3, block_t17, novatek

WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
REFUSED = {1810, 1965}  # encrypted coordinates


def _vectors(shared: Path) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((shared / "gps/freegps_vectors.json").read_text())["vectors"]
    return vectors


def _read(tmp_path: Path, data: bytes) -> FreeGps | None:
    path = tmp_path / "clip.MP4"
    path.write_bytes(data)
    return read_freegps(path, walk(path))


@pytest.mark.shared
@pytest.mark.parametrize("table", [True, False])
def test_device_vectors(shared: Path, tmp_path: Path, table: bool) -> None:
    """Bytes of real devices give what ExifTool reads from them, with and without a table."""
    vectors = _vectors(shared)
    assert len(vectors) == 13
    for vector in vectors:
        line, expected = vector["exiftool_source_line"], vector["expected"]
        found = _read(tmp_path, novatek([bytes.fromhex(vector["hex"])], seconds=1.0, table=table))
        assert found is not None, line
        if line in REFUSED:
            assert (found.fixes, bool(found.refused)) == ([], True), line
            continue
        assert not found.refused
        fix = found.fixes[0]
        if "GPSLatitude" not in expected:
            assert not fix.valid, line
            continue
        assert fix.lat == pytest.approx(expected["GPSLatitude"], abs=1e-6), line
        assert fix.lon == pytest.approx(expected["GPSLongitude"], abs=1e-6), line
        assert fix.speed_kmh == pytest.approx(expected["GPSSpeed"], abs=1e-4), line
        assert (
            fix.course == pytest.approx(expected.get("GPSTrack"), abs=1e-3)
            if "GPSTrack" in expected
            else True
        )
        assert fix.altitude == pytest.approx(expected.get("GPSAltitude"), abs=1e-3)
        if "GPSDateTime" in expected:
            assert fix.time == datetime.strptime(expected["GPSDateTime"][:19], "%Y:%m:%d %H:%M:%S"), line  # noqa: DTZ007


@pytest.mark.shared
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_vectors(shared: Path, data: st.DataObject) -> None:
    """Real blocks, cut and changed anywhere, never raise and never lie off the earth."""
    block = bytearray.fromhex(data.draw(st.sampled_from(_vectors(shared)))["hex"])
    for _ in range(data.draw(st.integers(0, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    _check_all(bytes(block[: data.draw(st.integers(0, len(block)))]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 100))
def test_arbitrary_blocks(data: bytes, at: int) -> None:
    """Any bytes with a fix's letters anywhere in them never raise."""
    _check_all(data)
    _check_all(data[:at] + b"ANE\0" + data[at:])


def _check_all(block: bytes) -> None:
    for dialect in DIALECTS:
        for fix in dialect.read(block) or []:
            if fix.lat is not None:
                assert abs(fix.lat) <= 90
                assert fix.lon is not None
                assert abs(fix.lon) <= 180


@pytest.mark.parametrize("make", [block_t3, block_t17])
@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("place", [(40.4168, -3.7038), (-33.8688, 151.2093)])
def test_blocks_in_order(tmp_path: Path, make: Any, table: bool, place: tuple[float, float]) -> None:
    """Each block gives a fix, numbered by where it lies; a second without a fix is kept as such."""
    times = [WHEN + timedelta(seconds=i) for i in range(4)]
    blocks = [make(when, None if i == 1 else place) for i, when in enumerate(times)]
    found = _read(tmp_path, novatek(blocks, seconds=4.0, table=table))
    assert found is not None
    assert (found.blocks, found.complete) == (4, True)
    assert [fix.seconds for fix in found.fixes] == [0, 1, 2, 3]
    assert [fix.valid for fix in found.fixes] == [True, False, True, True]
    assert [fix.time for fix in found.fixes] == times
    assert found.fixes[0].lat == pytest.approx(place[0], abs=1e-5)
    assert found.fixes[0].lon == pytest.approx(place[1], abs=2e-5)


def test_clip_without_blocks(tmp_path: Path) -> None:
    """A clip without GPS is no error."""
    assert _read(tmp_path, novatek([])) is None
    assert _read(tmp_path, b"text") is None


def test_table_that_lies(tmp_path: Path) -> None:
    """Entries that point behind the file, or at other bytes, are passed over."""
    data = bytearray(novatek([block_t17(WHEN, (40.0, -3.0))] * 3, seconds=3.0))
    at = data.rindex(b"gps ") + 12
    struct.pack_into(">II", data, at, 0xFFFFFF00, 0xFFFFFFFF)
    struct.pack_into(">II", data, at + 8, 16, 0x4000)
    found = _read(tmp_path, bytes(data))
    assert found is not None
    assert [fix.seconds for fix in found.fixes] == [2]


def test_scrambled_camera_is_refused(tmp_path: Path) -> None:
    """The Rexing V1-4K writes positions in a secret scale: they are left out, with a sentence."""
    frea = b"frea" + struct.pack(">I4s", 16, b"ver ") + b"3.01.054"
    data = novatek([block_t17(WHEN, (40.0, -3.0))]) + struct.pack(">I", 4 + len(frea)) + frea
    found = _read(tmp_path, data)
    assert found is not None
    assert (found.fixes, "scrambled" in found.refused) == ([], True)
