"""Tesla: telemetry in the video stream, event.json, encrypted clips."""

import json
import struct
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.fix import Fix
from stages.footage.gps.log import GpsLog
from stages.footage.gps.tesla import ENCRYPTED, event_log, is_encrypted, sei_message, telemetry_fix
from stages.footage.route import build
from tests.stages.clips import box, make_clip
from tests.stages.footage.gps.made_tracks import Made, clip, read

NAME = "2026-01-10_17-34-35-front.mp4"
SLICE = bytes([0x65]) + b"\x55" * 3000  # an H.264 picture
HEVC_SLICE = bytes([0x26, 0x01]) + b"\x55" * 3000


def message(lat: float | None, lon: float = -3.25, speed: float = 0.0, heading: float | None = 90.0) -> bytes:
    """A telemetry message as the car writes it: what is zero is left out."""
    data = bytes([0x08, 1, 0x10, 1, 0x18, 0xFF, 0xFF, 0x03])  # version, gear, frame
    data += struct.pack("<Bf", 4 << 3 | 5, speed) if speed else b""
    data += struct.pack("<BfBf", 5 << 3 | 5, 0.25, 6 << 3 | 5, -12.5) + bytes([7 << 3, 1, 10 << 3, 2])
    if lat is not None:
        data += struct.pack("<BdBd", 11 << 3 | 1, lat, 12 << 3 | 1, lon)
    data += struct.pack("<Bd", 13 << 3 | 1, heading) if heading is not None else b""
    return data + struct.pack("<BdBdHd", 14 << 3 | 1, 0.1, 15 << 3 | 1, 0.2, 0x0181, 9.8)


def escaped(data: bytes) -> bytes:
    """With the bytes that keep a start code from arising."""
    out, zeros = bytearray(), 0
    for byte in data:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def sei(data: bytes, *, hevc: bool = False) -> bytes:
    """The part that carries a message."""
    body = b"\x42\x42\x42\x69" + data
    return (bytes([0x4E, 0x01]) if hevc else b"\x06") + escaped(bytes([5, len(body)]) + body) + b"\x80"


def picture(*parts: bytes, width: int = 4) -> bytes:
    """A sample: each part behind its length."""
    return b"".join(len(part).to_bytes(width) + part for part in parts)


