"""What names and folders say."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.footage.names import PATTERNS, read_name

# path, family, channel, mode, locked, local time
NAMES = [
    ("DCIM/Movie/2026_0601_162734_113670F.MP4", "viofo", "front", "normal", False, "2026-06-01T16:27:34"),
    ("DCIM/Movie/RO/2026_0601_162734_113670F.MP4", "viofo", "front", "normal", True, "2026-06-01T16:27:34"),
    ("Movie/RO/2026_0601_162734_113671EI.MP4", "viofo", "interior", "event", True, "2026-06-01T16:27:34"),
    ("Movie/Parking/2026_0601_162734_1137PR.MP4", "viofo", "rear", "parking", False, "2026-06-01T16:27:34"),
    ("Movie/Parking/2026_0601_162734_1137R.MP4", "viofo", "rear", "parking", False, "2026-06-01T16:27:34"),
    ("Parking/RO/2026_0601_162734_1137R.MP4", "viofo", "rear", "parking", True, "2026-06-01T16:27:34"),
    ("2026_0601_162734_113670T.MP4", "viofo", "telephoto", "normal", False, "2026-06-01T16:27:34"),
    ("2022_0224_132829_PR.MP4", "viofo", "rear", "parking", False, "2022-02-24T13:28:29"),
    ("DCIM/Movie/20260513140102_000002.MP4", "novatek", None, "normal", False, "2026-05-13T14:01:02"),
    ("20210318153933_000188.TS", "novatek", None, "normal", False, "2021-03-18T15:39:33"),
    ("2016_1224_094105_116.MP4", "novatek", None, "normal", False, "2016-12-24T09:41:05"),
    ("DCIM/EMR/2016_1224_094105_116.MP4", "novatek", None, "event", True, "2016-12-24T09:41:05"),
    ("2017_0101_060101_001A.MOV", "novatek", "front", "normal", False, "2017-01-01T06:01:01"),
    ("BlackVue/Record/20260505_090047_NF.mp4", "blackvue", "front", "normal", False, "2026-05-05T09:00:47"),
    ("20181026_135003_PFS.mp4", "blackvue", "front", "parking", False, "2018-10-26T13:50:03"),
    ("20181026_135003_TR.mp4", "blackvue", "rear", "event", False, "2018-10-26T13:50:03"),
    ("cont_rec/REC_20250929_143201_F.MP4", "thinkware", "front", "normal", False, "2025-09-29T14:32:01"),
    ("EVT_2026_03_06_07_25_52_R.MP4", "thinkware", "rear", "event", False, "2026-03-06T07:25:52"),
    ("Normal/Front/NO20240509-134909-000016F.MP4", "70mai", "front", "normal", False, "2024-05-09T13:49:09"),
    ("Parking/Back/NO20240509-134909-000016.MP4", "70mai", "rear", "parking", False, "2024-05-09T13:49:09"),
    ("EV20240509-134909-000195R-20260101120642.mp4", "70mai", "rear", "event", False, "2024-05-09T13:49:09"),
    ("Protected/240915_143027_001_FH.MP4", "nextbase", "front", "normal", True, "2024-09-15T14:30:27"),
    ("20250607_180617_0001_T_C.mp4", "vantrue", "rear", "timelapse", False, "2025-06-07T18:06:17"),
    ("front_norm/2026_03_15_173951_02_F.MP4", "wolfbox", "front", "event", False, "2026-03-15T17:39:51"),
    ("G_20190719161640_0060_L.mp4", "ddpai", None, "event", False, "2019-07-19T16:16:40"),
    ("20190719161640_0060_A.mp4", "ddpai", "rear", "normal", False, "2019-07-19T16:16:40"),
    ("20260511134011_073648A.TS", "fitcamx", None, "normal", False, "2026-05-11T13:40:11"),
    ("PRO20250607-180617-527.mp4", "rec", None, "event", True, "2025-06-07T18:06:17"),
    ("FILE230422-154515F.MOV", "mivue", "front", "normal", False, "2023-04-22T15:45:15"),
    ("DCIM/100GOPRO/GX020048.MP4", "gopro", None, "normal", False, None),
    ("DCIM/102SAVED/GRMN0099.MP4", "garmin", None, "normal", True, None),
    ("DCIM/103PARKM/GRMN0099.MP4", "garmin", None, "parking", False, None),
    (
        "TeslaCam/SentryClips/x/2019-10-23_17-34-35-left_repeater.mp4",
        "tesla", "left_repeater", "sentry", True, "2019-10-23T17:34:35",
    ),
    ("20240115_123456.MP4", None, None, "normal", False, "2024-01-15T12:34:56"),
    ("holiday 2024-01-15 12.34.56.mp4", None, None, "normal", False, "2024-01-15T12:34:56"),
    ("VID_20240115_123456_cut.mp4", None, None, "normal", False, "2024-01-15T12:34:56"),
    ("holiday.mp4", None, None, "normal", False, None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "family", "channel", "mode", "locked", "local"), NAMES)
def test_names_of_many_makers(
    path: str, family: str | None, channel: str | None, mode: str, locked: bool, local: str | None
) -> None:
    """Maker, channel, mode, lock and time are read from the name and its folders."""
    facts = read_name(path)
    found = facts.recorded_local.isoformat() if facts.recorded_local else None
    assert (facts.family, facts.channel, facts.mode, facts.locked, found) == (
        family,
        channel,
        mode,
        locked,
        local,
    )


@pytest.mark.parametrize(
    "name",
    [
        "2026_0230_162734_113670F.MP4",  # 30 February
        "2026_0601_252734_113670F.MP4",  # hour 25
        "2000_0101_000000_000001F.MP4",  # a clock that died
        "19700101000000_000001.MP4",
        "20091231_235959.MP4",
    ],
)
def test_impossible_dates_are_no_dates(name: str) -> None:
    """A date that is not in the calendar, or before 2010, is not believed."""
    assert read_name(name).recorded_local is None


def test_sequence_is_read() -> None:
    """The camera's running number is kept."""
    assert read_name("2026_0601_162734_113670F.MP4").sequence == 113670


@given(st.text(max_size=300))
def test_any_name_is_answered(name: str) -> None:
    """Whatever a file is called, the answer is facts and never an exception."""
    facts = read_name(name)
    assert facts.recorded_local is None or facts.recorded_local.year >= 2010


@given(st.data())
def test_any_name_that_fits_a_pattern_is_answered(data: st.DataObject) -> None:
    """Names made from the patterns themselves (impossible dates included) are answered too."""
    pattern = data.draw(st.sampled_from(PATTERNS))
    name = data.draw(st.from_regex(pattern.regex, fullmatch=True))
    facts = read_name(f"{name}.mp4")
    assert facts.family is not None or facts.recorded_local is None


@given(st.datetimes(min_value=datetime(2010, 1, 1), max_value=datetime(2098, 12, 31)))  # noqa: DTZ001
def test_viofo_times_come_back(when: datetime) -> None:
    """Every real date of a Viofo name comes back as it is."""
    when = when.replace(microsecond=0)
    assert read_name(f"{when:%Y_%m%d_%H%M%S}_000001F.MP4").recorded_local == when
