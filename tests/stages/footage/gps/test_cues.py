"""Fixes in subtitles."""

import struct
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.footage.container import walk
from stages.footage.fix import Fix
from stages.footage.gps.cues import LAYOUTS
from stages.footage.gps.inside import read_inside
from stages.footage.gps.log import GpsLog
from stages.footage.route import build
from tests.stages.footage.gps.made_samples import cue
from tests.stages.footage.gps.made_tracks import Made, clip, read

RMC = "$GPRMC,120000.00,A,5030.00000,N,03000.00000,E,5.0,90.0,141123,,,A*6F"
WHEN = datetime(2023, 11, 14, 12)  # noqa: DTZ001


def _read(
    tmp_path: Path, cues: list[bytes], handler: bytes = b"text", name: bytes = b"tx3g"
) -> GpsLog | None:
    return read(tmp_path / "clip.mp4", clip(Made(handler, name, cues), seconds=float(len(cues))))


def _one(tmp_path: Path, data: bytes) -> Fix:
    log = _read(tmp_path, [data])
    assert log is not None
    (fix,) = log.fixes
    return fix


@pytest.mark.shared
def test_real_thinkware(shared: Path) -> None:
    """A real F200 PRO: cues of acceleration, every tenth with a sentence, at the cue's time in the video."""
    path = shared / "gps/dashcamigo/thinkware/real-anonymized.mp4"
    log = read_inside(path, walk(path))
    assert log is not None
    assert (log.dialect, len(log.fixes)) == ("Thinkware", 10)
    assert [fix.seconds for fix in log.fixes] == [5 + 10 * i for i in range(10)]
    first, last = log.fixes[0], log.fixes[-1]
    assert first.time == datetime(2026, 6, 2, 4, 16, 46)  # noqa: DTZ001
    assert (first.lat, first.lon, first.course) == (50.0, 30.0, 16.87)
    assert (last.lat, last.lon) == (pytest.approx(50.0009), pytest.approx(30.0009))
    assert first.speed_kmh == pytest.approx(14.101 * 1.852)
    assert last.time == datetime(2026, 6, 2, 4, 16, 56)  # noqa: DTZ001
    assert len(build(log.fixes, duration=96.0)) == 10  # in slow motion, as its sample table has it


@pytest.mark.shared
def test_shared_thinkware(shared: Path) -> None:
    """Another talker and a void sentence; a rear camera's cues have none; a real rear clip has no cues."""
    folder = shared / "gps/dashcamigo/thinkware"
    log = read_inside(folder / "synthetic-fseries.mp4", walk(folder / "synthetic-fseries.mp4"))
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [fix.valid for fix in log.fixes] == [True] * 7 + [False]
    for index, fix in enumerate(log.fixes[:7]):
        assert fix.lat == pytest.approx(50 + 0.0001 * index)
        assert fix.lon == pytest.approx(30 + 0.0001 * index)
        assert fix.speed_kmh == pytest.approx(46.3)
        assert fix.course == 45 + index
        assert fix.time == datetime(2026, 1, 15, 12) + timedelta(seconds=index)  # noqa: DTZ001
    rear = read_inside(folder / "synthetic-rear.mp4", walk(folder / "synthetic-rear.mp4"))
    assert rear is not None
    assert (rear.dialect, rear.placed) == ("Thinkware", False)
    path = folder / "real-anonymized-rear.mp4"
    assert read_inside(path, walk(path), 2.0) is None


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        (f"gsensori,4,512,-67,-12,100;{RMC[1:]}..;CAR,0,0,0", "Thinkware"),
        (f"gsensori,4,512,-67,-12,100;\r\n{RMC}\r\n", "Thinkware"),
        (RMC, "NMEA subtitles"),
        (RMC.replace("*6F", "*00"), "NMEA subtitles"),
        (f"$BEGINGSENSOR:+0.01:-0.02:+1.00$TIME:120{RMC}$END", "NMEA subtitles"),
        (f"$BEGIN{RMC}\r\n$END", "NMEA subtitles"),
        (f"X0000.2340Y-000.0720Z0000.9900G0001.0400{RMC}", "NMEA subtitles"),
    ],
)
@pytest.mark.parametrize(("handler", "name"), [(b"text", b"text"), (b"sbtl", b"tx3g"), (b"subt", b"abcd")])
@pytest.mark.parametrize("prefixed", [True, False])
def test_sentences_in_cues(
    tmp_path: Path, text: str, dialect: str, handler: bytes, name: bytes, prefixed: bool
) -> None:
    """A sentence is found whatever stands around it, in every kind of text track."""
    data = cue(text) if prefixed else text.encode()
    log = _read(tmp_path, [data, data], handler, name)
    assert log is not None
    assert log.dialect == dialect
    assert log.fixes[1] == Fix(WHEN, 50.5, 30.0, pytest.approx(9.26), 90.0, None, 1.0)


