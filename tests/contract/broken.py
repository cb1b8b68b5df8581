"""Stores with one rule broken each, and the tests of the contract that must catch them."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec

from server.sqlite_store import SqliteStore, SqliteTx
from server.store import Entry, Row, Want
from stages.task import Phase
from tests.contract.backends import Backend, memory, sqlite
from tests.contract.memory import MemoryStore, MemoryTx, Tables, all_needs


class UnfencedSqliteTx(SqliteTx):
    """Completes by number, as many queues do: whoever read the task, and whenever, changes it."""

    def update(self, row: Row, **columns: Any) -> Row:
        """Change a task, whatever became of it meanwhile."""
        return super().update(self.get(row.task_id) or row, **columns)


class UnfencedSqlite(SqliteStore):
    """The real backend with completions that nothing fences."""

    def transact(self, operation: Callable[[Any], Any]) -> Future[Any]:
        """Run an operation in one transaction."""
        return super().transact(lambda tx: operation(_unfenced(tx)))

    async def atransact(self, operation: Callable[[Any], Any], *, brief: bool = False) -> Any:
        """As `transact`, for coroutines."""
        return await super().atransact(lambda tx: operation(_unfenced(tx)), brief=brief)


def _unfenced(tx: Any) -> Any:
    tx.__class__ = UnfencedSqliteTx
    return tx


class Unfenced(MemoryStore):
    """The same in the model."""

    class Tx(MemoryTx):
        """Its transactions."""

        def update(self, row: Row, **columns: Any) -> Row:
            return super().update(self.get(row.task_id) or row, **columns)


class Unordered(MemoryStore):
    """First come, first served: claims ignore priority and root."""

    class Tx(MemoryTx):
        """Its transactions."""

        def candidates(self, want: Want) -> list[Row]:
            all_of_them = msgspec.structs.replace(want, limit=1 << 60)
            return sorted(super().candidates(all_of_them), key=lambda row: row.task_id)[: want.limit]


class Breadth(MemoryStore):
    """Begins everything before it finishes anything: claims ignore the root alone."""

    class Tx(MemoryTx):
        """Its transactions."""

        def candidates(self, want: Want) -> list[Row]:
            all_of_them = msgspec.structs.replace(want, limit=1 << 60)
            found = super().candidates(all_of_them)
            return sorted(found, key=lambda row: (row.priority, row.task_id))[: want.limit]


class KeepsHalves(MemoryStore):
    """A transaction that fails leaves what it had done so far."""

    def transact(self, operation: Callable[[Any], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(operation(self.Tx(self.tables)))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's to see
            future.set_exception(error)
        return future


class LosesNeighbours(MemoryStore):
    """A transaction that fails takes the one before it along."""

    before = Tables()

    def transact(self, operation: Callable[[Any], Any]) -> Future[Any]:
        before, was = self.before, self.tables
        future = super().transact(operation)
        if future.exception() is not None:
            self.tables = before
        elif self.tables.last_task > was.last_task:
            self.before = was
        else:
            self.before = self.tables
        return future


class HidesNeeds(MemoryStore):
    """Claims know the needs of the first look only: tasks with newer ones are never found."""

    def __init__(self) -> None:
        super().__init__()
        known: list[Any] = []

        class Tx(MemoryTx):
            def candidates(self, want: Want) -> list[Row]:
                if not known:
                    known.extend(all_needs(self._tables))

                def satisfied(needs: Any) -> list[int]:
                    return want.satisfied([each for each in needs if each in known])

                return super().candidates(msgspec.structs.replace(want, satisfied=satisfied))

        self.Tx = Tx


class GivesTwice(MemoryStore):
    """What is leased is given to the next one who asks as well."""

    class Tx(MemoryTx):
        """Its transactions."""

        def candidates(self, want: Want) -> list[Row]:
            return super().candidates(msgspec.structs.replace(want, phases=(*want.phases, Phase.LEASED)))


class SkipsTheMoment(MemoryStore):
    """What is due at this very moment is not due, and with a clock that stands still never will be."""

    class Tx(MemoryTx):
        """Its transactions."""

        def due(self, now: int, horizon: int | None = None) -> list[Row]:
            return super().due(now - 1, horizon)


class ForgetsSome(MemoryStore):
    """A task that backs off until a round moment never comes back."""

    class Tx(MemoryTx):
        """Its transactions."""

        def due(self, now: int, horizon: int | None = None) -> list[Row]:
            return [row for row in super().due(now, horizon) if row.run_at != 1000]


class Reencodes(MemoryStore):
    """Keeps JSON as values: what comes back means the same and is not what was sent."""

    class Tx(MemoryTx):
        """Its transactions."""

        def insert(self, entry: Entry) -> Row:
            text = msgspec.json.encode(msgspec.json.decode(entry.metadata)).decode()
            return super().insert(msgspec.structs.replace(entry, metadata=text))


class CutsAtNul(MemoryStore):
    """Names end at their first NUL, as in C."""

    class Tx(MemoryTx):
        """Its transactions."""

        def put_device(self, hostname: str, *more: Any) -> Any:
            return super().put_device(hostname.split("\0")[0], *more)


class AnswersEarly(MemoryStore):
    """Answers first and keeps later: what is acknowledged is not there yet."""

    late: Tables | None = None

    def transact(self, operation: Callable[[Any], Any]) -> Future[Any]:
        seen = self.tables
        if self.late is not None:
            self.tables = self.late
        future = super().transact(operation)
        self.late, self.tables = self.tables, seen
        return future


#: A broken store, what opens it, and the tests that must fail on it (others may).
BROKEN: dict[str, tuple[Backend, set[str]]] = {
    "unfenced, over SQLite": (
        partial(sqlite, kind=UnfencedSqlite),
        {
            "test_a_change_behind_another_lease_is_refused",
            "test_a_change_behind_another_phase_is_refused",
            "test_the_fence_holds_inside_a_transaction",
        },
    ),
    "unfenced": (
        partial(memory, kind=Unfenced),
        {
            "test_a_change_behind_another_lease_is_refused",
            "test_a_change_behind_another_phase_is_refused",
            "test_the_fence_holds_inside_a_transaction",
        },
    ),
    "no order": (
        partial(memory, kind=Unordered),
        {
            "test_priority_goes_first",
            "test_then_the_oldest_root",
            "test_the_order_is_one_over_all_kinds",
        },
    ),
    "begins everything": (partial(memory, kind=Breadth), {"test_then_the_oldest_root"}),
    "keeps halves": (
        partial(memory, kind=KeepsHalves),
        {
            "test_a_new_task_goes_with_its_transaction",
            "test_a_change_goes_with_its_transaction",
            "test_devices_keys_and_files_go_with_their_transaction",
            "test_a_failure_fails_alone",
            "test_the_fence_holds_inside_a_transaction",
        },
    ),
    "loses neighbours": (
        partial(memory, kind=LosesNeighbours),
        {"test_a_failure_fails_alone", "test_a_change_goes_with_its_transaction"},
    ),
    "hides needs": (partial(memory, kind=HidesNeeds), {"test_every_set_of_needs_is_shown"}),
    "gives twice": (
        partial(memory, kind=GivesTwice),
        {
            "test_what_is_leased_is_not_given_again",
            "test_no_task_goes_to_two",
            "test_only_what_is_ready",
        },
    ),
    "skips the moment": (
        partial(memory, kind=SkipsTheMoment),
        {"test_due_is_what_has_backed_off_long_enough"},
    ),
    "forgets some": (partial(memory, kind=ForgetsSome), {"test_due_forgets_nobody"}),
    "encodes anew": (partial(memory, kind=Reencodes), {"test_json_comes_back_exactly"}),
    "cuts at NUL": (partial(memory, kind=CutsAtNul), {"test_names_are_told_apart"}),
    "answers early": (
        partial(memory, kind=AnswersEarly),
        {"test_what_is_answered_can_be_read", "test_a_new_task_is_as_it_was_given"},
    ),
}
