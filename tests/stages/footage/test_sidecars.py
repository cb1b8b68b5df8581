"""Files that belong to a clip: beside it, on its card, of the same time."""

import io
import json
import os
import tarfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.errors import BadInput
from stages.footage import sidecars
from stages.footage.clip import describe
from stages.footage.gps import ddpai, mai
from stages.footage.gps.escort import escort_log
from stages.footage.gps.log import GpsLog
from stages.footage.gps.srt import srt_log
from tests.stages.clips import make_clip

RMC = "$GPRMC,{:%H%M%S}.00,{},5000.00000,{},03000.00000,{},5.0,90.0,{:%d%m%y},,,A*00\n"
UTC = datetime(2026, 10, 6, 18, 44, 16)  # noqa: DTZ001


def _rmc(when: datetime, status: str = "A", sides: str = "NE") -> str:
    return RMC.format(when, status, sides[0], sides[1], when)


def _log(clip: Path) -> GpsLog | None:
    return sidecars.read_log(clip)[0]


def _clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


# -- beside the clip ------------------------------------------------------------------------------


def test_companions(tmp_path: Path) -> None:
    """Files of the clip's stem, letter case aside, GPS logs first; links and folders are none."""
    clip = _clip(tmp_path / "20240115_123456_NF.mp4")
    for name in ("20240115_123456_N.3gf", "20240115_123456_n.GPS", "20240115_123456_NF.srt", "other.gps"):
        (tmp_path / name).write_text("x")
    (tmp_path / "20240115_123456_NF.nmea").symlink_to(tmp_path / "other.gps")
    (tmp_path / "20240115_123456_NF.gpx").mkdir()
    assert [path.name for path in sidecars.companions(clip)] == [
        "20240115_123456_n.GPS",
        "20240115_123456_NF.srt",
        "20240115_123456_N.3gf",
    ]


def test_a_log_that_comes_later_is_found(tmp_path: Path) -> None:
    """What was read of a folder before does not hide what a sync tool adds, whatever the folder's clock says."""
    clip = _clip(tmp_path / "a.mp4")
    os.utime(tmp_path, (1_700_000_000, 1_700_000_000))
    assert _log(clip) is None
    (tmp_path / "a.nmea").write_text(_rmc(UTC))
    assert _log(clip) is not None


def test_void_logs_give_way(tmp_path: Path) -> None:
    """A log that never saw the sky is kept only when no other has a position."""
    clip = _clip(tmp_path / "a.mp4")
    (tmp_path / "a.gps").write_text(_rmc(UTC, "V"))
    log = _log(clip)
    assert log is not None
    assert not log.placed
    (tmp_path / "a.nmea").write_text(_rmc(UTC, "A", "SW"))
    log = _log(clip)
    assert log is not None
    assert (log.fixes[0].lat, log.fixes[0].lon) == (-50.0, -30.0)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("below", "name", "clip", "count", "first"),
    [
        ("blackvue/synthetic.gps", "20231114_120000_N.gps", "20231114_120000_NR.mp4", 4, (50.0, 30.0, 9.26, 0.0)),
        ("blackvue/real-anonymized.gps", "20260718_080329_N.gps", "20260718_080329_NF.mp4", 8, (52.0, 0.0, 88.896, 0.0)),
        ("nmea/synthetic.NMEA", "FILE231114-120000.NMEA", "FILE231114-120000.MP4", 4, (50.0, 30.0, 9.26, None)),
        ("escort/real-anonymized.map", "20260511_0016_CAM.map", "20260511_0016_CAM.MP4", 10, (37.0, -121.0, 117.36, None)),
        ("escort/synthetic-happy.map", "20250101_1200_CAM.map", "20250101_1200_CAM.MP4", 5, (1.0008333, 2.0, 100.0, None)),
        ("escort/synthetic-edge.map", "20250101_1200_CAM.map", "20250101_1200_CAM.MP4", 4, (1.0008333, 2.0, 100.0, None)),
    ],
)  # fmt: skip
def test_samples(
    shared: Path,
    tmp_path: Path,
    below: str,
    name: str,
    clip: str,
    count: int,
    first: tuple[float | None, ...],
) -> None:
    """The sample logs beside a clip of the fitting name, valid fixes counted."""
    (tmp_path / name).write_bytes((shared / "gps/dashcamigo" / below).read_bytes())
    log = _log(_clip(tmp_path / clip))
    assert log is not None
    valid = [fix for fix in log.fixes if fix.valid]
    assert len(valid) == count
    fix = valid[0]
    assert (fix.lat, fix.lon, fix.speed_kmh, fix.seconds) == pytest.approx(first)


