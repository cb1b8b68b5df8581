"""What names and folders say."""

import re
from datetime import datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.footage.name_patterns import PATTERNS
from stages.footage.names import NameFacts, read_name, told_apart

NO, YES = False, True

# path, family, channel, mode, locked, sequence, local time
NAMES = [
    # BlackVue: every letter of mode and channel
    ("BlackVue/Record/20260505_090047_NF.mp4", "blackvue", "front", "normal", NO, None, "2026-05-05T09:00:47"),
    ("20181026_135003_PF.mp4", "blackvue", "front", "parking", NO, None, "2018-10-26T13:50:03"),
    ("20181026_135003_PFS.mp4", "blackvue", "front", "parking", NO, None, "2018-10-26T13:50:03"),
    ("20181026_135003_NRL.mp4", "blackvue", "rear", "normal", NO, None, "2018-10-26T13:50:03"),
    ("20181026_135003_EF.mp4", "blackvue", "front", "event", NO, None, "2018-10-26T13:50:03"),
    ("20181026_135003_MI.mp4", "blackvue", "interior", "manual", NO, None, "2018-10-26T13:50:03"),
    ("20181026_135003_IO.mp4", "blackvue", "other", "event", NO, None, "2018-10-26T13:50:03"),
    *(
        (f"20181026_135003_{letter}R.mp4", "blackvue", "rear", "event", NO, None, "2018-10-26T13:50:03")
        for letter in "OATBRXGDLYF"
    ),
    # Viofo with several channels
    ("DCIM/Movie/2026_0601_162734_113670F.MP4", "viofo", "front", "normal", NO, 113670, "2026-06-01T16:27:34"),
    ("DCIM/Movie/RO/2026_0601_162734_113670F.MP4", "viofo", "front", "normal", YES, 113670, "2026-06-01T16:27:34"),
    ("DCIM/Movie/Parking/2026_0601_162734_113735PR.MP4", "viofo", "rear", "parking", NO, 113735, "2026-06-01T16:27:34"),
    ("Movie/RO/2026_0601_162734_113671EI.MP4", "viofo", "interior", "event", YES, 113671, "2026-06-01T16:27:34"),
    ("Movie/Parking/2026_0601_162734_1137R.MP4", "viofo", "rear", "parking", NO, 1137, "2026-06-01T16:27:34"),
    ("DCIM/Parking/RO/2026_0601_162734_1137R.MP4", "viofo", "rear", "parking", YES, 1137, "2026-06-01T16:27:34"),
    ("2026_0601_162734_113670T.MP4", "viofo", "telephoto", "normal", NO, 113670, "2026-06-01T16:27:34"),
    ("2022_0224_132829_PR.MP4", "viofo", "rear", "parking", NO, None, "2022-02-24T13:28:29"),
    ("2022_0224_132829_F.MP4", "viofo", "front", "normal", NO, None, "2022-02-24T13:28:29"),
    ("2026_0601_162734_113670f.mp4", "viofo", "front", "normal", NO, 113670, "2026-06-01T16:27:34"),
    # Novatek: 14 digits, and the older shape
    ("DCIM/Movie/20260513140102_000002.MP4", "novatek", None, "normal", NO, 2, "2026-05-13T14:01:02"),
    ("Movie/RO/20260513140102_000002.MP4", "novatek", None, "normal", YES, 2, "2026-05-13T14:01:02"),
    ("Parking/20260513140102_0000002.MP4", "novatek", None, "parking", NO, 2, "2026-05-13T14:01:02"),
    ("20210318153933_000188.TS", "novatek", None, "normal", NO, 188, "2021-03-18T15:39:33"),
    ("20210318153933_0000188PR.MP4", "novatek", "rear", "parking", NO, 188, "2021-03-18T15:39:33"),
    ("20210318153933_000188_A.MP4", "novatek", "rear", "normal", NO, 188, "2021-03-18T15:39:33"),
    ("CARDV/Event_R/20240318153933_000188R.MP4", "novatek", "rear", "event", NO, 188, "2024-03-18T15:39:33"),
    ("2016_1224_094105_116.MP4", "novatek", None, "normal", NO, 116, "2016-12-24T09:41:05"),
    ("DCIM/MOVIE/2021_1013_183759_050.MP4", "novatek", None, "normal", NO, 50, "2021-10-13T18:37:59"),
    ("DCIM/EMR/2016_1224_094105_116.MP4", "novatek", None, "event", YES, 116, "2016-12-24T09:41:05"),
    ("2017_0101_060101_001A.MP4", "novatek", "front", "normal", NO, 1, "2017-01-01T06:01:01"),
    ("2017_0101_060101_001B.MOV", "novatek", "rear", "normal", NO, 1, "2017-01-01T06:01:01"),
    ("2017_0101_060101_001P.MOV", "novatek", None, "parking", NO, 1, "2017-01-01T06:01:01"),
    ("REC20240607-180617-527.mp4", "rove", None, "normal", NO, 527, "2024-06-07T18:06:17"),
    ("PRO20250607-180617-527.mp4", "rove", None, "event", YES, 527, "2025-06-07T18:06:17"),
    # Thinkware
    ("cont_rec/REC_20250929_143201_F.MP4", "thinkware", "front", "normal", NO, None, "2025-09-29T14:32:01"),
    ("evt_rec/EVT_2026_03_06_07_25_52_R.MP4", "thinkware", "rear", "event", NO, None, "2026-03-06T07:25:52"),
    ("parking_rec/PAK_2026_03_06_07_25_52_F.MP4", "thinkware", "front", "parking", NO, None, "2026-03-06T07:25:52"),
    ("parking_rec/PARK_20260306_072552_F.MP4", "thinkware", "front", "parking", NO, None, "2026-03-06T07:25:52"),
    ("motion_timelapse_rec/MOT_20260306_072552_F.MP4", "thinkware", "front", "timelapse", NO, None, "2026-03-06T07:25:52"),
    ("manual_rec/MAN_20260306_072552_I.MP4", "thinkware", "interior", "manual", YES, None, "2026-03-06T07:25:52"),
    ("TIM_20260306_072552.MP4", "thinkware", None, "timelapse", NO, None, "2026-03-06T07:25:52"),
    ("sos_rec/SOS_20260306_072552_F.MP4", "thinkware", "front", "event", NO, None, "2026-03-06T07:25:52"),
    ("incabin_rec/REC_20260306_072552.MP4", "thinkware", "interior", "normal", NO, None, "2026-03-06T07:25:52"),
    # 70mai
    ("Normal/Front/NO20240509-134909-000016F.MP4", "70mai", "front", "normal", NO, 16, "2024-05-09T13:49:09"),
    ("NO20260206-141441-000062.mp4", "70mai", None, "normal", NO, 62, "2026-02-06T14:14:41"),
    ("EV20240509-134909-000195R-20260101120642.mp4", "70mai", "rear", "event", NO, 195, "2024-05-09T13:49:09"),
    ("NO20240509-134909-000195-20260101120642B.mp4", "70mai", "rear", "normal", NO, 195, "2024-05-09T13:49:09"),
    ("Parking/NO20240509-134909-000016.MP4", "70mai", None, "parking", NO, 16, "2024-05-09T13:49:09"),
    ("Parking/Back/NO20240509-134909-000016.MP4", "70mai", "rear", "parking", NO, 16, "2024-05-09T13:49:09"),
    ("Event/Interior/EV20240509-134909-000016I.MP4", "70mai", "interior", "event", NO, 16, "2024-05-09T13:49:09"),
    ("Lapse/LA20240509-134909-000016B.MP4", "70mai", "rear", "timelapse", NO, 16, "2024-05-09T13:49:09"),
    ("PA20240509-134909-000016.MP4", "70mai", None, "parking", NO, 16, "2024-05-09T13:49:09"),
    ("VL20240509-134909-000016F.MP4", "70mai", "front", "event", NO, 16, "2024-05-09T13:49:09"),
    ("TL20240509-134909.MP4", "70mai", None, "timelapse", NO, None, "2024-05-09T13:49:09"),
    ("20240509-134909-000016F.MP4", "70mai", "front", "normal", NO, 16, "2024-05-09T13:49:09"),
    # Nextbase
    ("Video/240915_143027_001_FH.MP4", "nextbase", "front", "normal", NO, 1, "2024-09-15T14:30:27"),
    ("Protected/240915_143027_001_FH.MP4", "nextbase", "front", "normal", YES, 1, "2024-09-15T14:30:27"),
    ("Nextbase Protected/240915_143027_001_RH.MP4", "nextbase", "rear", "normal", YES, 1, "2024-09-15T14:30:27"),
    ("240915_143027_001_FH_EVENT.MP4", "nextbase", "front", "event", NO, 1, "2024-09-15T14:30:27"),
    ("231011_175029_199_FH_RADR.MP4", "nextbase", "front", "event", NO, 199, "2023-10-11T17:50:29"),
    ("231011_175029_199_IL.MOV", "nextbase", "interior", "normal", NO, 199, "2023-10-11T17:50:29"),
    # Vantrue
    ("Normal/20250607_180617_0001_N_B.mp4", "vantrue", "interior", "normal", NO, 1, "2025-06-07T18:06:17"),
    ("Event/20250607_180617_0001_E_A.mp4", "vantrue", "front", "event", NO, 1, "2025-06-07T18:06:17"),
    ("20250607_180617_0001_T_C.mp4", "vantrue", "rear", "timelapse", NO, 1, "2025-06-07T18:06:17"),
    ("20250607_180617_0001_P_D.mp4", "vantrue", "other", "parking", NO, 1, "2025-06-07T18:06:17"),
    ("2022_06_07_180617_N_A.mp4", "vantrue", "front", "normal", NO, None, "2022-06-07T18:06:17"),
    # DDPai
    ("DCIM/200video/front/20190719161640_0060.mp4", "ddpai", "front", "normal", NO, None, "2019-07-19T16:16:40"),
    ("DCIM/200video/rear/20190719161640_0060_A.mp4", "ddpai", "rear", "normal", NO, None, "2019-07-19T16:16:40"),
    ("DCIM/200video/rear/20190719161640_0060.mp4", "ddpai", "rear", "normal", NO, None, "2019-07-19T16:16:40"),
    ("S_20190719161640_0870_0030.mp4", "ddpai", "front", "timelapse", NO, None, "2019-07-19T16:16:40"),
    ("Q_20190719161640_0870_0030.mp4", "ddpai", "rear", "timelapse", NO, None, "2019-07-19T16:16:40"),
    ("G_20190719161640_0060_L.mp4", "ddpai", None, "event", NO, None, "2019-07-19T16:16:40"),
    ("G_20190719161640_0060_X.mp4", "ddpai", None, "parking", NO, None, "2019-07-19T16:16:40"),
    ("EventVideo/20190719161640_0060.mp4", "ddpai", None, "event", NO, None, "2019-07-19T16:16:40"),
    # Tesla
    (
        "TeslaCam/SavedClips/2019-10-23_17-44-35/2019-10-23_17-34-35-front.mp4",
        "tesla", "front", "manual", YES, None, "2019-10-23T17:34:35",
    ),
    (
        "TeslaCam/SentryClips/2019-10-23_17-44-35/2019-10-23_17-34-35-left_repeater.mp4",
        "tesla", "left_repeater", "sentry", YES, None, "2019-10-23T17:34:35",
    ),
    ("TeslaCam/RecentClips/2019-10-23_17-34-35-back.mp4", "tesla", "rear", "normal", NO, None, "2019-10-23T17:34:35"),
    ("2019-10-23_17-34-35-right_pillar.mp4", "tesla", "right_pillar", "normal", NO, None, "2019-10-23T17:34:35"),
    ("2019-10-23_17-34-35-cabin.mp4", "tesla", "interior", "normal", NO, None, "2019-10-23T17:34:35"),
    # Wolfbox
    ("front_norm/2026_03_15_173951_02_F.MP4", "wolfbox", "front", "event", NO, None, "2026-03-15T17:39:51"),
    ("front_norm/2026_03_15_173951_00_F.MP4", "wolfbox", "front", "normal", NO, None, "2026-03-15T17:39:51"),
    ("extra_emer/2026_03_15_173951_00_I.MP4", "wolfbox", "interior", "event", YES, None, "2026-03-15T17:39:51"),
    # Mio, iBox, Navitel and their kin
    ("FILE260625-144859.MP4", "mivue", None, "normal", NO, None, "2026-06-25T14:48:59"),
    ("FILE230422-154515F.MOV", "mivue", "front", "normal", NO, None, "2023-04-22T15:45:15"),
    ("FILE201104-163014-000429F.mov", "mivue", "front", "normal", NO, 429, "2020-11-04T16:30:14"),
    ("Event/FILE201104-163014R.mov", "mivue", "rear", "event", NO, None, "2020-11-04T16:30:14"),
    ("Normal/A/REC20250607-180617-527-A.mp4", "carcam", "front", "normal", NO, 527, "2025-06-07T18:06:17"),
    ("REC20250607-180617-527-C.mp4", "carcam", "interior", "normal", NO, 527, "2025-06-07T18:06:17"),
    ("Normal/B/REC20250607-180617-527.mp4", "rove", "rear", "normal", NO, 527, "2025-06-07T18:06:17"),
    ("INF20250607-180617-7-F.mp4", "neoline", "front", "normal", NO, 7, "2025-06-07T18:06:17"),
    ("SOS20250607-180617-527.mp4", "ibox", None, "event", NO, 527, "2025-06-07T18:06:17"),
    ("CH2-20260618-130336.TS", "sigmastar", "rear", "normal", NO, None, "2026-06-18T13:03:36"),
    ("HPIM20260618-130336F.TS", "hp", "front", "normal", NO, None, "2026-06-18T13:03:36"),
    ("20240806_113453_INF_F_N.mp4", "vueroid", "front", "normal", NO, None, "2024-08-06T11:34:53"),
    ("20240806_1134_CAM.mp4", "escort", None, "normal", NO, None, "2024-08-06T11:34:00"),
    ("20240115_123456F.mp4", "e-ace", "front", "normal", NO, None, "2024-01-15T12:34:56"),
    ("20260511134011_073648A.TS", "fitcamx", None, "normal", NO, 73648, "2026-05-11T13:40:11"),
    ("EMR/20260511134011_073648ABE.MP4", "fitcamx", "rear", "event", YES, 73648, "2026-05-11T13:40:11"),
    ("FordFootage/2026-06-14_16_16_18_f.ts", "ford", "front", "normal", NO, None, "2026-06-14T16:16:18"),
    # No date in the name
    ("DCIM/100GOPRO/GH010128.MP4", "gopro", None, "normal", NO, 128, None),
    ("DCIM/100GOPRO/GX020048.MP4", "gopro", None, "normal", NO, 48, None),
    ("GOPR1234.MP4", "gopro", None, "normal", NO, 1234, None),
    ("GP011234.MP4", "gopro", None, "normal", NO, 1234, None),
    ("DCIM/105UNSVD/GRMN0099.MP4", "garmin", None, "normal", NO, 99, None),
    ("DCIM/102SAVED/GRMN0099.MP4", "garmin", None, "normal", YES, 99, None),
    ("DCIM/101SAVED/GRMN0099.MP4", "garmin", None, "normal", YES, 99, None),
    ("DCIM/100EVENT/GRMN0099.MP4", "garmin", None, "event", NO, 99, None),
    ("DCIM/103PARKM/GRMN0099.MP4", "garmin", None, "parking", NO, 99, None),
    ("DCIM/104TLPSE/GRMN0099.MP4", "garmin", None, "timelapse", NO, 99, None),
    ("DCIM/100MEDIA/AMBA0550.MOV", "ambarella", None, "normal", NO, 550, None),
    # Nobody's names
    ("20240115_123456.MP4", None, None, "normal", NO, None, "2024-01-15T12:34:56"),
    ("holiday 2024-01-15 12.34.56.mp4", None, None, "normal", NO, None, "2024-01-15T12:34:56"),
    ("VID_20240115_123456_cut.mp4", None, None, "normal", NO, None, "2024-01-15T12:34:56"),
    ("Event/Rear/clip-2024-01-15T12:34:56.mp4", None, "rear", "event", NO, None, "2024-01-15T12:34:56"),
    ("holiday.mp4", None, None, "normal", NO, None, None),
    # What a computer calls a copy
    ("2026_0601_162734_113670F (1).MP4", "viofo", "front", "normal", NO, 113670, "2026-06-01T16:27:34"),
    ("2026_0601_162734_113670F - Copy.MP4", "viofo", "front", "normal", NO, 113670, "2026-06-01T16:27:34"),
    ("2026_0601_162734_113670F-0123abcd.MP4", "viofo", "front", "normal", NO, 113670, "2026-06-01T16:27:34"),
]  # fmt: skip

