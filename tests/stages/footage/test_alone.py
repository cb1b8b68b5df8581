"""GPS logs looked at without their clip."""

import io
import struct
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.alone import log_alone

RMC = "$GPRMC,1134{second:02d}.000,A,4030.{second:02d}00,N,00330.0000,W,20.0,90.0,150124,,,A*00\r\n"
NMEA = "".join(RMC.format(second=second) for second in range(5))
GPX = "".join(
    f'<trkpt lat="40.5{i}" lon="-3.5"><time>2024-01-15T11:3{i}:00Z</time></trkpt>' for i in range(5)
)
MAI = "$V02\n" + "".join(
    f"{1705290000 + i},A,40.500{i},-3.5,9000,1000,0,0,100,NO20240115-123456-00000{i % 2 + 1}F.MP4,0,0,0\n"
    for i in range(5)
)
ESCORT = "".join(f"A,150124,1134{i:02d},4030.{i:02d}00,N,00330.0000,W,36.00,0,0,1;\n" for i in range(5))
SRT = "".join(
    f"{i + 1}\n00:00:0{i},000 --> 00:00:0{i + 1},000\n[latitude: 40.500{i}] [longitude: -3.5000]\n\n"
    for i in range(5)
)


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("20240115123456_0060.gpx")
        member.size = len(NMEA)
        archive.addfile(member, io.BytesIO(NMEA.encode()))
    return out.getvalue()


def _gpmf() -> bytes:
    """Five payloads of one fix each."""

    def item(key: bytes, kind: bytes, size: int, data: bytes) -> bytes:
        return key + kind + struct.pack(">BH", size, len(data) // size) + data + bytes(-len(data) % 4)

    def nested(key: bytes, data: bytes) -> bytes:
        return key + b"\0" + struct.pack(">BH", 1, len(data)) + data + bytes(-len(data) % 4)

    scale = item(b"SCAL", b"l", 4, struct.pack(">5i", 10**7, 10**7, 1000, 1000, 100))
    lock = item(b"GPSF", b"L", 4, struct.pack(">I", 3))
    payloads = b""
    for i in range(5):
        rows = item(
            b"GPS5", b"l", 20, struct.pack(">5i", 405000000 + i * 1000, -35000000, 600000, 10000, 1000)
        )
        payloads += nested(b"DEVC", nested(b"STRM", scale + lock + rows))
    return payloads


LOGS = [
    ("a.gps", NMEA.encode(), "NMEA"),
    ("a.gpx", f"<gpx><trk><trkseg>{GPX}</trkseg></trk></gpx>".encode(), "GPX"),
    ("GPSData000001.txt", MAI.encode(), "70mai GPSData"),
    ("a.map", ESCORT.encode(), "Escort beside the clip"),
    ("a.srt", SRT.encode(), None),
    ("20240115123456_0060.git", _tar(), None),
    ("a.raw", _gpmf(), "GoPro"),
]


@pytest.mark.parametrize(("name", "data", "dialect"), LOGS)
def test_logs_are_told_by_what_they_hold(tmp_path: Path, name: str, data: bytes, dialect: str | None) -> None:
    """Every kind of log is read, also under a name that says nothing."""
    for named in (name, "unknown.bin"):
        path = tmp_path / named
        path.write_bytes(data)
        found = log_alone(path)
        if named == "unknown.bin" and name.endswith(".git"):
            continue
        assert found is not None, named
        log, route = found
        assert dialect in (log.dialect, None)
        assert route[0].lat == pytest.approx(40.5, abs=0.01)
        assert len(route) >= 3
        assert route[0].seconds == 0


def test_what_is_no_log(tmp_path: Path) -> None:
    """Other files are none: a picture, a text, XML that declares entities."""
    for data in (b"\xff\xd8\xff", b"hello", b"<!DOCTYPE a [<!ENTITY b 'c'>]><gpx/>", b"", bytes(5000)):
        path = tmp_path / "a.gps"
        path.write_bytes(data)
        assert log_alone(path) is None


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.sampled_from([data for _, data, _ in LOGS]), st.data())
def test_damaged_logs(tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject) -> None:
    """A log cut anywhere and with bytes changed gives what can be believed, and never an exception."""
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("log") / "a.git"
    path.write_bytes(changed[: data.draw(st.integers(0, len(changed)))])
    found = log_alone(path)
    assert found is None or all(abs(p.lat) <= 90 and abs(p.lon) <= 180 for p in found[1])
