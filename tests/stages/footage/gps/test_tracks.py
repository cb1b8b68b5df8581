"""Which track of a clip is believed, and that none of them harms."""

import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps.garmin import garmin_box_log
from stages.footage.gps.tracks import LAYOUTS, track_log
from tests.stages.footage.gps.made_samples import FMAS, cue, device, garmin, gps5, sigmastar, vueroid, wolfbox
from tests.stages.footage.gps.made_tracks import Made, clip, read

RMC = "$GPRMC,120000.00,A,5030.00000,N,03000.00000,E,5.0,90.0,141123,,,A*6F"
NIGHT = datetime(2026, 3, 15, 23, 59, 58)  # noqa: DTZ001


def test_track_with_places_goes_before_a_void_one(tmp_path: Path) -> None:
    """A track that never saw the sky does not hide one that did; alone it is still told."""
    blind = Made(b"text", b"tx3g", [cue(RMC.replace(",A,", ",V,", 1))])
    log = read(
        tmp_path / "clip.mp4", clip(blind, Made(b"meta", b"gpmd", [device(gps5([(40.5, 3.0, 1, 1)]))]))
    )
    assert log is not None
    assert log.dialect == "GoPro"
    log = read(tmp_path / "clip.mp4", clip(blind))
    assert log is not None
    assert (log.dialect, log.placed) == ("NMEA subtitles", False)
    assert log.fixes[0].time == datetime(2023, 11, 14, 12)  # noqa: DTZ001


def test_first_samples_may_be_blank(tmp_path: Path) -> None:
    """What a track is shows within its first hundred samples; later it is not looked for."""
    for blank, found in ((50, True), (150, False)):
        log = read(tmp_path / "clip.mp4", clip(Made(b"text", b"tx3g", [b"\0\0"] * blank + [cue(RMC)])))
        assert (log is not None) == found


SAMPLES: dict[tuple[bytes, bytes], list[bytes]] = {
    (b"text", b"tx3g"): [cue(RMC), cue("A,270519,201555.000,3356.8925,N,08420.2071,W,012.5,331.0M")],
    (b"meta", b"gpmd"): [device(gps5([(40.5, 3.0, 1, 1)])), FMAS, wolfbox(5030, 3015, NIGHT, dated=True)],
    (b"meta", b"ssmd"): [sigmastar(50, 30), sigmastar(5030, 3015, size=32), bytes(48) + b"KTRX1739"],
    (b"tvxt", b"mp4s"): [vueroid()],
    (b"data", b"RVMI"): [b"gReV" + bytes(range(16))],
    (b"meta", b"camm"): [struct.pack("<HH3d", 0, 5, 1, 2, 3)],
}


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_samples(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Tracks of every kind with any bytes in their samples give fixes on earth or none, and no error."""
    handler, name = data.draw(st.sampled_from(sorted(SAMPLES)))
    samples = []
    for _ in range(data.draw(st.integers(0, 4))):
        sample = bytearray(
            data.draw(st.one_of(st.sampled_from(SAMPLES[handler, name]), st.binary(max_size=80)))
        )
        for _ in range(data.draw(st.integers(0, 4)) if sample else 0):
            sample[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))
        samples.append(bytes(sample[: data.draw(st.integers(0, len(sample)))]))
    path = tmp_path_factory.mktemp("tracks") / "REC20260315-203950-527-A.mp4"
    path.write_bytes(clip(Made(handler, name, samples), more=garmin() + data.draw(st.binary(max_size=40))))
    for reader in (track_log, garmin_box_log):
        log = reader(path, walk(path), 4.0)
        for fix in log.fixes if log else ():
            assert fix.lat is None or abs(fix.lat) <= 90
            assert fix.lon is None or abs(fix.lon) <= 180


@settings(deadline=None)
@given(st.binary(max_size=1100))
def test_any_sample(data: bytes) -> None:
    """Every layout takes any bytes."""
    decoders: list[Callable[[bytes], list[Fix] | None]] = [layout.decode for layout in LAYOUTS]
    for decode in decoders:
        for fix in decode(data) or []:
            assert fix.lat is None or abs(fix.lat) <= 90