@pytest.mark.shared
def test_map_that_is_no_escort_log(shared: Path, tmp_path: Path) -> None:
    """A `.map` of something else is left out with a sentence."""
    (tmp_path / "a.map").write_bytes((shared / "gps/dashcamigo/escort/synthetic-not-escort.map").read_bytes())
    log, complaints = sidecars.read_log(_clip(tmp_path / "a.mp4"))
    assert log is None
    assert complaints == ["a.map was left out: it is no Escort log"]


def test_escort_lines() -> None:
    """A void line keeps its clock, a lone carriage return ends the last; what cannot be is passed over."""
    text = (
        "A,110526,001555,3700.0000,S,12100.0000,W,117.36,0.10,-0.17,1.59;\r\n"
        "V,110526,001556,0000.0000,N,00000.0000,E,0.00,0.00,0.00,0.00;\r\n"
        "A,110526,001557,3760.0000,N,12100.0000,W,1.0,0,0,0;\r\n"
        "A,321326,001558,3700.0000,N,12100.0000,W,1.0,0,0,0;\r\n"
        "A,110526,001559,3700.0000,N,12100.0000,E,-5.0,0,0,0;\r\n"
        "A,110526,001600,3700.0000,N,12100.0000,E,20.0,0,0,0;\r"
    )
    fixes = escort_log(text).fixes
    assert [(fix.time and fix.time.second, fix.lat, fix.lon) for fix in fixes] == [
        (55, -37.0, -121.0),
        (56, None, None),
        (57, None, None),
        (0, 37.0, 121.0),
    ]
    with pytest.raises(BadInput):
        escort_log("no line")


SRT = """1
00:00:00,000 --> 00:00:00,500
<font size="36">FrameCnt : 1
2024-05-06 07:08:09.123
[iso : 100] [latitude : -33.512345] [longtitude : -151.212345] [rel_alt: 1.2 abs_alt: 55.5] </font>

2
00:00:01,500 --> 00:00:02,000
[latitude: 0.000000] [longitude: 0.000000] [altitude: 10.0]

3
00:01:02,250 --> 00:01:03,000
HOME(113.1,22.5) GPS(113.9470,22.5301,15.5)
"""


def test_srt() -> None:
    """DJI's brackets and brackets of old, tied by the cues; zeros are no place."""
    log = srt_log(SRT)
    assert log.local_clock
    assert [(fix.seconds, fix.lat, fix.lon, fix.altitude) for fix in log.fixes] == [
        (0.0, -33.512345, -151.212345, 55.5),
        (1.5, None, None, None),
        (62.25, 22.5301, 113.947, 15.5),
    ]
    assert log.fixes[0].time == datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001


def test_srt_of_sentences_and_swapped_places() -> None:
    """NMEA in subtitles is UTC; a second number that is no latitude stands for the longitude."""
    log = srt_log(f"1\n00:00:03,000 --> 00:00:04,000\n{_rmc(UTC)}\n")
    assert (log.local_clock, log.fixes[0].seconds, log.fixes[0].time) == (False, 3.0, UTC)
    log = srt_log("1\n00:00:00,000 --> 00:00:01,000\nGPS(22.5, 113.9, 8)\n")
    assert (log.fixes[0].lat, log.fixes[0].lon) == (22.5, 113.9)
    with pytest.raises(BadInput):
        srt_log("nothing")


# -- 70mai's card log -----------------------------------------------------------------------------