def test_southern_and_western_cues(tmp_path: Path) -> None:
    """South and west are negative; altitude comes from the GGA in the cue."""
    text = RMC.replace(",N,", ",S,").replace(",E,", ",W,")
    gga = "$GPGGA,120000.00,5030.00000,S,03000.00000,W,1,12,0.5,-12.5,M,46.0,M,,*4C"
    fix = _one(tmp_path, cue(f"{text}\r\n{gga}\r\n"))
    assert (fix.lat, fix.lon, fix.altitude) == (-50.5, -30.0, -12.5)


def test_several_sentences_lie_evenly_over_their_cue(tmp_path: Path) -> None:
    """A cue of two seconds with four sentences: one each half second."""
    data = "\n".join(RMC.replace("120000", f"12000{i}") for i in range(4))
    log = read(tmp_path / "clip.mp4", clip(Made(b"text", b"tx3g", [cue(data), cue(data)], (2000,))))
    assert log is not None
    assert [fix.seconds for fix in log.fixes] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]


def test_two_sentences_a_second_stay_a_route(tmp_path: Path) -> None:
    """Fixes twice a second with a clock of whole seconds are no time lapse."""
    cues = []
    for half in range(61):
        clock, place = f"12{(half + 1) // 2 // 60:02}{(half + 1) // 2 % 60:02}", f"50{30 + half / 100:08.5f}"
        cues.append(cue(RMC.replace("120000", clock).replace("5030.00000", place)))
    log = read(tmp_path / "clip.mp4", clip(Made(b"text", b"tx3g", cues, (500,))))
    assert log is not None
    assert len(build(log.fixes, duration=30.5)) == 61


def test_style_behind_the_text_is_left_out(tmp_path: Path) -> None:
    """Boxes behind a cue's text are not read as text."""
    data = cue(RMC.split("*", maxsplit=1)[0]) + struct.pack(">I4sHH", 12, b"encd", 0, 256)
    assert _one(tmp_path, data).time == WHEN


def test_words_are_no_gps(tmp_path: Path) -> None:
    """Subtitles of people's words give nothing."""
    assert _read(tmp_path, [cue("Where is the A,B road?"), cue("$5, he said"), cue("")]) is None


@pytest.mark.parametrize("prefix", [b"", struct.pack(">I", 56)])
@pytest.mark.parametrize("place", [(48.25, 11.5), (-33.75, -70.625)])
def test_garmin(tmp_path: Path, prefix: bytes, place: tuple[float, float]) -> None:
    """PNDM with and without its size: degrees as fractions of a half turn, miles an hour, no clock."""
    numbers = (round(value * 0x80000000 / 180) for value in place)
    data = prefix + struct.pack(">4s4xHHii", b"PNDM", 55, 0, *numbers) + bytes(36)
    fix = _one(tmp_path, data)
    assert (fix.lat, fix.lon) == (pytest.approx(place[0], abs=1e-7), pytest.approx(place[1], abs=1e-7))
    assert fix.speed_kmh == pytest.approx(88.51, abs=0.01)
    assert fix.time is None


@pytest.mark.parametrize("place", [(-0x80000000, -0x80000000), (0, 0), (0x7FFFFFFF, 0)])
def test_garmin_without_a_fix(tmp_path: Path, place: tuple[int, int]) -> None:
    """The smallest number, zeros and places beyond the pole mean that there is no fix."""
    log = _read(tmp_path, [struct.pack(">4s4xHHii", b"PNDM", 0, 0, *place) + bytes(36), b"PNDM short"])
    assert log is not None
    assert not log.placed


def test_mini_0806(tmp_path: Path) -> None:
    """Date, time, place, speed and altitude of a Mini 0806."""
    text = "A,270519,201555.000,3356.8925,N,08420.2071,W,012.5,331.0M,+01.84,-09.80,-00.61;\n"
    fix = _one(tmp_path, text.encode())
    assert fix == Fix(
        datetime(2019, 5, 27, 20, 15, 55),  # noqa: DTZ001
        pytest.approx(33 + 56.8925 / 60),
        pytest.approx(-(84 + 20.2071 / 60)),
        12.5,
        None,
        331.0,
        0.0,
    )


@pytest.mark.parametrize(
    ("old", "new", "valid"),
    [
        ("A,270519", "V,270519", False),
        (",3356.8925,", ",,", False),
        (",3356.8925,", ",3372.8925,", False),
        (",W,", ",Q,", False),
        ("201555.000", "206155.000", True),  # no such time: the place still counts
        ("270519", "", True),
        ("012.5", "", True),
        (",331.0M,+01.84,-09.80,-00.61;", "", True),
    ],
)
def test_mini_0806_with_faults(tmp_path: Path, old: str, new: str, valid: bool) -> None:
    """What is void or wrong has no place; a missing time or speed costs only itself."""
    text = "A,270519,201555.000,3356.8925,N,08420.2071,W,012.5,331.0M,+01.84,-09.80,-00.61;\n"
    log = _read(tmp_path, [cue(text), cue(text.replace(old, new, 1))])
    assert log is not None
    assert log.dialect == "Mini 0806"
    assert log.fixes[1].valid == valid


