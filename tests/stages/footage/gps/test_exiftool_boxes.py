"""ExifTool and our readers of blocks, boxes, streams and logs agree on the files that both read."""

import json
import shutil
import struct
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps.inside import read_inside
from tests.stages.clips import EPOCH, block_t3, block_t17, box, mvhd, novatek, trak
from tests.stages.footage.gps.made_streams import novatek_body, stream
from tests.stages.footage.gps.test_dialects import PRINTED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs ExifTool (libimage-exiftool-perl)"),
]

WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
FTYP = box(b"ftyp", b"mp42", bytes(4), b"mp42isom")
FIELDS = ("GPSDateTime", "GPSLatitude", "GPSLongitude", "GPSSpeed", "GPSTrack", "GPSAltitude")


class Theirs(NamedTuple):
    """One fix as ExifTool tells it; empty text for what it does not."""

    time: str
    lat: str
    lon: str
    speed: str
    course: str
    altitude: str


def _theirs(path: Path, level: str = "-ee") -> list[Theirs]:
    """ExifTool's fixes: what it reads from damaged records lies off the earth and is left out."""
    form = "\t".join(f"${name}" for name in FIELDS)
    answer = subprocess.run(
        ["exiftool", level, "-n", "-m", "-q", "-q", "-p", form, "--", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    rows = [Theirs(*line.split("\t")) for line in answer.stdout.splitlines() if line.count("\t") == 5]
    return [row for row in rows if row.lat and abs(float(row.lat)) <= 90 and abs(float(row.lon)) <= 180]


def _ours(path: Path) -> list[Fix]:
    log = read_inside(path, walk(path), exiftool=False)
    return [fix for fix in log.fixes if fix.valid] if log else []


def _agree(theirs: list[Theirs], ours: list[Fix], *, clock: bool = True) -> None:
    assert theirs, "ExifTool reads nothing: this file proves nothing"
    assert len(theirs) == len(ours)
    for row, fix in zip(theirs, ours, strict=True):
        assert fix.lat == pytest.approx(float(row.lat), abs=1e-6)
        assert fix.lon == pytest.approx(float(row.lon), abs=1e-6)
        if row.speed:
            assert fix.speed_kmh == pytest.approx(float(row.speed), abs=0.01)
        if row.course:
            assert fix.course == pytest.approx(float(row.course) % 360, abs=0.01)
        if row.altitude and fix.altitude is not None:
            assert fix.altitude == pytest.approx(float(row.altitude), abs=0.01)
        if clock and row.time and fix.time:
            assert fix.time == datetime.strptime(row.time[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007


def _write(tmp_path: Path, data: bytes, name: str = "clip.mp4") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def _listed(blocks: list[bytes]) -> bytes:
    """A clip whose table stands before its track: ExifTool looks for it only there."""
    data = novatek(blocks, seconds=float(len(blocks)))
    at = data.rindex(b"gps ") - 4
    assert data[at - len(trak()) : at] == trak()
    return data[: at - len(trak())] + data[at:] + trak()


@pytest.mark.parametrize("make", [block_t3, block_t17])
@pytest.mark.parametrize("place", [(40.4168, -3.7038), (-33.8688, 151.2093)])
def test_novatek_blocks(tmp_path: Path, make: object, place: tuple[float, float]) -> None:
    """The two most frequent layouts, north and south, east and west, with a second without a fix."""
    assert callable(make)
    blocks = [
        make(WHEN + timedelta(seconds=i), None if i == 1 else place, knots=20.0 + i, course=350.0 + i)
        for i in range(4)
    ]
    path = _write(tmp_path, _listed(blocks))
    _agree(_theirs(path), _ours(path))


@pytest.mark.parametrize(
    "name",
    [
        "T1 Azdome",
        "T1 EEEkit",
        "T2 Nextbase 512GW",
        "T9 EACHPAI",
        "T15 Vantrue N4",
        "Kenwood",
    ],
)
def test_printed_blocks(tmp_path: Path, name: str) -> None:
    """Device bytes of rarer layouts, as far as this ExifTool reads them."""
    path = _write(tmp_path, _listed([PRINTED[name][0]]))
    theirs = _theirs(path)
    if not theirs:
        pytest.skip("this ExifTool does not read the layout")
    _agree(theirs, _ours(path))


def test_unlisted_block(tmp_path: Path) -> None:
    """One that ExifTool finds between the pictures, where it turns no course round."""
    path = _write(tmp_path, novatek([PRINTED["T6 Anticlock"][0]], table=False))
    _agree(_theirs(path), _ours(path))


@pytest.mark.shared
def test_vectors(shared: Path, tmp_path: Path) -> None:
    """The blocks of the vectors, as far as ExifTool 12.57 knows their layouts (1810 and 2331 it does not)."""
    read = 0
    vectors = json.loads((shared / "gps/freegps_vectors.json").read_text())["vectors"]
    for vector in vectors:
        path = _write(tmp_path, _listed([bytes.fromhex(vector["hex"])]))
        theirs, ours = _theirs(path), _ours(path)
        if theirs and ours and vector["exiftool_source_line"] not in (1810, 2331):
            read += 1
            # This one reads a block's first record alone, and writes degrees where it cannot tell.
            _agree(theirs[:1], ours[:1], clock=vector["expected"].get("GPSDateTime") is not None)
    assert read >= 5


def test_blackvue(tmp_path: Path) -> None:
    """Lines in a `free` box, RMC and GGA."""
    lines = [
        f"[{1633961700000 + 1000 * i}]$G{talker},1815{i:02d}.00,{rest}"
        for i in range(3)
        for talker, rest in (
            ("NRMC", f"A,3351.{i}000,S,07039.6000,W,25.{i},9{i}.0,111021,,,A*5C"),
            ("NGGA", f"3351.{i}000,S,07039.6000,W,1,12,0.5,52{i}.4,M,46.0,M,,*4C"),
        )
    ]
    free = box(b"free", box(b"cprt", b"Pittasoft\0"), box(b"gps ", "\r\n".join(lines).encode() + b"\r\n"))
    path = _write(tmp_path, FTYP + free + box(b"moov", mvhd(WHEN, 3.0), trak()))
    theirs, ours = _theirs(path), _ours(path)
    _agree(theirs, ours)
    assert [fix.altitude for fix in ours] == [520.4, 521.4, 522.4]


def test_gps0(tmp_path: Path) -> None:
    """Navitel's records."""
    records = b"".join(
        struct.pack("<2diH6B4B", 5530.5 + i / 100, 3736.9, 150 + i, 60 + i, 24, 5, 6, 7, 8, i, 44, 1, 1, 0)
        for i in range(3)
    )
    path = _write(tmp_path, FTYP + box(b"moov", mvhd(WHEN, 3.0), trak()) + box(b"gps0", records))
    _agree(_theirs(path), _ours(path))


def test_stream(tmp_path: Path) -> None:
    """Novatek's record on an unlisted PID, which ExifTool looks for at its third level."""
    bodies = [novatek_body(WHEN + timedelta(seconds=i), (-33.5 - i / 1000, -70.6)) for i in range(4)]
    path = _write(tmp_path, stream(bodies), "clip.ts")
    theirs = _theirs(path, "-ee3")
    if not theirs:
        pytest.skip("this ExifTool reads no streams without tables")
    _agree(theirs, _ours(path))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "clock"),
    [
        ("70mai_mzdun/NO20191130-120156-000121.MP4", False),  # ExifTool makes its times up from the header
        ("70mai_mzdun/PA20191130-121756-000137.MP4", False),
        ("dashcamigo/navitel/sample.MOV", True),
        ("dashcamigo/ibox/synthetic-ibox.MOV", True),
    ],
)
def test_samples(shared: Path, name: str, clock: bool) -> None:
    """Sample clips that ExifTool reads without error: the same fixes in the same order."""
    path = shared / "gps" / name
    theirs, ours = _theirs(path), _ours(path)
    # ExifTool stops before a box's last record.
    assert len(ours) - len(theirs) in (0, 1)
    _agree(theirs, ours[: len(theirs)], clock=clock)


@pytest.mark.shared
def test_every_sample_that_both_read(shared: Path) -> None:
    """On each shared clip where both find places, every place of ours is one of ExifTool's.

    Left out: records that ExifTool reads on after a damaged one, and layouts that it does not undo.
    """
    both = 0
    for path in sorted(p for p in (shared / "gps").rglob("*") if p.suffix.lower() in (".mp4", ".mov", ".ts")):
        theirs = {(round(float(row.lat), 5), round(float(row.lon), 5)) for row in _theirs(path)}
        ours = {(round(fix.lat or 0, 5), round(fix.lon or 0, 5)) for fix in _ours(path)}
        if not theirs or not ours:
            continue
        both += 1
        assert len(ours & theirs) >= 0.9 * min(len(ours), len(theirs)), path
    assert both >= 10


def test_epoch_of_the_made_clips() -> None:
    """The made clips' header times count from 1904, as ExifTool reads them."""
    assert EPOCH.year == 1904
