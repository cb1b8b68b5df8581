"""What is fuzzed: each target takes a file's name and bytes, and may raise nothing but OSError."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from stages.errors import SettingsError
from stages.footage.alone import log_alone
from stages.footage.clip import describe
from stages.footage.container import walk
from stages.footage.specimen import specimen
from tests.stages.clips import block_t3, block_t17, box, make_clip, mvhd, novatek, trak
from tests.stages.footage.gps import made_streams, made_tracks
from tests.stages.footage.test_alone import LOGS

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "gps"
#: Larger seeds are cut: what is asked of them lies at their beginning or end.
MOST = 400_000

_WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
_CLIPS = frozenset({".mp4", ".mov", ".ts", ".mkv", ".avi", ".m4v", ".m2ts", ".360"})
_NUMBERS = (0, 1, 7, 8, 9, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


class Seed(NamedTuple):
    """A file that is right: its name below a card's root, and its bytes."""

    name: str
    data: bytes


def made_seeds(folder: Path) -> list[Seed]:
    """Small clips and logs of many kinds, put together here. `folder` is for what FFmpeg writes."""
    places = [(40.0 + i * 1e-4, -3.5) for i in range(4)]
    times = [_WHEN + timedelta(seconds=i) for i in range(4)]
    rmc = [
        f"$GPRMC,1134{56 + i}.00,A,4030.0{i}00,N,00330.0000,W,20.0,90.0,150124,,,A*00\r\n" for i in range(4)
    ]
    text = [struct.pack(">H", len(line)) + line.encode() for line in rmc]
    blackvue = box(b"free", box(b"cprt", b'{"model":"X"}'), box(b"gps ", "".join(rmc).encode()))
    seeds = [
        Seed(
            "2024_0115_123456_000001F.MP4",
            _novatek([block_t3(*row) for row in zip(times, places, strict=True)]),
        ),
        Seed(
            "20240115123456_000001.MP4",
            _novatek([block_t17(*row) for row in zip(times, places, strict=True)]),
        ),
        Seed(
            "REC_20240115_123456_F.MP4",
            made_tracks.clip(made_tracks.Made(b"text", b"text", text), seconds=4.0),
        ),
        Seed("20240115_123456_NF.mp4", box(b"ftyp", b"isom") + box(b"moov", mvhd(), trak()) + blackvue),
        Seed(
            "20240115123456_000002.TS",
            made_streams.stream([made_streams.novatek_body(*row) for row in zip(times, places, strict=True)]),
        ),
        Seed(
            "20240115_123456_N.gps",
            "".join(f"[17053184960{i}0]{line}" for i, line in enumerate(rmc)).encode(),
        ),
    ]
    seeds += [Seed(name, data) for name, data, _ in LOGS]
    seeds += [Seed(f"clip{end}", make_clip(folder / f"seed{end}").read_bytes()) for end in (".mp4", ".ts")]
    return [*seeds, Seed("f.mp4", make_clip(folder / "f.mp4", fragmented=True).read_bytes())]


def _novatek(blocks: list[bytes]) -> bytes:
    """A small one: blocks next to each other instead of 32 KiB apart."""
    whole = novatek(blocks[:1], seconds=1.0, block_size=0x200)
    body = b"".join(block.ljust(0x200, b"\0") for block in blocks)
    table = struct.pack(">II", 0x101, len(blocks))
    table += b"".join(struct.pack(">II", 32 + i * 0x200, 0x200) for i in range(len(blocks)))
    return whole[:24] + box(b"mdat", body) + box(b"moov", mvhd(_WHEN, 4.0), trak(), box(b"gps ", table))


def shared_seeds() -> list[Seed]:
    """The real and anonymised clips and logs beside the checkout; none where they are missing."""
    paths = sorted(path for path in SHARED.rglob("*") if path.is_file() and path.suffix != ".json")
    return [Seed(path.name, _cut(path.read_bytes())) for path in paths if path.stat().st_size]


