"""Sample tables: where a track's samples lie, and when in the video."""

import io
import struct
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.gps.samples import MAX_SAMPLES, Purse, Sample, places, samples, tracks
from tests.stages.clips import make_clip
from tests.stages.footage.gps.made_tracks import Made, clip, fragmented

TEXT = Made(b"text", b"tx3g", [b"one", b"three", b"5", b"seven77", b"nine"], (500, 1000), chunk=2)


def _samples(data: bytes, size: int = 1 << 20) -> list[Sample]:
    file = io.BytesIO(data)
    return [each for track in tracks(file) for each in samples(file, track, Purse(size))]


def _packets(path: Path) -> list[tuple[int, int, float]]:
    """Offset, size and decoding time of the first video track's samples by FFmpeg."""
    with av.open(str(path)) as container:
        return [
            (packet.pos, packet.size, float(packet.dts * packet.time_base))
            for packet in container.demux(video=0)
            if packet.size
        ]


@pytest.mark.parametrize("how", [{}, {"index_first": True}, {"fragmented": True}])
def test_a_real_muxer_is_understood(tmp_path: Path, how: dict[str, bool]) -> None:
    """Offsets, sizes and times are those that FFmpeg finds in what it wrote, fragmented or not."""
    path = make_clip(tmp_path / "clip.mp4", frames=23, **how)
    with path.open("rb") as file:
        (track,) = tracks(file)
        found = [(each.offset, each.size, each.seconds) for each in places(file, track)]
    assert (track.handler, track.format) == (b"vide", b"mp4v")
    assert found == [(pos, size, pytest.approx(dts)) for pos, size, dts in _packets(path)]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["gps/mapillary/sample-5s.mp4", "gps/gopro_gpmf/max-heromode.mp4"])
def test_real_clips(shared: Path, name: str) -> None:
    """Clips of a phone and of a GoPro: every video sample where FFmpeg finds it."""
    with (shared / name).open("rb") as file:
        track = next(track for track in tracks(file) if track.handler == b"vide")
        found = [(each.offset, each.size) for each in places(file, track)]
    assert found == [(pos, size) for pos, size, _ in _packets(shared / name)]


@pytest.mark.parametrize("how", [{}, {"wide": True}, {"chunk": 5}, {"chunk": 1}])
def test_made_tables(how: dict[str, int]) -> None:
    """Samples in chunks of any size, behind 32-bit and 64-bit offsets, with their own durations."""
    found = _samples(clip(TEXT._replace(**how)))
    assert [each.data for each in found] == list(TEXT.samples)
    assert [each.seconds for each in found] == [0, 0.5, 1.5, 2.5, 3.5]
    assert [each.duration for each in found] == [0.5, 1, 1, 1, 1]


def test_fragments() -> None:
    """Samples of a fragmented clip come in order with the times of the fragments."""
    found = _samples(fragmented(TEXT))
    assert [(each.seconds, each.data) for each in found] == [
        (seconds, data) for seconds, data in zip([0, 0.5, 1.5, 2.5, 3.5], TEXT.samples, strict=True)
    ]


@pytest.mark.parametrize(
    ("edits", "start"),
    [
        ([(2000, -1), (9000, 0)], 2.0),  # begins two seconds late
        ([(9000, 500)], -0.5),  # the first half second is cut
        ([(0, -1), (1000, 250)], -0.25),
        ([(4_000_000_000, -1)], 0.0),  # a thousand hours late: not believed
    ],
)
def test_edit_lists(edits: list[tuple[int, int]], start: float) -> None:
    """An edit list moves a track of data against the video, within reason."""
    assert _samples(clip(TEXT._replace(edits=edits)))[0].seconds == start


def test_sample_cut_off_by_the_end_of_the_file() -> None:
    """What the file ends in is no sample; those before it are kept."""
    data = clip(TEXT)
    movie = data.index(b"moov") - 4
    whole = data[movie:] + data[:movie]  # the index first: then its offsets are too small by its size
    moved = bytearray(whole)
    table = moved.index(b"stco") + 12
    for index in range(3):
        (offset,) = struct.unpack_from(">I", moved, table + 4 * index)
        struct.pack_into(">I", moved, table + 4 * index, offset + len(data) - movie)
    assert [each.data for each in _samples(bytes(moved))] == list(TEXT.samples)
    end = moved.rindex(b"seven77") + 3
    assert [each.data for each in _samples(bytes(moved[:end]))] == [b"one", b"three", b"5"]


def test_missing_time_table_spreads_samples_evenly() -> None:
    """Without times the samples lie evenly over the track's own length."""
    data = clip(TEXT._replace(durations=(800,))).replace(b"stts", b"xxxx")
    assert [each.seconds for each in _samples(data)] == pytest.approx([0, 0.8, 1.6, 2.4, 3.2])


def test_constant_and_compact_sizes() -> None:
    """One size for all, and sizes of 16 bits, are read too."""
    same = clip(Made(b"text", b"tx3g", [b"aaaa", b"bbbb", b"cccc"], chunk=3))
    at = same.index(b"stsz")
    constant = same[: at + 8] + struct.pack(">I", 4) + same[at + 12 :]
    assert [each.data for each in _samples(constant)] == [b"aaaa", b"bbbb", b"cccc"]
    compact = same.replace(
        struct.pack(">I4sIII", 32, b"stsz", 0, 0, 3) + struct.pack(">3I", 4, 4, 4),
        struct.pack(">I4sIII", 32, b"stz2", 0, 16, 3) + struct.pack(">3H", 4, 4, 4) + bytes(6),
    )
    assert compact != same
    assert [each.data for each in _samples(compact)] == [b"aaaa", b"bbbb", b"cccc"]


def test_counts_that_lie_are_bounded() -> None:
    """Four thousand million samples of no bytes each are claimed; not more than allowed are listed."""
    data = bytearray(clip(TEXT._replace(chunk=5)))
    at = data.index(b"stsz")
    struct.pack_into(">II", data, at + 8, 1, 0xFFFFFFFF)
    at = data.index(b"stsc")
    struct.pack_into(">III", data, at + 12, 1, 0xFFFFFFFF, 1)
    file = io.BytesIO(bytes(data))
    (track,) = tracks(file)
    assert sum(1 for _ in places(file, track)) == MAX_SAMPLES
    assert sum(1 for _ in places(file, track, most=7)) == 7


def test_purse_bounds_what_is_read() -> None:
    """Reading ends when the purse is empty, whoever emptied it."""
    file = io.BytesIO(clip(Made(b"text", b"tx3g", [bytes(1000)] * 10)))
    (track,) = tracks(file)
    purse = Purse(6000)
    assert len(list(samples(file, track, purse))) == 4
    assert list(samples(file, track, purse)) == []


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_tables(data: st.DataObject) -> None:
    """Tables with any bytes changed give samples in the file or none, and no error."""
    made = data.draw(st.sampled_from([clip(TEXT), fragmented(TEXT), clip(TEXT._replace(wide=True, chunk=3))]))
    changed = bytearray(made)
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(len(made) - 420, len(made) - 1))
        changed[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    for each in _samples(bytes(changed)[: data.draw(st.integers(0, len(made)))], 1 << 16):
        assert each.data in bytes(changed)
