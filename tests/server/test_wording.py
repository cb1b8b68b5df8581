"""How pages write times, lengths and sizes."""

import pytest

from server import wording


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (wording.clock(None), ""),
        (wording.clock(0), "0:00"),
        (wording.clock(59.99), "0:59"),
        (wording.clock(3661), "1:01:01"),
        (wording.clock(-3), "0:00"),
        (wording.local("2024-01-05T10:30:05"), "Fri 5 Jan 2024, 10:30:05"),
        (wording.local(None), ""),
        (wording.local("no time"), "no time"),
        (wording.day("2024-01-05T10:30:05"), "Fri 5 Jan 2024"),
        (wording.hour("2024-01-05T10:30:05"), "10:30"),
        (wording.month("2024-02"), "February 2024"),
        (wording.camera(1_704_450_605), "2024-01-05T10:30:05"),
        (wording.camera(1e300), ""),
        (wording.camera(float("inf")), ""),
        (wording.span(43.4), "43 s"),
        (wording.span(720), "12 min"),
        (wording.span(4320), "1 h 12 min"),
        (wording.moment(1_704_450_605_000_000), "2024-01-05T10:30:05Z"),
        (wording.ago(1), "1 second"),
        (wording.ago(119), "119 seconds"),
        (wording.ago(120), "2 minutes"),
        (wording.ago(3 * 86400), "3 days"),
        (wording.ago(None), "an unknown time"),
        (wording.size(999), "999 B"),
        (wording.size(1500), "1.5 kB"),
        (wording.size(123_456_789), "123 MB"),
        (wording.number(1234567), "1,234,567"),
        (wording.percent(0.975), "98 %"),
        (wording.tallies([("failures", 1), ("crashes", 2), ("lost", 0)]), "1 failure, 2 crashes"),
        (wording.distance({"units": "metric"}, 12_345), "12.3 km"),
        (wording.distance({"units": "imperial"}, 12_345), "7.7 mi"),
        (wording.distance({}, 950), "950 m"),
        (wording.distance({}, None), ""),
    ],
)
def test_words(written, words):
    """As a person would write them."""
    assert written == words