def tesla(samples: list[bytes], *, hevc: bool = False, width: int = 4, rate: int = 36) -> bytes:
    """A clip of 36 pictures a second, unless told otherwise."""
    if hevc:
        entry = bytes(70) + box(b"hvcC", bytes(21), bytes([0xFC | (width - 1)]), bytes(4))
    else:
        entry = bytes(70) + box(b"avcC", bytes([1, 100, 0, 40, 0xFC | (width - 1)]), bytes(4))
    made = Made(b"vide", b"hvc1" if hevc else b"avc1", samples, (36000 // rate,), 36000, entry=entry)
    return clip(made, seconds=len(samples) / rate)


def _read(tmp_path: Path, data: bytes) -> GpsLog | None:
    return read(tmp_path / NAME, data)


@pytest.mark.parametrize("hevc", [False, True])
@pytest.mark.parametrize("width", [4, 2])
def test_pictures_have_fixes(tmp_path: Path, hevc: bool, width: int) -> None:
    """Place, speed and course at a picture's time in the video, for both codecs; not more than ten a second."""
    slice_ = HEVC_SLICE if hevc else SLICE
    pictures = [
        picture(sei(message(40.5 + i / 1e5, -3.25, 10.0 + i, 271.5), hevc=hevc), slice_, width=width)
        for i in range(72)
    ]
    log = _read(tmp_path, tesla(pictures, hevc=hevc, width=width))
    assert log is not None
    assert (log.dialect, len(log.fixes)) == ("Tesla", 18)
    assert log.fixes[9] == Fix(
        None, pytest.approx(40.50036), -3.25, pytest.approx(46 * 3.6), 271.5, None, 1.0
    )
    assert len(build(log.fixes, duration=2.0)) > 5


def test_bytes_against_start_codes(tmp_path: Path) -> None:
    """The 3 after two zeros is taken out, so that coordinates with zeros in them are right."""
    for lat in (40.0, 40.5, -(2.0**-10), 89.0000000001):
        data = sei(message(lat, -0.5, 2.0))
        assert b"\0\0\3" in data
        log = _read(tmp_path, tesla([picture(data, SLICE)]))
        assert log is not None
        assert (log.fixes[0].lat, log.fixes[0].lon) == (lat, -0.5)


def test_what_is_zero_is_not_written(tmp_path: Path) -> None:
    """A car at rest has no speed field: it stands. Without a heading there is no course."""
    log = _read(tmp_path, tesla([picture(sei(message(40.5, heading=None)), SLICE)]))
    assert log is not None
    assert (log.fixes[0].speed_kmh, log.fixes[0].course) == (0.0, None)


def test_other_parts_around_it(tmp_path: Path) -> None:
    """Parameter sets, other user data and slices before it do not hide it."""
    others = [
        b"\x09\x10",
        b"\x67" + bytes([1]) * 20,
        b"\x06\x05\x10" + bytes([7]) * 16 + b"\x80",
        b"\x06\x01\x01\x80",
    ]
    pictures = [picture(*others, sei(message(40.5)), SLICE), picture(SLICE, sei(message(40.6)))]
    log = _read(tmp_path, tesla(pictures, rate=1))
    assert log is not None
    assert [fix.lat for fix in log.fixes] == [40.5, 40.6]


def test_parked_and_other_cars(tmp_path: Path) -> None:
    """Pictures without telemetry, and messages without a place, give no fix."""
    assert _read(tmp_path, tesla([picture(SLICE)] * 50)) is None
    log = _read(tmp_path, tesla([picture(SLICE), picture(sei(message(None)), SLICE)]))
    assert log is not None
    assert log.fixes == []
    log = _read(tmp_path, tesla([picture(sei(message(91.0)), SLICE)]))
    assert log is not None
    assert not log.placed


def test_driving_off_in_the_middle(tmp_path: Path) -> None:
    """Telemetry that begins late in the clip is found."""
    pictures = [picture(SLICE)] * 300 + [picture(sei(message(40.5, speed=3.0)), SLICE)] * 30
    log = _read(tmp_path, tesla(pictures))
    assert log is not None
    assert [log.fixes[0].seconds, len(log.fixes)] == [pytest.approx(300 / 36), 8]


def test_ordinary_clip_is_no_tesla(tmp_path: Path) -> None:
    """A clip that a usual encoder wrote has no telemetry."""
    path = make_clip(tmp_path / "clip.mp4")
    assert read(path, path.read_bytes()) is None


@pytest.mark.parametrize(
    ("path", "encrypted"),
    [
        ("TeslaCam/EncryptedClips/2026-05-01_10-00-00/2026-05-01_09-59-00-front.mp4", True),
        ("TeslaCam\\encryptedclips\\a.mp4", True),
        ("EncryptedClips/a.mp4", True),
        ("TeslaCam/SavedClips/EncryptedClips", False),
        ("TeslaCam/SavedClips/a.mp4", False),
    ],
)
def test_encrypted_clips_are_told_by_their_folder(path: str, encrypted: bool) -> None:
    """Clips below EncryptedClips cannot be read; the sentence names the car's setting."""
    assert is_encrypted(path) == encrypted
    assert "Encrypt Dashcam Recordings" in ENCRYPTED


def test_encrypted_clip_is_refused(tmp_path: Path) -> None:
    """Whatever bytes it has, an encrypted clip is refused with the sentence."""
    folder = tmp_path / "EncryptedClips"
    folder.mkdir()
    log = read(folder / NAME, tesla([picture(SLICE)]))
    assert log is not None
    assert (log.refused, log.fixes) == (ENCRYPTED, ())


def _event(folder: Path, **changed: object) -> Path:
    said = {
        "timestamp": "2026-01-10T17:35:05",
        "city": "Exampleton",
        "est_lat": "40.4168",
        "est_lon": "-3.7038",
        "reason": "user_interaction_dashcam_icon_tapped",
        "camera": "0",
        **changed,
    }
    (folder / "event.json").write_text(json.dumps(said))
    return folder / NAME


def test_event_lies_at_its_moment(tmp_path: Path) -> None:
    """The clip that shows the event gets its place there; the time is the car's local clock."""
    log = event_log(_event(tmp_path))
    assert log is not None
    assert log.local_clock
    assert log.fixes == [Fix(datetime(2026, 1, 10, 17, 35, 5), 40.4168, -3.7038, seconds=30.0)]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [
        ("user_interaction_honk", None),
        ("sentry_aware_object_detection", 0.0),
        ("sentry_aware_accel_0.5", 0.0),
    ],
)
def test_other_clips_of_the_event(tmp_path: Path, reason: str, seconds: float | None) -> None:
    """A parked car was there in every clip of the event; a driven one only in the one that shows it."""
    log = event_log(_event(tmp_path, timestamp="2026-01-10T17:44:35", reason=reason))
    assert (log.fixes[0].seconds if log else None) == seconds


@pytest.mark.parametrize(
    "changed",
    [
        {"est_lat": ""},
        {"est_lat": "0", "est_lon": "0"},
        {"est_lon": "181"},
        {"est_lat": None},
        {"est_lat": ["40.4"]},
        {"timestamp": "yesterday"},
        {"timestamp": None},
        {"timestamp": "1970-01-01T00:00:00"},
    ],
)
def test_event_that_says_nothing(tmp_path: Path, changed: dict[str, object]) -> None:
    """Without a place on earth and a time there is no fix."""
    assert event_log(_event(tmp_path, **changed)) is None


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"null", b"{", b"[" * 5000, b'{"est_lat": "40.4"' + b" " * 70_000 + b"}"]
)
def test_event_that_cannot_be_read(tmp_path: Path, text: bytes) -> None:
    """Broken, deep and huge files give nothing; so does no file."""
    assert event_log(tmp_path / NAME) is None
    (tmp_path / "event.json").write_bytes(text)
    assert event_log(tmp_path / NAME) is None


def test_numbers_as_numbers(tmp_path: Path) -> None:
    """Coordinates that are no strings are read too."""
    log = event_log(_event(tmp_path, est_lat=-33.5, est_lon=151))
    assert log is not None
    assert log.fixes[0][1:3] == (-33.5, 151.0)


@settings(deadline=None)
@given(st.binary(max_size=120), st.integers(0, 60))
def test_any_message(data: bytes, at: int) -> None:
    """Any bytes give a fix on earth or none."""
    whole = message(40.5, speed=4.0)
    for each in (data, whole[:at] + data + whole[at:], whole[:at]):
        fix = telemetry_fix(each)
        assert fix is None or fix.lat is None or abs(fix.lat) <= 90
    sei_message(data)
    sei_message(b"\5" + data)


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.just(picture(sei(message(40.5)), SLICE))), min_size=1, max_size=4
    )
)
def test_any_picture(tmp_path_factory: pytest.TempPathFactory, samples: list[bytes]) -> None:
    """Pictures of any bytes never raise."""
    log = _read(tmp_path_factory.mktemp("tesla"), tesla(samples))
    assert log is None or len(log.fixes) <= len(samples)