# The reference's own expressions, each with the families that its names may be given here.
REFERENCE = [
    ("tesla", r"(20\d\d)-(\d\d)-(\d\d)_(\d\d)-(\d\d)-(\d\d)-(front|back|left_repeater|right_repeater|left_pillar|right_pillar|cabin)"),
    ("blackvue", r"(20\d{6})_(\d{6})_([NEPMIOATBRXGDLYF])([FRIO])([LS]?)"),
    ("thinkware", r"(REC|EVT|MOT|PAK|PARK|MAN|TIM|SOS)_(20\d\d)_?(\d\d)_?(\d\d)_(\d\d)_?(\d\d)_?(\d\d)(?:_([FRI]))?"),
    ("70mai", r"(NO|EV|PA|LA|VL|TL)?(20\d{6})-(\d{6})(?:-(\d{1,9}))?([FBRI])?(?:-\d{14})?([FBRI])?"),
    ("nextbase", r"(\d{6})_(\d{6})_(\d{3,9})_([FRBI])([HL])(?:_([A-Z]{1,9}))?"),
    ("vantrue", r"(20\d{6})_(\d{6})_(\d{1,9})_([NEPT])_([A-D])"),
    ("vantrue", r"(20\d\d)_(\d\d)_(\d\d)_(\d{6})_([NEP])_([A-D])"),
    ("wolfbox", r"(20\d\d)_(\d\d)_(\d\d)_(\d{6})_(\d\d)_([FIR])"),
    ("viofo", r"(20\d\d)_(\d{4})_(\d{6})_(\d{1,9})?([PE]?)([FRTI])"),
    ("novatek", r"(20\d\d)_(\d{4})_(\d{6})_(\d{1,9})([PE]?)([AB]?)"),
    ("ddpai", r"([SQ])_(20\d{12})_(\d{1,6})_(\d{1,6})"),
    ("ddpai", r"G_(20\d{12})_(\d{1,6})_([LX])"),
    ("fitcamx novatek", r"(20\d{12})_(\d{6})([A-Z])"),
    ("ddpai novatek", r"(20\d{12})_(\d{2,8})(P?[FRI])?"),
    ("ddpai novatek", r"(20\d{12})_(\d{2,8})(?:_(A))?"),
    ("rove carcam neoline", r"(REC|PRO|INF)(20\d{6})-(\d{6})-(\d{1,9})(?:-([FR]))?"),
    ("rove carcam", r"(REC|PRO)(20\d{6})-(\d{6})-(\d{1,9})(?:-([A-DFR]))?"),
    ("mivue", r"FILE(\d{6})-(\d{6})(?:-(\d{6}))?([FRIE])?"),
    ("gopro", r"G([HXLSG])(\d\d|[A-Z]{2})(\d{4})"),
    ("gopro", r"(GOPR|GP\d\d)(\d{4})"),
    ("garmin", r"GRMN(\d{4})"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "family", "channel", "mode", "locked", "sequence", "local"), NAMES)
