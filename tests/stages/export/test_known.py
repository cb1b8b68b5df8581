"""What the heavy stage saw, as looks at plates."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.export.known import read_known


def look(seconds, box, plate=None, read_box=None):
    """One look as `detections.json` has it."""
    read = {
        "text": plate,
        "plate": plate,
        "characters": [0.9] * 6,
        "box": read_box,
        "score": 0.8,
        "height": 30,
    }
    return {"frame": 0, "seconds": seconds, "box": box, "outcome": "read"} | ({"read": read} if plate else {})


def report(tmp_path, *tracks):
    """A report with these tracks."""
    path = tmp_path / "detections.json"
    path.write_bytes(msgspec.json.encode({"plates": [], "tracks": list(tracks)}))
    return path


def test_a_vehicles_plate_stays_on_it(tmp_path):
    """On looks without a read the plate is where it was on the vehicle, as large as that is now."""
    car = {
        "label": "car",
        "looks": [
            look(2.0, [200, 200, 400, 300]),
            look(1.0, [100, 100, 200, 150], "ABC123", [140, 130, 160, 140]),
        ],
    }
    ((first, second),) = read_known(report(tmp_path, car))
    assert (first.seconds, first.box, first.plate) == (1.0, (140, 130, 160, 140), "ABC123")
    assert first.weight == pytest.approx(0.72)
    assert (second.box, second.plate) == ((280, 260, 320, 280), None)


def test_a_plate_that_was_seen_and_not_read_is_where_it_was_seen(tmp_path):
    """A look without a read that saw the plate tells its place; a look at the plate alone tells no vehicle's."""
    car = {
        "label": "car",
        "looks": [
            look(1.0, [100, 100, 200, 150], "ABC123", [140, 130, 160, 140]),
            look(1.1, [142, 130, 162, 140], "ABC123", [142, 130, 162, 140]),
            look(1.2, [106, 100, 206, 150]) | {"glimpse": {"box": [147, 131, 167, 141]}},
            look(1.3, [110, 100, 210, 150]),
        ],
    }
    (spots,) = read_known(report(tmp_path, car))
    assert [spot.box for spot in spots] == [
        (140, 130, 160, 140), (142, 130, 162, 140), (147, 131, 167, 141), (150, 130, 170, 140),
    ]  # fmt: skip


def test_plates_without_a_read_count(tmp_path):
    """A plate that nobody could read is a plate; a vehicle on which none was seen says nothing."""
    plate = {"label": "plate", "looks": [look(0.5, [1, 2, 3, 4])]}
    car = {"label": "car", "looks": [look(0.5, [0, 0, 50, 50])]}
    ((spot,),) = read_known(report(tmp_path, plate, car))
    assert spot.box == (1, 2, 3, 4)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"tracks": 5}', b'{"tracks": [{"looks": [{"seconds": 1}]}]}']
)
def test_what_is_no_report_is_refused(tmp_path, data):
    """Damaged reports are ValueErrors, nothing else."""
    path = tmp_path / "detections.json"
    path.write_bytes(data)
    with pytest.raises(ValueError):
        read_known(path)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(tmp_path_factory, data):
    """Any bytes are a report or a ValueError."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    try:
        read_known(path)
    except ValueError:
        return
