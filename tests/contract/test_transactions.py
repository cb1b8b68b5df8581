"""All or nothing, one after the other, and kept when the answer comes."""

import asyncio
import threading

from server.catalogue import Learned
from server.store import Store
from stages.errors import Conflict
from stages.task import Phase
from tests.contract.kit import candidates, do, listed, new, put, read, refused, spoiled, want


def test_the_answer_is_the_operations(store: Store):
    """What the operation returns is what the caller gets, as a thread and as a coroutine."""
    assert do(store, lambda tx: ("x", 1)) == ("x", 1)
    assert read(store.atransact(lambda tx: ("y", 2))) == ("y", 2)


def test_the_error_is_the_operations(store: Store):
    """What the operation raises is what the caller gets, message and all."""

    def fail(tx):
        raise Conflict("not so")

    error = refused(store, fail)
    assert isinstance(error, Conflict)
    assert str(error) == "not so"

    async def wait():
        try:
            await store.atransact(fail)
        except Conflict as caught:
            return str(caught)

    assert asyncio.run(wait()) == "not so"


def test_a_transaction_sees_its_own_work(store: Store):
    """What was made and changed is found within the same transaction."""

    def work(tx):
        row = tx.update(put(tx, video_id="v"), phase=Phase.NO_INPUT)
        tx.put_device("d", "t", "s", '{"places":["nas"]}', 1)
        tx.remember("k", "{}", [row.task_id], 1, 0)
        return row, tx.get(row.task_id), tx.waiting_for("v"), tx.places(), tx.recall("k")

    row, got, waiting, places, key = do(store, work)
    assert (got, waiting, places, key) == (row, [row], {"nas"}, ("{}", [row.task_id]))


def test_a_new_task_goes_with_its_transaction(store: Store):
    """A task that was made before the failure was never made; the next one is whole."""
    spoiled(store, put)
    assert listed(store) == []
    row = new(store)
    assert listed(store) == [row.task_id]
    assert row.root_id == row.task_id


def test_a_change_goes_with_its_transaction(store: Store):
    """A task is as it was before the transaction that failed."""
    row = new(store)
    spoiled(store, lambda tx: tx.update(row, phase=Phase.LEASED, lease=1, device="a"))
    assert read(store.get(row.task_id)) == row
    assert candidates(store) == [row.task_id]


def test_devices_keys_and_files_go_with_their_transaction(store: Store):
    """Nothing of a failed transaction stays, whatever it touched."""
    do(store, lambda tx: tx.put_device("old", "t", "idle", "{}", 1))
    do(store, lambda tx: tx.remember("early", "{}", [1], 1, 0))

    def work(tx):
        tx.put_device("new", "t", "s", "{}", 2)
        tx.put_device("old", "t", "busy", '{"places":["nas"]}', 2)
        tx.delete_device("old")
        tx.remember("late", "{}", [2], 10, 10)
        ref = {"device": "nas", "path": "a.mp4"}
        tx.catalogue.learn("v", "INGEST_VIDEO", Learned(outputs=[ref]), 1)

    spoiled(store, work)
    devices = read(store.devices(10, 0))
    assert [(each.hostname, each.status, each.last_heartbeat) for each in devices] == [("old", "idle", 1)]
    assert do(store, lambda tx: (tx.recall("early"), tx.recall("late"))) == (("{}", [1]), None)
    assert do(store, lambda tx: (tx.places(), tx.catalogue.files("v"))) == (set(), [])


def test_a_failure_fails_alone(store: Store):
    """Of many transactions that wait together only the one that fails is undone."""
    gate = threading.Event()

    def work(number):
        def run(tx):
            gate.wait(10)
            row = put(tx, priority=number)
            if number == 3:
                raise Conflict("three")
            return row

        return run

    threads = threading.Thread(target=lambda: (gate.wait(0.05), gate.set()))
    threads.start()
    futures = [store.transact(work(number)) for number in range(6)]
    threads.join()
    kept = [future.result(30) for number, future in enumerate(futures) if number != 3]
    assert isinstance(futures[3].exception(30), Conflict)
    assert [row.priority for row in kept] == [0, 1, 2, 4, 5]
    assert listed(store) == sorted(row.task_id for row in kept)


def test_what_is_answered_can_be_read(store: Store):
    """Every reading verb sees a transaction as soon as it was answered."""
    for number in range(20):
        row = new(store, video_id=f"v{number}")
        assert read(store.get(row.task_id)) == row
        assert listed(store, video_id=f"v{number}") == [row.task_id]
        assert read(store.peek(want()))[-1] == row


def test_transactions_come_one_after_the_other(store: Store):
    """Those of one caller run in the order in which they were asked for."""
    futures = [store.transact(lambda tx, n=number: put(tx, priority=n)) for number in range(50)]
    rows = [future.result(30) for future in futures]
    assert [row.task_id for row in rows] == sorted(row.task_id for row in rows)
    assert [row.priority for row in rows] == list(range(50))


def test_nothing_is_lost_between_read_and_write(store: Store):
    """Many callers at once add to one number: none of their steps is lost."""
    row = new(store)

    def step(tx):
        now = tx.get(row.task_id)
        return tx.update(now, failures=now.failures + 1)

    async def all_at_once():
        await asyncio.gather(*[store.atransact(step) for _ in range(100)])

    asyncio.run(all_at_once())
    assert read(store.get(row.task_id)).failures == 100


def test_no_task_goes_to_two(store: Store):
    """Many callers claim at once: every task is given once, and all are given."""
    do(store, lambda tx: [put(tx) for _ in range(60)])

    def claim(tx):
        return [
            tx.update(row, phase=Phase.LEASED, lease=row.lease + 1) for row in tx.candidates(want(limit=2))
        ]

    async def all_at_once():
        return await asyncio.gather(*[store.atransact(claim) for _ in range(40)])

    given = [row.task_id for rows in asyncio.run(all_at_once()) for row in rows]
    assert sorted(given) == listed(store)
    assert {row.lease for row in do(store, lambda tx: tx.leased())} == {1}