def _cut(data: bytes) -> bytes:
    return data if len(data) <= MOST else data[: MOST // 2] + data[-MOST // 2 :]


def mutated(seed: Seed, seeds: list[Seed], rng: random.Random) -> bytes:
    """A seed with a few things done to it: bits, numbers, cuts, doubled and foreign pieces."""
    data = bytearray(seed.data)
    for _ in range(rng.randint(1, 6)):
        if not data:
            break
        at = _somewhere(data, rng)
        match rng.randrange(8):
            case 0 | 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at] = rng.randrange(256)
            case 3:
                width = rng.choice((1, 2, 4, 8))
                order = rng.choice(("big", "little"))
                number = rng.choice((*_NUMBERS, len(data), rng.randrange(1 << 32))) % (1 << 8 * width)
                data[at : at + width] = number.to_bytes(width, order)
            case 4:
                del data[at : at + rng.randint(1, 1 + len(data) // 4)]
            case 5:
                data[at:at] = data[at : at + rng.randint(1, 2000)] * rng.randint(1, 4)
            case 6:
                other = rng.choice(seeds).data
                start = rng.randrange(len(other))
                data[at : at + rng.randint(0, 200)] = other[start : start + rng.randint(1, 2000)]
            case _:
                del data[at:]
    return bytes(data[: 2 * MOST])


def _somewhere(data: bytearray, rng: random.Random) -> int:
    """Any place; often one in a box's or a table's header, where numbers decide."""
    if rng.random() < 0.5:
        names = (
            b"moov",
            b"trak",
            b"stbl",
            b"stsz",
            b"stco",
            b"stsc",
            b"stts",
            b"gps ",
            b"freeGPS ",
            b"GPS",
            b"DEVC",
        )
        at = data.find(rng.choice(names), rng.randrange(len(data)))
        if at >= 0:
            return min(len(data) - 1, max(0, at + rng.randint(-4, 40)))
    return rng.randrange(len(data))


def _described(folder: Path, name: str, data: bytes) -> None:
    """The clip itself; a log lies beside a bare clip of its name instead, and at the root of its card."""
    path = folder / name
    if path.suffix.lower() in _CLIPS or not path.suffix:
        path.write_bytes(data)
        describe(path)
        return
    path.write_bytes(data)
    (folder / "GPSData000001.txt").write_bytes(data)
    (folder / "event.json").write_bytes(data)
    clip = path.with_suffix(".mp4")
    clip.write_bytes(_BARE)
    describe(clip, duration=5.0)
    mai = folder / "NO20240115-123456-000001F.MP4"
    mai.write_bytes(_BARE)
    describe(mai, duration=5.0)


_BARE = box(b"ftyp", b"isom", bytes(4), b"isom") + box(b"moov", mvhd(_WHEN, 5.0), trak())


def _walked(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.write_bytes(data)
    found = walk(path)
    assert (found.state == "whole") == (found.reason == "")
    assert found.missing_bytes >= 0


def _alone(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.write_bytes(data)
    log_alone(path)


def _reported(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.write_bytes(data)
    _, parts = specimen(path, walk(path))
    assert sum(len(part.data) for part in parts) < 2_000_000


TARGETS: dict[str, Callable[[Path, str, bytes], None]] = {
    "describe": _described,
    "container": _walked,
    "alone": _alone,
    "report": _reported,
}


def attempt(target: str, folder: Path, name: str, data: bytes) -> None:
    """Run a target on a file in an empty folder; whatever it raises but the errors it may is a fault."""
    try:
        TARGETS[target](folder, name, data)
    except (OSError, SettingsError):
        pass
    finally:
        for left in list(folder.iterdir()):
            left.unlink()


def cases(seeds: list[Seed], rng: random.Random) -> Iterator[Seed]:
    """Mutated seeds without end."""
    while True:
        seed = rng.choice(seeds)
        yield Seed(seed.name, mutated(seed, seeds, rng))
