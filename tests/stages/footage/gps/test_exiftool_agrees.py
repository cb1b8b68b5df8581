"""ExifTool and our readers of tracks agree on the clips that both read."""

import shutil
import struct
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from stages.footage.container import walk
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from tests.stages.footage.gps.made_samples import FMAS, cue, device, garmin, gps5
from tests.stages.footage.gps.made_tracks import Made, clip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool, which is not installed"),
]

WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
RMC = "$GPRMC,113456.00,A,5030.12345,S,00304.56789,W,12.345,271.50,150124,,,A*6F"
GGA = "$GPGGA,113456.00,5030.12345,S,00304.56789,W,1,12,0.5,123.4,M,46.0,M,,*4C"
MINI = "A,150124,113456.000,3356.8925,N,08420.2071,W,012.5,331.0M,+01.84,-09.80,-00.61;\n"
ROADHAWK = ".;;;;D?JL;6+;;;D;R?;4;;;;DBB;;O;;;=D;L;;HO71G>F;-?=J-F:FNJJ;DPP-JF3F;;PL=DBRLBF0F;=?DNF-RD-PF;N;?=JF;;?D=F:*6F~"
CAMM = struct.pack("<HHdI2d7f", 0, 6, 1_389_353_696.0, 3, -33.5, 151.25, 30.5, 1, 1, 3, 4, 0, 0.5)
SHIFTED = b"\0" + bytes((byte + 77) & 0xFF for byte in RMC.encode()) + b"\n"
MASKED = b"\0\0\xf2\xe1\xf0\xeeTT" + bytes(
    b ^ 0xAA for b in b"20191116100901".ljust(30) + b"S55451167W037430041+01570570".ljust(250, b"0")
)

#: What each value is called, and how far both may differ: printed digits, and miles of 1.60934 km.
NAMES = {"lat": 1e-6, "lon": 1e-6, "speed_kmh": 0.02, "course": 0.01, "altitude": 0.01, "seconds": 0.02}


def _made(*samples: bytes, handler: bytes = b"text", name: bytes = b"text") -> bytes:
    return clip(Made(handler, name, samples, (1000,)), created=WHEN)


def _gpmd(*samples: bytes) -> bytes:
    return _made(*samples, handler=b"meta", name=b"gpmd")


