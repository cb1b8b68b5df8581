"""Leases in memory: sessions, deadlines, and that nothing of the many that ended stays."""

import sys

import msgspec
import pytest

from server.leases import Leases
from server.store import Row


@pytest.fixture
def row():
    """A task under its first lease; the columns that leases do not look at are empty."""
    empty = dict.fromkeys(Row.__struct_fields__, "") | {
        "task_id": 1,
        "lease": 1,
        "device": "d",
        "session": "s",
    }
    return Row(**empty)


def test_leases_that_end_leave_nothing_behind(row):
    """A hundred thousand short leases leave the memory of a few; those that are held still expire in order."""
    now = [0.0]
    leases = Leases(lambda: now[0])
    for number in range(2):
        leases.hold(msgspec.structs.replace(row, task_id=number), 50 + number)
    for number in range(2, 100_000):
        leases.hold(msgspec.structs.replace(row, task_id=number), 200)
        leases.drop(number)
    assert sys.getsizeof(leases._heap) < 20_000
    now[0] = 100.0
    assert [lease.task_id for lease in leases.expired()] == [0, 1]
    assert leases.expired() == []


def test_sessions_know_what_they_hold(row):
    """A task that another session takes over leaves the first one's list; dropped ones leave it too."""
    leases = Leases(lambda: 0.0)
    leases.hold(row, 10)
    leases.hold(msgspec.structs.replace(row, task_id=2), 10)
    assert [lease.task_id for lease in leases.of_session("s")] == [1, 2]
    leases.hold(msgspec.structs.replace(row, lease=2, session="t"), 10)
    leases.drop(2)
    assert leases.of_session("s") == []
    assert [lease.number for lease in leases.of_session("t")] == [2]
    leases.drop(1, number=1)
    assert leases.of_session("t") != []