def _card(shared: Path, root: Path, name: str, below: str) -> Path:
    (root / "GPSData000001.txt").write_bytes((shared / "gps/dashcamigo/70mai" / name).read_bytes())
    return _clip(root / below)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "clip", "seconds", "first"),
    [
        # 23 s slow: its second clip begins with its first line, so the first one's lines lie at its end.
        ("real-anonymized-a810.txt", "NO20260712-195504-000000F.MP4", range(51, 60), ("2026-07-12T17:55:32", 1.98)),
        ("real-anonymized-a810.txt", "NO20260712-195604-000001F.MP4", None, ("2026-07-12T17:55:41", 0.0)),
        ("real-anonymized-x800.txt", "NO20260427-024354-000037F.MP4", None, ("2026-04-26T21:44:07", 22.968)),
        ("synthetic-happy.txt", "NO20260101-120000-000001F.MP4", range(5), ("2023-11-15T06:13:20", 18.0)),
        ("synthetic-edge.txt", "EV20260101-120000-000001B-20260201101010.MP4", (0, 1, 2, 7), ("2023-11-15T06:13:20", 18.0)),
        ("synthetic-multi-session.txt", "NO20260101-120100-000002F.MP4", (0, 1), ("2023-11-15T06:15:00", 18.72)),
    ],
)  # fmt: skip
def test_70mai_samples(
    shared: Path, tmp_path: Path, name: str, clip: str, seconds: list[int] | None, first: tuple[str, float]
) -> None:
    """The card's log serves the clip wherever it lies, joined by the middle of its name; 8 hours are added."""
    log = _log(_card(shared, tmp_path, name, f"Normal/Front/{clip}"))
    assert log is not None
    fix = log.fixes[0]
    assert fix.time
    assert (fix.time.isoformat(), fix.speed_kmh) == (first[0], pytest.approx(first[1]))
    if seconds is not None:
        assert [fix.seconds for fix in log.fixes] == list(seconds)


@pytest.mark.shared
def test_70mai_first_line_after_the_clip_began(shared: Path, tmp_path: Path) -> None:
    """A receiver that was late shows in the names of the next clips: the X800's first fix lies 12 s in."""
    log = _log(
        _card(shared, tmp_path, "real-anonymized-x800.txt", "Normal/Front/NO20260427-024354-000037F.MP4")
    )
    assert log is not None
    assert log.fixes[0].seconds == 12.0
    assert [fix.course for fix in log.fixes][:2] == [75.0, 86.0]


@pytest.mark.shared
def test_70mai_other_logs(shared: Path, tmp_path: Path) -> None:
    """A log of another version, and one that does not know the clip, say nothing."""
    clip = _card(shared, tmp_path, "synthetic-not-v02.txt", "Normal/Front/NO20260101-120000-000001F.MP4")
    assert _log(clip) is None
    assert (
        _log(_card(shared, tmp_path, "synthetic-happy.txt", "Normal/Front/NO20260101-120500-000009F.MP4"))
        is None
    )
    with pytest.raises(BadInput):
        mai.card_log("HELLO", "NO20260101-120000-000001F.MP4")


