"""Byte ranges: what a request asks for, and what it gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.ranges import Span, Stamp, select

STAMP = Stamp(1000, 1_780_000_000_123_456_789, 7)


def asked(text, size=1000, **headers):
    """The answer to a Range header."""
    heads = {name.replace("_", "-"): value for name, value in headers.items()}
    return select(Stamp(size, STAMP.modified_ns, 7), heads | {"range": text})


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-", (0, 999)),
        ("bytes=5-9", (5, 9)),
        ("bytes=990-5000", (990, 999)),
        ("bytes=-1", (999, 999)),
        ("bytes=-5000", (0, 999)),
        ("Bytes= 5-9 ", (5, 9)),
        ("bytes=999-", (999, 999)),
    ],
)
def test_one_range_is_a_part(text, span):
    """206 with the bytes asked for, as far as there are any, and where they lie."""
    part = asked(text)
    assert (part.status, part.span) == (206, Span(*span))
    assert part.headers["Content-Range"] == f"bytes {span[0]}-{span[1]}/1000"
    assert part.headers["Content-Length"] == str(span[1] - span[0] + 1)


@pytest.mark.parametrize(
    "text", ["bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=99999999999999999999-"]
)
def test_nothing_there_is_416(text):
    """A range beyond the end gets nothing but the size."""
    part = asked(text)
    assert (part.status, part.span, part.headers["Content-Range"]) == (416, None, "bytes */1000")


def test_an_empty_file_has_no_part():
    """Whole it is nothing, a part of it there is not."""
    assert asked("bytes=0-", size=0).status == asked("bytes=-5", size=0).status == 416
    assert select(Stamp(0, 1), {}).headers["Content-Length"] == "0"


@pytest.mark.parametrize(
    "text",
    [
        "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-5", "bytes=0-1,5-6", "bytes=--5", "bytes=+1-2",
        "octets=0-1", "bytes=0-1;", "bytes=١-٢", "bytes=0-" + "9" * 5000, "bytes=" + "0-0," * 1000, "0-5",
    ],
)  # fmt: skip
def test_what_is_no_single_range_is_ignored(text):
    """Then the whole file is the answer, as the standard allows."""
    part = asked(text)
    assert (part.status, part.span) == (200, Span(0, 999))
    assert "Content-Range" not in part.headers


@given(st.text(max_size=150), st.integers(0, 1 << 40))
def test_no_header_breaks_it(text, size):
    """Whatever is sent: the bytes lie in the file, and the length is theirs."""
    for header in (text, f"bytes={text}"):
        part = asked(header, size=size)
        assert part.status in (200, 206, 416)
        if part.span is not None:
            assert 0 <= part.span.first <= part.span.last + 1 <= size
            assert part.headers["Content-Length"] == str(part.span.length)


@given(st.integers(1, 5000), st.integers(0, 6000), st.one_of(st.none(), st.integers(0, 6000)))
def test_a_part_is_what_python_would_cut(size, first, last):
    """The span is that of a slice."""
    body = bytes(number % 251 for number in range(size))
    part = asked(f"bytes={first}-{'' if last is None else last}", size=size)
    wanted = body[first : None if last is None else last + 1]
    if last is not None and last < first:
        assert part.status == 200
    elif not wanted:
        assert part.status == 416
    else:
        assert body[part.span.first : part.span.last + 1] == wanted


def test_if_range_guards_a_part():
    """A part only of the state that the caller knows; else the whole."""
    assert asked("bytes=0-9", if_range=STAMP.tag).status == 206
    assert asked("bytes=0-9", if_range='"other"').status == 200
    assert asked("bytes=0-9", if_range=f"W/{STAMP.tag}").status == 200
    assert asked("bytes=0-9", if_range=STAMP.modified).status == 206
    assert asked("bytes=0-9", if_range="Mon, 01 Jan 2001 00:00:00 GMT").status == 200
    assert asked("bytes=0-9", if_range="yesterday").status == 200


def test_an_unchanged_file_is_not_sent_again():
    """304 for the tag or the date that the caller has; the tag goes before the date."""
    assert select(STAMP, {"if-none-match": STAMP.tag}).status == 304
    assert select(STAMP, {"if-none-match": f'"a", W/{STAMP.tag}'}).status == 304
    assert select(STAMP, {"if-none-match": "*"}).status == 304
    assert select(STAMP, {"if-modified-since": STAMP.modified}).status == 304
    assert select(STAMP, {"if-none-match": '"a"', "if-modified-since": STAMP.modified}).status == 200
    assert select(STAMP, {"if-modified-since": "nonsense"}).status == 200


def test_head_asks_for_no_part():
    """A range means something to GET only."""
    assert select(STAMP, {"range": "bytes=0-9"}, head=True).status == 200


def test_another_state_has_another_tag():
    """Size, time and file each make another one."""
    tags = {Stamp(1, 2, 3).tag, Stamp(2, 2, 3).tag, Stamp(1, 3, 3).tag, Stamp(1, 2, 4).tag}
    assert len(tags) == 4