def test_names_of_many_makers(
    path: str,
    family: str | None,
    channel: str | None,
    mode: str,
    locked: bool,
    sequence: int | None,
    local: str | None,
) -> None:
    """Maker, channel, mode, lock, running number and time are read from the name and its folders."""
    facts = read_name(path)
    found = facts.recorded_local.isoformat() if facts.recorded_local else None
    assert (facts.family, facts.channel, facts.mode, facts.locked, facts.sequence, found) == (
        family, channel, mode, locked, sequence, local,
    )  # fmt: skip
    assert ("no maker's pattern" in facts.warning) == (family is None)


@pytest.mark.parametrize("path", [row[0] for row in NAMES])
def test_letter_case_says_nothing(path: str) -> None:
    """A card's names mean the same in capitals and in small letters, also below other folders."""
    assert msg(read_name(path.upper())) == msg(read_name(path.lower())) == msg(read_name(path))
    assert msg(read_name(f"/media/SD CARD/{path}")) == msg(read_name(path))


def msg(facts: NameFacts) -> tuple[object, ...]:
    """All fields but the sentence, which quotes the name."""
    return (facts.family, facts.channel, facts.mode, facts.locked, facts.sequence, facts.recorded_local)


@given(st.data())
def test_every_name_of_the_reference_has_its_maker(data: st.DataObject) -> None:
    """Whatever one of the reference's expressions fits is told to be of that maker."""
    families, regex = data.draw(st.sampled_from(REFERENCE))
    name = data.draw(st.from_regex(re.compile(regex, re.IGNORECASE | re.ASCII), fullmatch=True))
    earlier = [r for f, r in REFERENCE[: REFERENCE.index((families, regex))] if f != families]
    assume(not any(re.fullmatch(r, name, re.IGNORECASE | re.ASCII) for r in earlier))
    assert read_name(f"{name}.mp4").family in families.split()


