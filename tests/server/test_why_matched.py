"""A hit says why it is one."""

import pytest

from server.catalogue import Found
from server.why_matched import why


def found(plate, candidates="[]", read=None):
    """A sighting."""
    return Found(
        sighting_id=1, video_id="v", plate=plate, confidence=0.9, confirmed=True, frame_number=0, timestamp=None,
        lat=None, lon=None, candidates=candidates, crop=None, first_seconds=None, last_seconds=None, reads=1,
        agreeing=1, archived=False, read_plate=read,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "match", "plate", "pieces", "reasons"),
    [
        ("bc1", "partial", "ABC123", "A[BC1]23", ["holds BC1"]),
        ("ABC123", "exact", "ABC123", "[ABC123]", []),
        ("A?C*", "partial", "ABC123", "[A]B[C]123", ["fits A?C*"]),
        ("*2?", "partial", "ABC123", "ABC1[2]3", ["fits *2?"]),
        ("A*2*", "partial", "ABC123", "[A]BC1[2]3", ["fits A*2*"]),
        ("ABC123", "similar", "A8C1Z3", "[A](8)[C1](Z)[3]", ["8 for B: look-alikes", "Z for 2: look-alikes"]),
        ("ABC123", "similar", "ABX123", "[AB]X[123]", ["X instead of C"]),
        ("ABC123", "similar", "ABC1234", "[ABC123]4", ["4 more"]),
        ("ABC123", "similar", "ABC23", "[ABC23]", ["1 missing"]),
        ("", "partial", "ABC123", "ABC123", []),
    ],
)
def test_characters_and_reasons(asked, match, plate, pieces, reasons):
    """What fits is marked; what does not is said."""
    found_ = why(asked, match, found(plate))
    marks = {"same": "[{}]", "alike": "({})", "other": "{}"}
    assert "".join(marks[piece.kind].format(piece.text) for piece in found_.pieces) == pieces
    assert found_.reasons == reasons


def test_a_runner_up_and_a_correction_are_said():
    """What was asked for may be another reading of it, or what was read may be another text."""
    seen = found("A8C123", '[{"plate": "ABC-123", "confidence": 0.31}]')
    assert why("ABC123", "similar", seen).reasons == [
        "8 for B: look-alikes",
        "ABC123 was its runner-up (31 %)",
    ]
    assert why("", "partial", found("ABC123", read="A8C123")).reasons == ["read as A8C123, corrected by hand"]
