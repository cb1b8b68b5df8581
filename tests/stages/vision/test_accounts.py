"""What is told of each track, of verdicts and of what was dropped, and that it stays bounded."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.vision.accounts import accounts
from stages.vision.consensus import decide
from stages.vision.junk import Dropped, Junk
from stages.vision.looks import TOO_SMALL, Glimpse, Look
from stages.vision.tracking import Track
from stages.vision.verdicts import judged
from tests.stages.vision.made import look, read


def test_a_track_tells_every_look_and_its_verdict() -> None:
    """Outcomes are counted, reads and glimpses kept, and the vote is there with its reasons."""
    small = Look(
        3, 0.75, (0.0, 0.0, 9.0, 3.0), "plate", TOO_SMALL, glimpse=Glimpse((0.0, 0.0, 9.0, 3.0), 7.04)
    )
    track = Track(1, (look("AB12CDE", 0, 100), look("AB12CDE", 1, 102), look(None, 2, 104), small))
    told, untold = judged([track])
    (account,), left_out = accounts([track], [*told, *untold])
    assert left_out is None
    assert account["outcomes"] == {"read": 2, "no plate seen": 1, "too small": 1}
    assert [each["outcome"] for each in account["looks"]] == ["read", "read", "no plate seen", "too small"]
    assert account["looks"][3]["glimpse"] == {"box": [0.0, 0.0, 9.0, 3.0], "height": 7.0}
    assert len(account["looks"][0]["read"]["characters"]) == 7
    verdict = account["verdict"]
    assert (verdict["plate"], verdict["confirmed"], verdict["told"]) == ("AB12CDE", True, True)
    assert (verdict["doubt"], verdict["untold"], verdict["tracks"]) == ("", "", [1])
    assert b"AB12CDE" in msgspec.json.encode(account)


def test_reasons_of_a_vote() -> None:
    """A text that is not confirmed, or not told, says why."""
    one = decide([read("AB12CDE", 0)])
    assert one
    assert (one.confirmed, one.doubt) == (False, "only one look says so")
    word = decide([read("SCHOOL", 0), read("SCHOOL", 1)])
    assert word
    assert not word.confirmed
    assert "no plate model found it" in word.doubt
    faint = decide([read("AB12CDE", n, certain=0.1, height=10) for n in range(2)])
    assert faint
    assert "too unsure" in faint.doubt
    told, untold = judged([Track(1, (look("HVNKTY", 0, 1), look("HVNKTY", 1, 2)))])
    assert told == []
    assert untold[0].untold == "it has no digit"


TEXTS = st.none() | st.sampled_from(["AB12CDE", "AB12CDF", "SCHOOL", "1"])


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.lists(st.lists(TEXTS, min_size=1, max_size=30), max_size=12),
    st.integers(1, 60),
    st.integers(1, 12),
)
def test_a_report_is_bounded(texts: list[list[str | None]], most: int, most_tracks: int) -> None:
    """However much was seen, so much is kept at most; what is left out is counted, and the ends stay."""
    tracks = [
        Track(number, tuple(look(text, frame, 10.0 * frame) for frame, text in enumerate(each)))
        for number, each in enumerate(texts, start=1)
    ]
    told, untold = judged(tracks)
    kept, left_out = accounts(tracks, [*told, *untold], most=most, most_tracks=most_tracks)
    gone = left_out or {"looks": 0, "tracks": 0, "outcomes": {}}
    assert len(kept) + gone["tracks"] == len(tracks)
    assert len(kept) <= most_tracks
    looks = sum(len(each["looks"]) for each in kept)
    assert looks <= most + 4 * len(kept)
    whole = sum(len(track.looks) for track in tracks)
    assert looks + gone["looks"] + sum(gone["outcomes"].values()) == whole
    by_number = {track.number: track for track in tracks}
    for each in kept:
        track = by_number[each["track"]]
        assert each["outcomes"] == Counter(one.reason for one in track.looks)
        assert [each["looks"][0]["frame"], each["looks"][-1]["frame"]] == [0, len(track.looks) - 1]
        assert each.get("looks_left_out", 0) == len(track.looks) - len(each["looks"])


def test_dropped_texts_are_counted_and_some_kept() -> None:
    """Every text counts; each is kept once with its times, and fifty of a reason at most."""
    dropped = Dropped()
    box = (0.0, 0.0, 1.0, 1.0)
    for frame in range(100):
        junk = [
            Junk("no digit", "SCHOOL", frame, frame / 4, box),
            Junk("stamp", f"12:{frame}", frame, 0.0, box),
        ]
        dropped.add(Counter(each.reason for each in junk), junk)
    assert dropped.counts == {"no digit": 100, "stamp": 100}
    school, *stamps = dropped.texts()
    assert (school.text, school.times, school.first_seconds, school.last_seconds) == (
        "SCHOOL",
        100,
        0.0,
        24.75,
    )
    assert len(stamps) == 50