@pytest.mark.parametrize(
    "name",
    [
        "2026_0230_162734_113670F.MP4",  # 30 February
        "2026_0601_252734_113670F.MP4",  # hour 25
        "2000_0101_000000_000001F.MP4",  # a clock that died
        "19700101000000_000001.MP4",
        "20091231_235959.MP4",
        "NO20261301-120000-000001F.MP4",
    ],
)
def test_impossible_dates_are_no_dates(name: str) -> None:
    """A date that is not in the calendar, or before 2010, is not believed, and the facts say so."""
    assert read_name(name).recorded_local is None
    assert read_name(name).warning


def test_a_clock_that_was_never_set_is_suspected() -> None:
    """The first hour of a year is what cameras show whose clock was never set: believed, with a sentence."""
    facts = read_name("2015_0101_000012_000001F.MP4")
    assert facts.recorded_local == datetime(2015, 1, 1, 0, 0, 12)  # noqa: DTZ001
    assert "clock" in facts.warning
    assert read_name("2015_0102_000012_000001F.MP4").warning == ""


def test_unknown_names_say_how_they_were_read() -> None:
    """A name that no maker writes says where its date and the rest came from."""
    assert "digits" in read_name("VID_20240115_123456_cut.mp4").warning
    assert "folders" in read_name("Parking/holiday.mp4").warning
    assert "no date" in read_name("holiday.mp4").warning


