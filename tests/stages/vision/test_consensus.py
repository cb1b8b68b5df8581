"""One plate from many reads."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.vision.consensus import decide
from stages.vision.looks import Read
from tests.stages.vision.made import read


def reads_of(*values: str, vouched: bool = False) -> list[Read]:
    """One read per frame."""
    return [read(value, frame, vouched=vouched) for frame, value in enumerate(values)]


def test_majority_outvotes_single_errors() -> None:
    """Each read may be wrong somewhere: the plate is what most say place by place."""
    verdict = decide(reads_of("KHN991", "KHN981", "KHN991", "XHN991"))
    assert verdict is not None
    assert (verdict.plate, verdict.confirmed, verdict.agreeing) == ("KHN991", True, 2)
    assert {plate for plate, _ in verdict.candidates} == {"KHN981", "XHN991"}


def test_one_read_is_not_confirmed() -> None:
    """However sure, a single look confirms nothing."""
    verdict = decide([read("KHN991", certain=1.0)])
    assert verdict is not None
    assert not verdict.confirmed


def test_two_reads_of_one_frame_are_one_look() -> None:
    """Reads of the same frame do not agree with each other: two looks are needed."""
    verdict = decide([read("KHN991", 5), read("KHN991", 5)])
    assert verdict is not None
    assert not verdict.confirmed


def later(one: Read, seconds: float) -> Read:
    """The same read on a frame so many seconds later."""
    return one._replace(seconds=one.seconds + seconds, frame=one.frame * 1000 + round(seconds * 1000))


def test_frames_of_one_moment_are_one_look() -> None:
    """What two frames of the same blur say is not said twice; a moment later it is."""
    close = decide([read("KHN991", 4), later(read("KHN991", 4), 1 / 30)])
    apart = decide([read("KHN991", 4), later(read("KHN991", 4), 4 / 30)])
    assert close
    assert apart
    assert (close.confirmed, close.doubt) == (False, "its looks are all of one moment")
    assert apart.confirmed
    assert apart.confidence > close.confidence


def test_a_burst_does_not_outvote_the_rest() -> None:
    """Twelve frames of a fifth of a second that misread alike count as the two moments that they are."""
    burst = [later(read("KHN981", 0), n / 60) for n in range(12)]
    verdict = decide([*burst, *reads_of("KHN981", "KHN991", "KHN991", "KHN991", "KHN991")[1:]])
    assert verdict
    assert verdict.plate == "KHN991"


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["KHN991", "KHN981", "HN991", "DD44"]), st.floats(0.05, 1.0)), max_size=8
    ),
    st.booleans(),
)
def test_saying_it_twice_in_one_breath_changes_nothing(rows: list[tuple[str, float]], vouched: bool) -> None:
    """Each read once more, 1/60 s later: the same plate, as sure and as confirmed as before."""
    reads = [read(value, n, certain=sure, vouched=vouched) for n, (value, sure) in enumerate(rows)]
    once, twice = decide(reads), decide([*reads, *(later(one, 1 / 60) for one in reads)])
    assert (once is None) == (twice is None)
    if once and twice:
        assert (twice.plate, twice.confirmed, twice.candidates) == (
            once.plate,
            once.confirmed,
            once.candidates,
        )
        assert twice.confidence == pytest.approx(once.confidence, abs=2e-4)


def test_plates_at_the_edge_may_be_cut_off() -> None:
    """What is read at the picture's edge counts little, and alone it confirms nothing."""
    cut = [one._replace(cut=True) for one in reads_of("N991", "N991", vouched=True)]
    alone = decide(cut)
    assert alone
    assert not alone.confirmed
    assert "picture's edge" in alone.doubt
    whole = decide(
        [*cut, read("KHN991", 2, certain=0.5, vouched=True), read("KHN991", 3, certain=0.5, vouched=True)]
    )
    assert whole
    assert (whole.plate, whole.confirmed) == ("KHN991", True)


def test_other_plate_in_the_track_stays_a_candidate() -> None:
    """The heavier group wins, the other is kept to be searched for."""
    verdict = decide(reads_of("1741GWY", "1741GWY", "1741GWY", "KHN991", "KHN991"))
    assert verdict is not None
    assert verdict.plate == "1741GWY"
    assert verdict.candidates[0][0] == "KHN991"


@pytest.mark.parametrize("junk", ["0000", "C00D", "COOD", "EXIT", "AUDI", "EXIT12", "12345678", "I1I1I1"])
def test_junk_is_never_confirmed(junk: str) -> None:
    """Rings, signs and numbers are not confirmed by how often a text detector reads them."""
    verdict = decide(reads_of(*[junk] * 6))
    assert verdict is None or not verdict.confirmed


def test_plate_model_vouches_for_odd_plates() -> None:
    """A vanity plate that fits no format is confirmed when a plate model found it, never on other shapes."""
    verdict = decide(reads_of("BIMMIAN", "BIMMIAN", vouched=True))
    assert verdict is not None
    assert verdict.confirmed
    tall = [r._replace(box=(100, 100, 120, 300)) for r in reads_of("KHN991", "KHN991", vouched=True)]
    verdict = decide(tall)
    assert verdict is not None
    assert not verdict.confirmed


def test_best_read_is_of_the_plate() -> None:
    """The crop to show comes from an agreeing read, the largest and sharpest, never from a larger misread."""
    small, large = read("KHN991", 0, height=15), read("KHN991", 1, height=40)
    wrong = read("KHN981", 2, height=80, certain=0.4)
    verdict = decide([small, large, wrong])
    assert verdict is not None
    assert verdict.best == large


def test_large_sure_reads_count_more() -> None:
    """Two small doubtful reads do not outvote two large sure ones."""
    weak = [read("KHN981", i, certain=0.35, height=10) for i in (0, 1, 2)]
    strong = [read("KHN991", i, height=30) for i in (3, 4)]
    verdict = decide(weak + strong)
    assert verdict is not None
    assert verdict.plate == "KHN991"


def test_no_reads_no_verdict() -> None:
    """Nothing read, or only scraps: there is no plate."""
    assert decide([]) is None
    assert decide([read("A1")]) is None


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.text("ABCHKN0189", min_size=1, max_size=9),
            st.integers(0, 9),
            st.floats(0.0, 1.0),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_invariants(rows: list[tuple[str, int, float, bool]], shuffle: random.Random) -> None:
    """The order of reads does not matter; numbers stay in range; confirmed means two agreeing frames."""
    reads = [read(v, frame, certain=sure, vouched=vouched) for v, frame, sure, vouched in rows]
    verdict = decide(reads)
    mixed = reads[:]
    shuffle.shuffle(mixed)
    again = decide(mixed)
    if verdict is None:
        assert again is None
        return
    assert again is not None
    assert (again.plate, again.confirmed, again.agreeing) == (
        verdict.plate,
        verdict.confirmed,
        verdict.agreeing,
    )
    assert 0 <= verdict.confidence <= 1
    assert all(0 <= share <= 1 and plate != verdict.plate for plate, share in verdict.candidates)
    assert verdict.plate in {r.plate for r in reads}
    assert verdict.agreeing == len({r.frame for r in reads if r.plate == verdict.plate})
    assert not verdict.confirmed or verdict.agreeing >= 2
