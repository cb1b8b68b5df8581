"""Several reads of one plate in one picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stages.vision.plates import PlateText
from stages.vision.together import together, unsealed
from tests.stages.vision.made import text

READS = st.lists(
    st.builds(text, st.text("ABC0123", max_size=9), st.floats(0.01, 1.0)),
    max_size=6,
)


def test_two_sure_reads_outvote_a_doubtful_one() -> None:
    """Each place is what the reads are surest of, and the loser stays as its runner-up."""
    told = together([text("AB1234"), text("AB1284", 0.5), text("AB1234", 0.9)])
    assert told.text == "AB1234"
    assert dict(told.others[4])["8"] > 0


def test_runners_up_count() -> None:
    """A character that one reader put second may win when the others saw it."""
    doubtful = PlateText("B1", (0.5, 0.9), ((("8", 0.45),), ()), "B1")
    assert together([doubtful, PlateText("81", (0.6, 0.9), ((), ()), "81")]).text == "81"


def test_heaviest_length_wins() -> None:
    """Reads that lost a character or saw one too many do not shift the others' places."""
    assert together([text("AB123", 0.4), text("AB1234"), text("AB1234X", 0.3)]).text == "AB1234"


def test_the_shape_of_a_plate_outweighs_a_few_crops_more() -> None:
    """Where most crops cut a plate and enough of them show all of it, what has a plate's shape is told."""
    cut = [text("J6581"), text("J6581"), text("J6581", 0.9)]
    assert together([*cut, text("NZJ6581", 0.9), text("NZJ6581", 0.8)]).text == "NZJ6581"
    assert together([*cut, text("NZJ6581", 0.9)]).text == "J6581"


def test_the_heaviest_of_two_shapes_wins() -> None:
    """What has a plate's shape itself does not yield to another one."""
    assert together([text("KHN991"), text("KHN991"), text("KHN9911", 0.9), text("KHN9911")]).text == "KHN991"


def _doubtful(value: str, place: int, certain: float) -> PlateText:
    sure = text(value)
    return sure._replace(characters=(*sure.characters[:place], certain, *sure.characters[place + 1 :]))


def test_a_seal_between_groups_is_no_character() -> None:
    """What crops differ about is left out where only the rest has a plate's shape."""
    told = unsealed(_doubtful("SH4WR7X", 3, 0.5))
    assert told.text == "SH4R7X"
    assert len(told.characters) == len(told.others) == 6


def test_what_is_no_seal_stays() -> None:
    """A sure character, one at the end, one of a plate's shape, and one without which there is no shape stay."""
    for kept in (
        _doubtful("SH4WR7X", 3, 0.85),
        _doubtful("SH4R7XW", 6, 0.5),
        _doubtful("KHN9911", 3, 0.5),
        _doubtful("4W7X9", 2, 0.5),
        _doubtful("10DTM59", 3, 0.5),
    ):
        assert unsealed(kept) == kept


def test_nothing_from_nothing() -> None:
    """No crop, no text."""
    assert together([]) == PlateText.nothing()


@given(READS)
def test_shape_holds(reads: list[PlateText]) -> None:
    """One confidence (0..1) and one set of runners-up for each character; as long as one of the reads."""
    told = together(reads)
    assert len(told.text) == len(told.characters) == len(told.others)
    assert all(0 <= c <= 1 for c in told.characters)
    assert not reads or len(told.text) in {len(read.text) for read in reads}


@given(st.text("ABC0123", min_size=1, max_size=9), st.integers(2, 5))
def test_agreeing_reads_stay_as_they_are(value: str, times: int) -> None:
    """Crops that say the same say it together."""
    assert together([text(value)] * times).text == value