@pytest.mark.parametrize(
    ("name", "part", "small"),
    [
        ("GH020128.MP4", 2, False),
        ("GP031234.MP4", 3, False),
        ("GHAA1234.MP4", None, False),
        ("GL020128.LRV", 2, True),
        ("240915_143027_001_FL.MP4", None, True),
        ("240915_143027_001_FH.MP4", None, False),
        ("20181026_135003_NFS.mp4", None, True),
    ],
)
def test_chapters_and_small_twins(name: str, part: int | None, small: bool) -> None:
    """GoPro's chapters are numbered, and the low-quality twin of a clip is told."""
    assert (read_name(name).part, read_name(name).small) == (part, small)


def test_fourteen_digits_are_told_apart_by_the_clip() -> None:
    """DDPai and Novatek share a shape of names; what lies inside the clip decides."""
    stem = "20260513140102_0002"
    facts = read_name(f"{stem}.MP4")
    assert (facts.family, facts.sequence) == ("ddpai", None)
    novatek = told_apart(facts, stem, novatek=True)
    assert (novatek.family, novatek.sequence) == ("novatek", 2)
    assert told_apart(facts, stem, novatek=False) == facts
    for other in ("2026_0601_162734_113670F", "G_20190719161640_0060_L"):
        assert told_apart(read_name(f"{other}.MP4"), other, novatek=True) == read_name(f"{other}.MP4")


