"""A camera's clock over its clips: how far ahead of UTC, and where it was set anew."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.footage.runs import CameraClock, Sample, camera_runs, clock_at, is_zone, snapped

UTC = datetime(2024, 1, 15, 11, 0, 0)  # noqa: DTZ001
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PLACE = (40.4, -3.7)


def sample(minutes: float, ahead: float = 3600, **more: object) -> Sample:
    """A clip so many minutes after UTC; its name `ahead` seconds before the fixes' clock."""
    gps = UTC + minutes * MINUTE
    return Sample(gps + timedelta(seconds=ahead), gps, place=PLACE, **more)  # type: ignore[arg-type]


def test_the_median_is_snapped_to_a_quarter_hour() -> None:
    """Clocks that are off by seconds are one run of a zone's whole offset."""
    runs = camera_runs([sample(0, 3605), sample(1, 3590), sample(2, 3690), sample(3, 3600)])
    assert [(run.ahead, run.offset, len(run.samples)) for run in runs] == [(3600, 3600, 4)]


def test_summer_time_begins_in_the_middle() -> None:
    """A camera that changes to summer time has two runs, and each clip without GPS the offset of its own."""
    runs = camera_runs([sample(n, 3600 if n < 30 else 7200) for n in range(0, 60, 2)])
    assert [run.offset for run in runs] == [3600, 7200]
    assert clock_at(runs, UTC + 9 * MINUTE + HOUR) == CameraClock(3600, PLACE)
    assert clock_at(runs, UTC + 41 * MINUTE + 2 * HOUR) == CameraClock(7200, PLACE)


def test_summer_time_ends_and_an_hour_comes_twice() -> None:
    """In the hour that comes twice, the camera's counter tells which of the two it was."""
    before = [sample(n, 7200, sequence=100 + n) for n in range(0, 60, 3)]
    after = [sample(60 + n, 3600, sequence=160 + n) for n in range(0, 60, 3)]
    runs = camera_runs([*after, *before])
    twice = UTC + 2 * HOUR + 31 * MINUTE
    assert clock_at(runs, twice, 131) == CameraClock(7200, PLACE)
    assert clock_at(runs, twice, 191) == CameraClock(3600, PLACE)


def test_a_clock_that_was_reset() -> None:
    """Clips after a dead battery: years off, one run with the exact difference, no zone's."""
    years = -9 * 365 * 86_400 + 17 * 60
    runs = camera_runs([*(sample(n) for n in range(5)), *(sample(600 + n, years - n) for n in range(5))])
    assert [run.ahead for run in runs] == [3600, years - 2]
    assert not is_zone(runs[1].ahead)
    reset = runs[1].samples[0].local + MINUTE
    assert clock_at(runs, reset) == CameraClock(years - 2, PLACE)


def test_one_receiver_that_lied_is_no_reset() -> None:
    """A lone clip between two that agree is left out."""
    runs = camera_runs([sample(0), sample(1), sample(2, 3600 + 1140), sample(3), sample(4)])
    assert [(run.offset, len(run.samples)) for run in runs] == [(3600, 4)]


def test_local_time_written_as_utc() -> None:
    """Fixes that show the camera's own clock tell nothing, until one clip's clock jumps by the offset."""
    same = [sample(n, 0) for n in range(4)]
    assert camera_runs(same)[0].offset is None
    runs = camera_runs([*same, sample(5, 2, jump=10_800)])
    assert [(run.ahead, run.offset) for run in runs] == [(0, 10_800)]
    assert clock_at(runs, UTC + 2 * MINUTE, ahead=0) == CameraClock(10_800, PLACE)


def test_makers_that_write_local_time_tell_no_offset() -> None:
    """A layout known for local time is no evidence, even where its clock is off by an hour."""
    runs = camera_runs([sample(n, 3600, gps_is_local=True) for n in range(3)])
    assert [run.offset for run in runs] == [None]


def test_only_runs_like_the_clip_itself() -> None:
    """A clip whose GPS equals its name asks the clips of which that is true."""
    runs = camera_runs([*(sample(n) for n in range(5)), *(sample(60 + n, 0, jump=7200) for n in range(2))])
    assert clock_at(runs, UTC + HOUR + 3 * MINUTE) == CameraClock(3600, PLACE)
    assert clock_at(runs, UTC + HOUR + 3 * MINUTE, ahead=0) == CameraClock(7200, PLACE)


def test_between_two_settings_is_doubtful() -> None:
    """A clip between runs of different offsets gets the nearer one's, in doubt."""
    runs = camera_runs([*(sample(n) for n in range(3)), *(sample(6000 + n, 7200) for n in range(3))])
    assert clock_at(runs, UTC + HOUR + 100 * MINUTE) == CameraClock(3600, PLACE, doubt=True)
    assert clock_at(runs, UTC + 2 * HOUR + 6010 * MINUTE) == CameraClock(7200, PLACE)


def test_clips_of_another_month_say_nothing() -> None:
    """What was true a month ago may be summer time by now."""
    runs = camera_runs([sample(0)])
    assert clock_at(runs, UTC + timedelta(days=30)) is None
    assert clock_at([], UTC) is None


def test_a_week_counter_that_overflowed() -> None:
    """A receiver 1024 weeks behind is of the same run as one that is not."""
    late = sample(3)
    runs = camera_runs([sample(1), late._replace(gps=late.gps - timedelta(weeks=1024)), sample(2)])
    assert {run.offset for run in runs} == {3600}


@pytest.mark.parametrize(
    ("ahead", "found"),
    [
        (0, 0),
        (119, 0),
        (121, 121),
        (3600, 3600),
        (20_700, 20_700),
        (50_400, 50_400),
        (54_000, 54_000),
        (-43_300, -43_200),
    ],
)
def test_what_is_a_zone(ahead: int, found: int) -> None:
    """Whole quarter hours between 12 hours west and 14 hours east."""
    assert snapped(ahead) == found
    assert is_zone(snapped(ahead)) == (found not in (121, 54_000))


STORY = st.lists(
    st.tuples(
        st.integers(-48, 56).filter(bool).map(lambda quarters: quarters * 900),
        st.lists(st.integers(-55, 55), min_size=2, max_size=6),
    ),
    min_size=1,
    max_size=5,
)


@given(STORY, st.randoms())
def test_every_setting_of_the_clock_is_found(story: list[tuple[int, list[int]]], random) -> None:
    """Any settings of the clock, drifting by less than two minutes: each is a run, in any order of clips."""
    settings = [each for each, before in zip(story, [(0, []), *story], strict=False) if each[0] != before[0]]
    samples, minutes = [], 0.0
    for offset, drifts in settings:
        for drift in drifts:
            minutes += 1
            samples.append(sample(minutes, offset + drift))
    random.shuffle(samples)
    runs = camera_runs(samples)
    assert [(run.offset, len(run.samples)) for run in runs] == [(o or None, len(d)) for o, d in settings]


@given(
    st.lists(
        st.builds(
            sample, st.floats(0, 10_000), st.floats(-2e8, 2e8), jump=st.sampled_from((None, 900, -3600))
        )
    )
)
def test_any_samples_give_runs(samples: list[Sample]) -> None:
    """Nonsense gives no crash, and no sample is in two runs."""
    runs = camera_runs(samples)
    assert sum(len(run.samples) for run in runs) <= len(samples)
    for each in samples:
        found = clock_at(runs, each.local, 5)
        assert found is None or found.ahead is None or isinstance(found.ahead, int)
