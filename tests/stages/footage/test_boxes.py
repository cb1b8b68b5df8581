"""The bounded walk over boxes."""

import io
import struct

from hypothesis import given
from hypothesis import strategies as st

from stages.footage.boxes import boxes, child, inside, payload
from tests.stages.clips import box


def _kinds(data: bytes, most: int = 4096) -> list[bytes]:
    return [found.kind for found in boxes(io.BytesIO(data), 0, len(data), most=most)]


def test_boxes_in_order() -> None:
    """Small, 64-bit and open-ended boxes are found with their payloads."""
    wide = struct.pack(">I4sQ", 1, b"mdat", 20) + b"data"
    data = box(b"ftyp", b"isom") + wide + struct.pack(">I4s", 0, b"free") + b"to the end"
    file = io.BytesIO(data)
    found = list(boxes(file, 0, len(data)))
    assert [(b.kind, payload(file, b, 100)) for b in found] == [
        (b"ftyp", b"isom"),
        (b"mdat", b"data"),
        (b"free", b"to the end"),
    ]
    assert found[-1].end == len(data)


def test_walk_stops_at_padding_and_junk() -> None:
    """Zeros, a size that cannot be and a name of control characters end the walk."""
    for junk in (bytes(64), struct.pack(">I4s", 7, b"free"), struct.pack(">I4s", 64, b"\1\2\3\4"), b"abc"):
        assert _kinds(box(b"ftyp") + junk + box(b"free")) == [b"ftyp"]


def test_number_of_boxes_is_bounded() -> None:
    """A file of nothing but empty boxes costs no more than was allowed."""
    assert len(_kinds(box(b"free") * 100, most=10)) == 10


def test_children_lie_in_their_parent() -> None:
    """A child that claims more than its parent has is left out; names lead down the tree."""
    good = box(b"mdia", box(b"mdhd", b"1234"))
    data = box(b"trak", good, struct.pack(">I4s", 4000, b"udta"))
    file = io.BytesIO(data)
    (trak,) = boxes(file, 0, len(data))
    assert [found.kind for found in inside(file, trak)] == [b"mdia"]
    found = child(file, trak, b"mdia", b"mdhd")
    assert found is not None
    assert payload(file, found, 2) == b"12"
    assert child(file, trak, b"mdia", b"hdlr", b"none") is None


@given(st.binary(max_size=120), st.integers(0, 1 << 70))
def test_any_bytes(data: bytes, end: int) -> None:
    """Any bytes and any claimed end give boxes in rising order, and no error."""
    file = io.BytesIO(data)
    found = list(boxes(file, 0, end))
    assert [b.start for b in found] == sorted({b.start for b in found})
    for each in found:
        assert len(payload(file, each, 16)) <= 16
        assert len(list(inside(file, each))) <= len(data)