def test_only_near_folders_count() -> None:
    """A folder far above the clip says nothing about it; the nearest one that says anything counts."""
    assert read_name("Parking/a/b/c/d/holiday.mp4").mode == "normal"
    assert read_name("Parking/Event/holiday.mp4").mode == "event"


@given(st.text(max_size=300))
def test_any_name_is_answered(name: str) -> None:
    """Whatever a file is called, the answer is facts and never an exception."""
    facts = read_name(name)
    assert facts.recorded_local is None or facts.recorded_local.year >= 2010


@pytest.mark.slow
@given(st.data())
def test_any_name_that_fits_a_pattern_is_answered(data: st.DataObject) -> None:
    """Names made from the patterns themselves (impossible dates included) are answered too."""
    pattern = data.draw(st.sampled_from(PATTERNS))
    name = data.draw(st.from_regex(pattern.regex, fullmatch=True))
    facts = read_name(f"{name}.mp4")
    assert facts.family is not None


@given(st.datetimes(min_value=datetime(2010, 1, 1), max_value=datetime(2098, 12, 31)))  # noqa: DTZ001
def test_viofo_times_come_back(when: datetime) -> None:
    """Every real date of a Viofo name comes back as it is."""
    when = when.replace(microsecond=0)
    assert read_name(f"{when:%Y_%m%d_%H%M%S}_000001F.MP4").recorded_local == when
