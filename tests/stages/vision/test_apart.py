"""Texts that lie in one another."""

from __future__ import annotations

from stages.vision.apart import apart, whole
from stages.vision.looks import READ, Look, Read
from tests.stages.vision.made import read

ALL, PART = (400.0, 300.0, 760.0, 420.0), (560.0, 310.0, 750.0, 400.0)


def _look(seen: Read) -> Look:
    return Look(0, 0.0, seen.box, "plate", READ, seen)


def test_a_part_yields_to_the_whole() -> None:
    """A sharper half of a plate is not told in place of all of it."""
    both = [_look(read("5764", box=PART)), _look(read("OZU5764", box=ALL, certain=0.7))]
    assert apart(whole(both)) == both[1:]
    assert apart(both) == both[:1]


def test_what_is_no_part_stays() -> None:
    """A text elsewhere, one that the other does not hold, a shape of its own, and a model's plate stay."""
    about = _look(read("OZU5764", box=ALL))
    for other in (
        read("5764", box=(0.0, 0.0, 100.0, 50.0)),
        read("5784", box=PART),
        read("5764", box=PART, vouched=True),
        read("OZU5764", box=PART),
    ):
        assert whole([about, _look(other)]) == [about, _look(other)]
    long = _look(read("QQQQ5764QQ", box=ALL))
    assert len(whole([long, _look(read("5764", box=PART))])) == 2
