"""Which looks are of the same object."""

from __future__ import annotations

from itertools import permutations

from stages.vision.tracking import follow
from tests.stages.vision.made import look


def texts(track: object) -> set[str]:
    """The plates read on a track."""
    return {one.read.plate for one in track.looks if one.read}  # type: ignore[attr-defined]


def test_one_car_is_one_track() -> None:
    """A plate that moves steadily is followed, also through misread looks."""
    looks = [look(value, i, 100.0 + 40 * i) for i, value in enumerate(["KHN991", "KHN99I", None, "KHN991"])]
    (track,) = follow(looks, gap_seconds=1.5)
    assert len(track.looks) == 4


def test_survives_missed_frames_within_the_gap() -> None:
    """An object that is missed for a second is found again; after the gap it is another track."""
    looks = [look("KHN991", 0, 100), look("KHN991", 4, 150), look("KHN991", 20, 200)]
    assert [len(track.looks) for track in follow(looks, gap_seconds=1.5)] == [2, 1]


def test_cars_that_pass_each_other_keep_their_plates() -> None:
    """Two plates that cross are not swapped, in whatever order the looks of a frame come."""
    for order in permutations(range(2)):
        looks = []
        for i in range(9):
            pair = [look("KHN991", i, 100.0 + 60 * i), look("1741GWY", i, 580.0 - 60 * i, 104)]
            looks += [pair[o] for o in order]
        tracks = follow(looks, gap_seconds=1.5)
        assert [texts(track) for track in tracks] == [{"KHN991"}, {"1741GWY"}]


def test_next_car_in_the_same_place_is_another_track() -> None:
    """A different plate where one has just been seen does not continue its track."""
    looks = [look("KHN991", 0, 100), look("KHN991", 1, 102), look("1741GWY", 2, 101)]
    assert len(follow(looks, gap_seconds=1.5)) == 2


def test_plate_without_its_vehicle_stays_with_it() -> None:
    """A plate seen in a frame where the vehicle was missed belongs to the vehicle's track."""
    car = look("KHN991", 0, 80, 0, width=400, label="car")
    alone = look("KHN991", 1, 200, 60)
    again = look("KHN991", 2, 85, 0, width=400, label="car")
    (track,) = follow([car, alone, again], gap_seconds=1.5)
    assert len(track.looks) == 3


def test_far_jump_without_text_is_another_object() -> None:
    """Nothing but its text can carry a plate across the picture."""
    assert len(follow([look(None, 0, 0), look(None, 1, 1500)], gap_seconds=1.5)) == 2
    assert len(follow([look("KHN991", 0, 0), look("KHN991", 1, 1500)], gap_seconds=1.5)) == 1
