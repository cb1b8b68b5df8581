"""Steps of a pipeline in threads of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.ahead import ahead
from stages.errors import ClipDamaged


def counted(made: list[int], stop: int, pause: float = 0.0) -> Iterator[int]:
    """Numbers from 0; each is noted when it is made, and -1 when the iterator is closed."""
    try:
        for number in range(stop):
            time.sleep(pause)
            made.append(number)
            yield number
    finally:
        made.append(-1)


@settings(deadline=None)  # threads wait for their turn on a busy machine
@given(st.integers(0, 20), st.integers(1, 4), st.integers(1, 4))
def test_order_is_kept(count: int, first: int, second: int) -> None:
    """However deep the queues of two chained steps are, everything comes once and in order."""
    doubled = (2 * number for number in ahead(iter(range(count)), first, "one"))
    assert list(ahead(doubled, second, "two")) == [2 * number for number in range(count)]


def test_no_more_than_told_is_made_ahead() -> None:
    """A fast step waits for a slow one: never more than its depth and the one in hand."""
    made: list[int] = []
    used = 0
    for _ in ahead(counted(made, 30), 2, "fast"):
        time.sleep(0.002)
        used += 1
        assert len([number for number in made if number >= 0]) <= used + 3
    assert used == 30


def test_leaving_early_ends_all_steps() -> None:
    """Closing the last step ends the threads of both and closes what they read from."""
    made: list[int] = []
    inner = ahead(counted(made, 1000, 0.001), 2, "inner")
    outer = ahead((number for number in inner), 2, "outer")
    assert next(outer) == 0
    outer.close()
    inner.close()
    assert made[-1] == -1
    assert len(made) < 100
    assert not [t for t in threading.enumerate() if t.name.startswith(("inner", "outer"))]


@pytest.mark.parametrize("error", [ClipDamaged("broken"), ValueError("a mistake"), KeyError("x")])
def test_errors_come_where_the_item_would(error: Exception) -> None:
    """Whatever a step raises reaches the user of the last one, after the items before it."""

    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise error

    items = ahead(ahead(failing(), 1, "one"), 1, "two")
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(type(error)) as caught:
        next(items)
    assert caught.value is error