def test_70mai_log_of_many_days(tmp_path: Path) -> None:
    """In a log of thousands of lines a clip gets its own, and so does its rear twin; void lines are kept."""
    lines = ["$V02"]
    start = datetime(2026, 1, 1, 8)  # noqa: DTZ001
    for clip in range(600):
        at = start + timedelta(minutes=clip)
        for second in range(0, 60, 2):
            unix = int((at + timedelta(seconds=second, hours=-1 - 8) - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
            status = "V" if second == 2 else "A"
            lines.append(
                f"{unix},{status},-33.5{clip:05d},-70.600000,4500,1000,0,100,0,"
                f"NO{at:%Y%m%d-%H%M%S}-{clip:06d}F.MP4,0,0,0"
            )
    (tmp_path / "GPSData000002.txt").write_text("\n".join(lines))
    for channel in "FB":
        log = _log(_clip(tmp_path / f"Normal/Back/NO20260101-141500-000375{channel}.MP4"))
        assert log is not None
        assert [fix.seconds for fix in log.fixes] == [float(second) for second in range(0, 60, 2)]
        assert {fix.lat for fix in log.fixes if fix.valid} == {-33.500375}
        assert sum(not fix.valid for fix in log.fixes) == 1
        assert log.fixes[0].time == datetime(2026, 1, 1, 13, 15)  # noqa: DTZ001
    assert (log.fixes[0].speed_kmh, log.fixes[0].course) == (pytest.approx(36.0), 45.0)


def test_70mai_extract_says_the_same(tmp_path: Path) -> None:
    """The lines about a clip, laid beside a copy of it, say what the card said."""
    at = datetime(2026, 1, 1, 12)  # noqa: DTZ001
    rows = [
        f"{1767240000 + i},A,50.0,{30 + i / 1e4:.6f},0,500,0,100,0,NO{at:%Y%m%d-%H%M%S}-000001F.MP4,0,0,0"
        for i in range(5)
    ]
    (tmp_path / "card").mkdir()
    (tmp_path / "card/GPSData000001.txt").write_text("\n".join(["$V02", *rows]))
    clip = _clip(tmp_path / "card/Normal/Front/NO20260101-120000-000001F.MP4")
    name, data = sidecars.extract(clip) or ("", b"")
    copy = _clip(tmp_path / "kept" / clip.name)
    (copy.parent / name).write_bytes(data)
    assert _log(copy) == _log(clip)
    assert sidecars.extract(copy) is None


# -- DDPai ----------------------------------------------------------------------------------------

NMEA = "".join(_rmc(UTC + timedelta(seconds=i)) for i in range(5))
STALE = "".join(_rmc(UTC - timedelta(hours=5) + timedelta(seconds=i)) for i in range(5))


def _tar(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def _ddpai(root: Path, below: str, data: bytes | str) -> None:
    path = root / below
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


@pytest.mark.parametrize(
    "below",
    [
        "DCIM/203gps/tar/20261006214554_0480.git",
        "DCIM/203gps/tar/tmp/20261006214554_0480_T.git",
        "DCIM/203gps/tar/19700101000000_0480.git",
    ],
)
@pytest.mark.parametrize(
    ("clip", "shift"),
    [
        ("front/20261006214554_0060.mp4", 0.0),
        ("rear/20261006214556_0060_A.mp4", -2.0),
        ("front/G_20261006214554_0060_L.mp4", 0.0),
    ],
)
def test_ddpai_archive(tmp_path: Path, below: str, clip: str, shift: float) -> None:
    """A member of a tar serves its clip and the rear one that began up to two seconds off."""
    members = {
        "19700101000000_0060.gpx": STALE,
        "20261006214454_0060.gpx": STALE,
        "20261006214554_0060.gpx": f"$GPSCAMTIME 20261006214554\n{NMEA}$GSENSORSTARTTIME 20261006214553\n{STALE}",
        "../../20261006214654_0060.gpx": STALE,
    }
    _ddpai(tmp_path, below, _tar(members))
    log = _log(_clip(tmp_path / "DCIM/200video" / clip))
    assert log is not None
    assert [fix.time for fix in log.fixes] == [UTC + timedelta(seconds=i) for i in range(5)]
    assert [fix.seconds for fix in log.fixes] == [shift + i for i in range(5)]


@pytest.mark.parametrize(
    "below", ["DCIM/203gps/20261006214554_0060.gpx", "DCIM/103gps/20261006214554_0060_D.gpx"]
)
def test_ddpai_log_alone(tmp_path: Path, below: str) -> None:
    """Logs lie unpacked too, and one may end in a letter."""
    _ddpai(tmp_path, below, f"$GPSCAMTIME 20261006214553\n{NMEA}")
    log = _log(_clip(tmp_path / "DCIM/100video/20261006214554_0060.mp4"))
    assert log is not None
    assert log.dialect == "DDPai log"
    assert len(log.fixes) == 5


def test_ddpai_leftovers_are_told() -> None:
    """Files are made in advance: what another recording left behind is not taken for this one's."""
    clip = "20261006214554_0060.mp4"
    head = "$GPSCAMTIME 20261006214554\n"
    for tail in ("$GPSENDTIME 20261006214654\n", "\0\0\0", "00,A,5000.0,N\n", "$GSENSORSTARTTIME 1\n"):
        assert len(ddpai.parse(head + NMEA + tail + STALE, clip).fixes) == 5, tail
    # fixes that run backwards are an older recording's
    older = "".join(_rmc(UTC - timedelta(minutes=i)) for i in range(1, 4))
    assert len(ddpai.parse(head + NMEA + older, clip).fixes) == 5
    # another clip's header, another day's fixes
    assert not ddpai.parse(f"$GPSCAMTIME 20261006151617\n{NMEA}", clip).fixes
    assert not ddpai.parse(head + NMEA.replace("061026", "130926"), clip).fixes


def test_ddpai_clock_jumps_at_the_first_fix() -> None:
    """Void lines carry the camera's local clock; the seconds go on, a line a second."""
    local = datetime(2026, 10, 6, 21, 45, 54)  # noqa: DTZ001
    text = "".join(_rmc(local + timedelta(seconds=i), "V") for i in range(3)) + NMEA
    log = ddpai.parse(f"$GPSCAMTIME 20261006214554\n{text}", "20261006214554_0060.mp4")
    assert [fix.seconds for fix in log.fixes] == [float(i) for i in range(8)]
    assert [fix.valid for fix in log.fixes] == [False] * 3 + [True] * 5


def test_ddpai_extract_says_the_same(tmp_path: Path) -> None:
    """A clip's member, laid beside a copy of the clip, says what the card said."""
    _ddpai(tmp_path, "DCIM/203gps/tar/20261006214554_0480.git", _tar({"20261006214554_0060.gpx": NMEA}))
    clip = _clip(tmp_path / "DCIM/200video/front/20261006214554_0060.mp4")
    name, data = sidecars.extract(clip) or ("", b"")
    assert name == "20261006214554_0060.gpx"
    copy = _clip(tmp_path / "kept" / clip.name)
    (copy.parent / name).write_bytes(data)
    copied, found = _log(copy), _log(clip)
    assert found is not None
    assert copied is not None
    assert copied.fixes == found.fixes
    assert sidecars.extract(copy) is None


def test_ddpai_folder_behind_a_link_is_not_entered(tmp_path: Path) -> None:
    """A link on a card leads nowhere."""
    _ddpai(tmp_path, "elsewhere/20261006214554_0060.gpx", NMEA)
    clip = _clip(tmp_path / "DCIM/200video/front/20261006214554_0060.mp4")
    (tmp_path / "DCIM/203gps").symlink_to(tmp_path / "elsewhere")
    assert _log(clip) is None


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_archives(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Archives cut and changed anywhere never raise."""
    root = tmp_path_factory.mktemp("card")
    raw = bytearray(_tar({"20261006214454_0060.gpx": STALE, "20261006214554_0060.gpx": NMEA}))
    for _ in range(data.draw(st.integers(0, 6))):
        raw[data.draw(st.integers(0, 1200))] = data.draw(st.integers(0, 255))
    _ddpai(root, "203gps/tar/20261006214454_0480.git", bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    _log(_clip(root / "200video/front/20261006214554_0060.mp4"))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "$V02\n", "1700000000,A,50.0,30.0,0,0,0,0,0,NO20260101-120000-000001F.MP4,0,0,0\n", "9" * 40, ",",
                "$GPSCAMTIME 20261006214554\n", NMEA, "\0", "00:00:01,000 --> ", "[latitude: 1e9]", "GPS(1,2,3)",
                "A,110526,001555,3700.0000,S,12100.0000,W,117.36,0.10,-0.17,1.59;\n", "\n", "<gpx>", "<!DOCTYPE a>",
            ]
        ),
        max_size=30,
    ),
    st.sampled_from([".gps", ".nmea", ".gpx", ".map", ".srt", ".txt", ".3gf"]),
)  # fmt: skip
def test_any_text_beside_a_clip(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], suffix: str
) -> None:
    """Any mixture of pieces gives fixes on earth, or a sentence."""
    root = tmp_path_factory.mktemp("beside")
    clip = _clip(root / "NO20260101-120000-000001F.MP4")
    clip.with_suffix(suffix).write_text("".join(parts))
    log, complaints = sidecars.read_log(clip)
    assert all(isinstance(text, str) for text in complaints)
    for fix in log.fixes if log else ():
        assert fix.lat is None or abs(fix.lat) <= 90


# -- whole clips ----------------------------------------------------------------------------------


def test_ddpai_clip_tells_its_zone(tmp_path: Path) -> None:
    """Name and log together give the offset, three hours here, though the camera's clock is a minute off."""
    log = "".join(_rmc(UTC + timedelta(seconds=i)).replace("5000.00000", f"5000.00{i}00") for i in range(5))
    _ddpai(tmp_path, "DCIM/203gps/tar/20261006214514_0480.git", _tar({"20261006214514_0060.gpx": log}))
    clip = make_clip(tmp_path / "DCIM/200video/front/20261006214514_0060.mp4")
    about = describe(clip)
    assert about.route_source == "DDPai log"
    assert about.time.utc_offset_seconds == 3 * 3600
    assert [point.seconds for point in about.route] == [0, 1, 2, 3, 4]


def test_event_json_is_asked_last(tmp_path: Path) -> None:
    """A Tesla event's place serves a clip without any log."""
    event = {
        "timestamp": "2024-06-01T16:28:00",
        "est_lat": "40.5",
        "est_lon": "-3.5",
        "reason": "sentry_aware_object_detection",
    }
    clip = _clip(tmp_path / "2024-06-01_16-27-34-front.mp4")
    (tmp_path / "event.json").write_text(json.dumps(event))
    log = _log(clip)
    assert log is not None
    assert (log.fixes[0].lat, log.fixes[0].lon) == (40.5, -3.5)