@pytest.mark.parametrize(("size", "rmc", "gga"), [(288, 32, 160), (1046, 790, 918)])
def test_nextbase(tmp_path: Path, size: int, rmc: int, gga: int) -> None:
    """322GW and 622GW: sentences padded with zeros at their places; a field of zeros is no fix."""
    data = bytearray(size)
    data[4:18] = b"20231114130000"
    blank = cue(bytes(data))
    data[rmc : rmc + len(RMC)] = RMC.encode()
    sentence = b"$GPGGA,120000.00,5030.00000,N,03000.00000,E,1,12,0.5,123.4,M,46.0,M,,*4C"
    data[gga : gga + len(sentence)] = sentence
    log = _read(tmp_path, [blank, cue(bytes(data))], b"sbtl")
    assert log is not None
    assert log.dialect == "Nextbase subtitles"
    assert log.fixes[-1] == Fix(WHEN, 50.5, 30.0, pytest.approx(9.26), 90.0, 123.4, 1.0)


def test_camera_text(tmp_path: Path) -> None:
    """`$G:` with signs by letter."""
    fix = _one(tmp_path, cue("$G:2019-08-20 07:51:57-S48.264523-W2.329615-S31$GS:+100,-2,+3"))
    assert fix == Fix(datetime(2019, 8, 20, 7, 51, 57), -48.264523, -2.329615, 31.0, None, None, 0.0)  # noqa: DTZ001


ROADHAWK = ".;;;;D?JL;6+;;;D;R?;4;;;;DBB;;O;;;=D;L;;HO71G>F;-?=J-F:FNJJ;DPP-JF3F;;PL=DBRLBF0F;=?DNF-RD-PF;N;?=JF;;?D=F:*6F~"


def test_roadhawk(tmp_path: Path) -> None:
    """The cipher text of a real Roadhawk, as ExifTool's source prints it."""
    fix = _one(tmp_path, ROADHAWK.encode())
    assert fix.time == datetime(2013, 2, 5, 8, 21, 38)  # noqa: DTZ001
    assert (fix.lat, fix.lon) == (pytest.approx(53 + 30.6683 / 60), pytest.approx(-(6 + 41.9749 / 60)))
    assert (fix.speed_kmh, fix.course) == (pytest.approx(12.5 * 1.852), 87.86)


def test_eprance(tmp_path: Path) -> None:
    """Letters shifted by what makes the star before the checksum."""
    plain = f"1\t2\t3{RMC}"
    data = b"\0" + bytes((byte + 77) & 0xFF for byte in plain.encode()) + bytes([(ord("\n") + 0) & 0xFF])
    assert _one(tmp_path, data).time == WHEN


@pytest.mark.parametrize("handler", [(b"text", b"text"), (b"meta", b"gpmd")])
def test_masked_text(tmp_path: Path, handler: tuple[bytes, bytes]) -> None:
    """Text under XOR 0xAA, as ExifTool's source prints it (Ambarella A12), in a cue and in Rove's track."""
    text = b"XKZD\xfe\xfe20191116100901\x0c0119101607085 9\x03N55451167E037430041+01570".ljust(281, b"\0")
    data = b"\0\0" + bytes(byte ^ 0xAA for byte in text)
    data = data[:38] + bytes(b ^ 0xAA for b in b"N55451167E037430041+0157050") + data[65:]
    log = _read(tmp_path, [data], *handler)
    assert log is not None
    (fix,) = log.fixes
    assert fix == Fix(
        datetime(2019, 11, 16, 10, 9, 1),  # noqa: DTZ001
        pytest.approx(55 + 45.1167 / 60),
        pytest.approx(37 + 43.0041 / 60),
        50.0,
        None,
        157.0,
        0.0,
    )


PIECES = [
    RMC.encode(),
    b"gsensori,1,2,3;",
    b"PNDM",
    b"A,270519,201555.000,",
    b"$BEGIN",
    b"*6F~",
    b"\0\0\xf2\xe1\xf0\xeeTT",
    b"\xaa",
]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=60)), max_size=8).map(b"".join))
def test_any_cue(data: bytes) -> None:
    """Any bytes give fixes on earth, or none, in every layout."""
    for layout in LAYOUTS:
        for each in (data, cue(data), data.ljust(300, b"\xaa"), data + b"\n"):
            for fix in layout.decode(each) or []:
                assert fix.lat is None or abs(fix.lat) <= 90
                assert fix.lon is None or abs(fix.lon) <= 180
