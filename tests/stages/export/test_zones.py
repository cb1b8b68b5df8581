"""Where plates are between the looks, and which of them may be seen."""

from hypothesis import given
from hypothesis import strategies as st

from stages.export.zones import HOLD, Spot, Trail, Zones, scaled, trails

BOX = (100.0, 100.0, 200.0, 130.0)


def moved(x):
    """The box so many pixels to the right."""
    return BOX[0] + x, BOX[1], BOX[2] + x, BOX[3]


def covers(boxes, box):
    """Whether one of the boxes lies around it."""
    return any(b[0] <= box[0] and b[1] <= box[1] and b[2] >= box[2] and b[3] >= box[3] for b in boxes)


def test_a_plate_is_covered_between_its_looks():
    """Half way between two looks it is half way between their places."""
    zones = Zones([Trail((Spot(1.0, BOX), Spot(1.4, moved(80))))])
    assert covers(zones.at(1.2), moved(40))
    assert not covers(zones.at(1.2), moved(-60))


def test_a_plate_is_covered_before_and_after():
    """It stood still or went on as it did: both places are covered for a while, and then none."""
    zones = Zones([Trail((Spot(1.0, BOX), Spot(1.2, moved(20))))])
    assert covers(zones.at(1.5), moved(20))
    assert covers(zones.at(1.5), moved(50))
    assert covers(zones.at(0.7), moved(-30))
    assert zones.at(1.2 + HOLD + 0.01) == []
    assert zones.at(1.0 - HOLD - 0.01) == []


def test_what_is_covered_is_larger_than_the_plate():
    """A margin lies on every side, and grows with the distance to the nearest look."""
    (near,) = Zones([Trail((Spot(1.0, BOX),))]).at(1.0)
    (far,) = Zones([Trail((Spot(1.0, BOX),))]).at(1.5)
    assert near[0] < BOX[0] - 20
    assert near[3] > BOX[3] + 10
    assert far[0] < near[0]


def looks(*plates, weight=0.9):
    """A look each tenth of a second."""
    return [Spot(n / 10, BOX, plate, weight) for n, plate in enumerate(plates)]


def test_nothing_is_spared_unless_named():
    """Without a name every look is covered."""
    (trail,) = trails(looks("ABC123", "ABC123"))
    assert not trail.spared


def test_a_named_plate_is_spared():
    """Look-alikes count as the same; the plate stays to be seen."""
    (trail,) = trails(looks("ABC123", None, "A8CI23", "ABC123"), ["abc 123"])
    assert trail.spared
    zones = Zones([trail])
    assert zones.at(0.1) == []
    assert zones.spared(0.1)


def test_in_doubt_a_plate_is_covered():
    """Reads that mostly say something else, or a far look, are not spared."""
    assert not any(t.spared for t in trails(looks("ABC123", "XYZ789", "XYZ789"), ["ABC123"]))
    assert not any(t.spared for t in trails(looks("ABC123", weight=0.1), ["ABC123"]))
    late = [*looks("ABC123", "ABC123"), Spot(3.0, moved(300)), Spot(3.1, moved(300))]
    parts = trails(late, ["ABC123"])
    assert [t.spared for t in parts] == [True, False]
    zones = Zones(parts)
    assert covers(zones.at(3.05), moved(300))


def test_another_plate_in_the_same_track_is_covered():
    """Where a track jumps to another car, that one is covered though the track is spared."""
    mixed = [*looks("ABC123", "ABC123", "ABC123", "ABC123"), Spot(0.4, moved(300), "XYZ789", 0.8)]
    zones = Zones(trails(mixed, ["ABC123"]))
    assert covers(zones.at(0.4), moved(300))


def test_a_piece_of_a_spared_plate_is_spared_too():
    """A find on the plate itself does not cover it; one beside it is covered."""
    spared = trails(looks("ABC123", "ABC123"), ["ABC123"])
    piece = Trail((Spot(0.05, (110.0, 102.0, 150.0, 128.0)),))
    beside = Trail((Spot(0.05, moved(400)),))
    boxes = Zones([*spared, piece, beside]).at(0.05)
    assert len(boxes) == 1
    assert covers(boxes, moved(400))


def test_boxes_follow_the_picture_size():
    """In a copy of half the width the boxes are half as wide."""
    ((spot,),) = scaled([[Spot(0.0, BOX)]], 0.5, 0.25)
    assert spot.box == (50, 25, 100, 32.5)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 4000)), min_size=1, max_size=20, unique_by=lambda s: s[0]
    )
)
def test_every_look_is_covered(found):
    """Whatever the looks: at the moment of each its own box is covered."""
    spots = tuple(Spot(seconds, moved(x)) for seconds, x in sorted(found))
    zones = Zones([Trail(spots)])
    for spot in spots:
        assert covers(zones.at(spot.seconds), spot.box)
