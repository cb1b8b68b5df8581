"""The one writer: brief operations on the event loop, the others in its thread, and nobody is forgotten."""

import asyncio
import contextlib
import random
import sqlite3
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sqlite import Database
from stages.errors import BadInput, Unavailable
from tests.house import wait_for


@pytest.fixture
def database(tmp_path):
    """An open database with one table."""
    opened = Database(tmp_path / "d.sqlite")
    opened.write(lambda c: c.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, y INTEGER) STRICT")).result()
    yield opened
    opened.close()


def put(number):
    """An operation that keeps a number."""
    return lambda c: c.execute("INSERT INTO t (x) VALUES (?)", (number,)).lastrowid


def kept(database):
    """What is on the disk."""
    return database.read_now(lambda c: [row[0] for row in c.execute("SELECT x FROM t ORDER BY x")])


def broken(connection):
    """An operation that fails after it changed something."""
    connection.execute("INSERT INTO t (x) VALUES (-1)")
    raise BadInput("no")


@given(
    brief=st.integers(0, 300), whole=st.integers(0, 300), failing=st.integers(0, 5), seed=st.integers(0, 999)
)
def test_everybody_is_answered_once_and_what_was_answered_is_kept(
    tmp_path_factory, brief, whole, failing, seed
):
    """However brief and other operations come together, from the loop and from threads, some of them failing."""
    database = Database(tmp_path_factory.mktemp("w") / "d.sqlite")
    database.write(lambda c: c.execute("CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT")).result()
    calls = [(put(number), number < brief, number) for number in range(brief + whole)]
    calls += [(broken, bool(number % 2), None) for number in range(failing)]
    random.Random(seed).shuffle(calls)
    threaded, ours = calls[::3], [each for at, each in enumerate(calls) if at % 3]
    futures = []

    def from_a_thread():
        futures.extend((database.write(operation), number) for operation, _, number in threaded)

    async def story():
        thread = threading.Thread(target=from_a_thread)
        thread.start()
        answers = await asyncio.gather(
            *[database.awrite(operation, brief=short) for operation, short, _ in ours], return_exceptions=True
        )
        await asyncio.to_thread(thread.join)
        return answers

    try:
        answers = asyncio.run(asyncio.wait_for(story(), 60))
        for answer, (_, _, number) in zip(answers, ours, strict=True):
            assert answer == number if number is not None else isinstance(answer, BadInput)
        for future, number in futures:
            if number is None:
                assert isinstance(future.exception(60), BadInput)
            else:
                assert future.result(60) == number
        assert kept(database) == list(range(brief + whole))
    finally:
        database.close()


def test_a_brief_operation_that_changes_nothing_needs_no_disk(database):
    """It is answered, and the file stays as it is."""
    before = database.path.with_name("d.sqlite-wal").read_bytes()
    found = asyncio.run(database.awrite(lambda c: c.execute("SELECT 1").fetchone()[0], brief=True))
    assert found == 1
    assert database.path.with_name("d.sqlite-wal").read_bytes() == before


def test_trouble_with_the_file_fails_the_group_and_the_next_one_goes_on(database):
    """Nothing of a group is kept when the file is in trouble, and everyone of it is told."""

    def trouble(connection):
        raise sqlite3.OperationalError("disk I/O error")

    async def story():
        both = [database.awrite(put(1), brief=True), database.awrite(trouble, brief=True)]
        told = await asyncio.gather(*both, return_exceptions=True)
        return told, await database.awrite(put(2), brief=True)

    told, last = asyncio.run(story())
    assert [str(each) for each in told] == [
        "the database could not be written: disk I/O error; nothing of this was kept"
    ] * 2
    assert last == 2
    assert kept(database) == [2]


def test_an_interrupted_group_is_taken_back_and_the_next_one_goes_on(database):
    """Ctrl-C in the middle of a brief operation leaves nothing half done, and nobody waiting."""

    def interrupted(connection):
        connection.execute("INSERT INTO t (x) VALUES (1)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(database.awrite(interrupted, brief=True))
    assert asyncio.run(database.awrite(put(2), brief=True)) == 2
    assert kept(database) == [2]


def test_a_loop_that_ended_with_work_undone_stands_in_nobodys_way(database):
    """Its operations are run by whoever comes next, here another loop."""
    first = asyncio.new_event_loop()
    asking = first.create_task(database.awrite(put(1), brief=True))
    first.run_until_complete(asyncio.sleep(0))  # it is queued, and the loop ends before it looks again
    asking.cancel()
    first.close()
    assert asyncio.run(asyncio.wait_for(database.awrite(put(2), brief=True), 30)) == 2
    assert kept(database) == [1, 2]


def test_closing_runs_what_still_waits(tmp_path):
    """Brief operations that had no turn on the loop are on the disk when `close` returns; later ones are refused."""
    database = Database(tmp_path / "d.sqlite")
    database.write(lambda c: c.execute("CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT")).result()

    async def story():
        asked = [asyncio.ensure_future(database.awrite(put(n), brief=bool(n % 2))) for n in range(400)]
        await asyncio.sleep(0)
        database.close()
        answers = await asyncio.gather(*asked)
        with pytest.raises(Unavailable, match="stopping"):
            await database.awrite(put(999), brief=True)
        return answers

    assert asyncio.run(story()) == list(range(400))
    connection = sqlite3.connect(tmp_path / "d.sqlite")
    assert connection.execute("SELECT count(*) FROM t").fetchone()[0] == 400
    connection.close()


def test_closing_in_the_middle_of_a_brief_group_that_changes_nothing_ends(tmp_path):
    """The thread that ends last is told when the loop is done with such a group, which it has no part in."""
    database = Database(tmp_path / "d.sqlite")
    closing = threading.Thread(target=database.close, daemon=True)

    def looks(connection):
        closing.start()
        time.sleep(0.2)  # by now `close` waits for the thread, and the thread for its next job
        return connection.execute("SELECT 1").fetchone()[0]

    assert asyncio.run(database.awrite(looks, brief=True)) == 1
    closing.join(10)
    assert not closing.is_alive()


@pytest.mark.slow
def test_a_long_reading_keeps_nobody_from_writing_after_a_pause(database):
    """The WAL is folded into the file in a pause; where a reader is in the way, nobody waits for that."""
    wal = database.path.with_name("d.sqlite-wal")
    with contextlib.closing(database.reader()) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        database.write(put(1)).result()
        time.sleep(2.2)  # longer than the pause after which it is tried
        began = time.perf_counter()
        database.write(put(2)).result()
        assert time.perf_counter() - began < 1.5
    wait_for(lambda: wal.stat().st_size == 0, seconds=20)
    assert kept(database) == [1, 2]


def test_what_looks_at_everything_sees_the_brief_ones_before_it(database):
    """Also when both waited for the same turn: counts and leases are read so, of callers who went away."""

    async def story():
        begun, go = threading.Event(), threading.Event()
        long = database.write(lambda _: (begun.set(), go.wait(30)))
        await asyncio.to_thread(begun.wait, 30)
        first = asyncio.ensure_future(database.awrite(put(1), brief=True))
        await asyncio.sleep(0)
        counting = asyncio.ensure_future(
            database.awrite(lambda c: c.execute("SELECT count(*) FROM t").fetchone()[0])
        )
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, counting, asyncio.wrap_future(long))
        return counting.result()

    assert asyncio.run(story()) == 1