def _exiftool(path: Path) -> list[tuple[float | str | None, ...]]:
    """Latitude, longitude, speed, course, altitude, time in the video and date of each position."""
    tags = ("GPSLatitude", "GPSLongitude", "GPSSpeed", "GPSTrack", "GPSAltitude", "SampleTime", "GPSDateTime")
    line = "|".join(f"${{{tag}}}" for tag in tags)
    done = subprocess.run(
        ["exiftool", "-ee", "-n", "-m", "-q", "-q", "-f", "-p", line, str(path)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    rows = [line.split("|") for line in done.stdout.splitlines()]
    return [
        (*(float(value) if value != "-" else None for value in row[:6]), row[6][:19])
        for row in rows
        if row[0] != "-" and row[5] + row[6] != "--"
    ]


def _ours(path: Path) -> GpsLog:
    container = walk(path)
    log = read_inside(path, container, container.duration_seconds, exiftool=False)
    assert log is not None
    return log


def _compare(
    path: Path, *, count: int, times: bool = True, factor: float = 1.0, seconds: bool = True
) -> None:
    """Every value that ExifTool has. `times`: whether it reads the time (else it makes one of its own)."""
    theirs, ours = _exiftool(path), [fix for fix in _ours(path).fixes if fix.valid]
    assert len(theirs) == len(ours) == count
    for row, fix in zip(theirs, ours, strict=True):
        for (name, within), said in zip(NAMES.items(), row[:6], strict=True):
            if said is None or (name == "seconds" and not seconds):
                continue
            value = float(said) * (factor if name == "speed_kmh" else 1.0)
            assert getattr(fix, name) == pytest.approx(value, abs=within), name
        if times:
            assert fix.time is not None
            assert fix.time.strftime("%Y:%m:%d %H:%M:%S") == row[6]


@pytest.mark.parametrize(
    ("data", "times"),
    [
        pytest.param(_made(cue(f"gsensori,4,512,-67,-12,100;{RMC[1:]}..;CAR,0,0,0"), cue("CAR,0")), True, id="Thinkware"),
        pytest.param(_made(cue(f"{RMC}\r\n{GGA}\r\n")), True, id="NMEA"),
        pytest.param(_made(f"$BEGIN{RMC}$END".encode()), True, id="BEGIN"),
        pytest.param(_made(cue(MINI)), True, id="Mini 0806"),
        pytest.param(_made(cue("$G:2024-01-15 11:34:56-S48.264523-W2.329615-S31$GS:+100,-2,+3")), True, id="$G"),
        pytest.param(_made(ROADHAWK.encode()), True, id="Roadhawk"),
        pytest.param(_made(SHIFTED), True, id="E-PRANCE"),
        pytest.param(_made(MASKED), True, id="masked"),
        pytest.param(_gpmd(MASKED), True, id="masked, Rove"),
        pytest.param(_gpmd(FMAS), True, id="Vantrue"),
        pytest.param(_made(struct.pack(">I4s4xHHii", 56, b"PNDM", 55, 0, -402653184, 1802485760) + bytes(36)), False, id="Garmin"),
        pytest.param(_made(CAMM, handler=b"meta", name=b"camm"), True, id="CAMM 6"),
        pytest.param(
            _made(struct.pack("<HH3d", 0, 5, -33.5, 151.25, 30.5), handler=b"meta", name=b"camm"), False, id="CAMM 5"
        ),
        pytest.param(
            _made(struct.pack("<4siiihH", b"gReV", -33_500_000, -70_250_000, 0, 605, 179), handler=b"data", name=b"RVMI"),
            False,
            id="RVMI",
        ),
    ],
)  # fmt: skip
def test_made_clips(tmp_path: Path, data: bytes, times: bool) -> None:
    """Every layout of tracks that ExifTool 12.57 knows too."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    _compare(path, count=1, times=times)


def test_garmin_box(tmp_path: Path) -> None:
    """DriveAssist's box; ExifTool leaves its speed in miles an hour."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip(more=garmin((WHEN, 40.5, -3.25, 40), (WHEN.replace(second=58), -33.5, 151.25, 1))))
    _compare(path, count=2, factor=1.609344)


def test_gopro(tmp_path: Path) -> None:
    """A payload's first place and its clock; ExifTool leaves the speed in metres a second."""
    path = tmp_path / "clip.mp4"
    payloads = [device(gps5([(-33.5 + i / 1000, 151.25, 30.5, 10.0)])) for i in range(3)]
    path.write_bytes(clip(Made(b"meta", b"gpmd", payloads[:1]), created=WHEN))
    _compare(path, count=1, factor=3.6)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count"),
    [("thinkware/real-anonymized.mp4", 10), ("thinkware/synthetic-fseries.mp4", 7), ("rvmi/sample.mp4", 4)],
)
def test_shared_clips(shared: Path, tmp_path: Path, name: str, count: int) -> None:
    """The shared clips. Debian's ExifTool reads Thinkware's sentences in a text track, so one is made of them."""
    path = shared / "gps/dashcamigo" / name
    if name.startswith("thinkware"):
        data = path.read_bytes()
        path = tmp_path / "clip.mp4"
        path.write_bytes(data.replace(b"sbtl", b"text").replace(b"tx3g", b"text"))
    _compare(path, count=count, times=name.startswith("thinkware"))


@pytest.mark.shared
def test_real_gopro(shared: Path) -> None:
    """A real GoPro: ExifTool prints the last place of each payload, which is among ours."""
    path = shared / "gps/gopro_gpmf/max-heromode.mp4"
    ours = {(fix.lat, fix.lon, fix.altitude) for fix in _ours(path).fixes}
    theirs = _exiftool(path)
    assert len(theirs) >= 10
    assert {(row[0], row[1], row[4]) for row in theirs} <= ours
