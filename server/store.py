"""The seam to whatever keeps tasks and devices: small verbs, used inside one transaction.

`queue.py` decides; a store only remembers. Everything that happens in one `transact` is on the disk
together or not at all. A second backend stands behind the same protocols and the same tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import msgspec

from server.catalogue import Catalogue
from stages.task import Phase, State

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Needs(msgspec.Struct, frozen=True):
    """One distinct set of needs: capabilities, and the places a device must reach."""

    needs_id: int
    needs: dict[str, Any]
    places: list[str]


class Row(msgspec.Struct, frozen=True):
    """A task as it is kept, its columns in the table's order.

    JSON columns hold text exactly as sent; times are µs since 1970, UTC.
    """

    task_id: int
    task_type: str
    state: str
    phase: str
    created_at: int
    completed_at: int | None
    video_id: str | None
    inputs: str
    outputs: str
    metadata: str
    needs: str
    needs_id: int
    resolved: str | None
    priority: int
    parent_id: int | None
    root_id: int
    lease: int
    device: str | None
    session: str | None
    failures: int
    crashes: int
    lost: int
    delays: int
    vanished: str
    run_at: int | None
    error: str | None
    answer: str | None
    published: str | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A task about to be kept. `root_id` None: it is its own root."""

    task_type: str
    phase: str
    created_at: int
    video_id: str | None
    inputs: str
    outputs: str
    metadata: str
    needs: str
    needs_id: int
    resolved: str | None
    priority: int
    parent_id: int | None = None
    root_id: int | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A host as it last spoke. `capabilities` is JSON text as sent."""

    device_id: int
    hostname: str
    device_type: str
    status: str
    capabilities: str
    last_heartbeat: int


class Strike(msgspec.Struct, frozen=True, kw_only=True):
    """A failure of a device that it did not make good since. `others_did`: another device completed a task of
    the type after it.
    """

    strike_id: int
    device: str
    task_type: str
    task_id: int
    error: str
    at: int
    others_did: bool = False


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """A device gets no tasks of a type; the number is never used again."""

    quarantine_id: int
    device: str
    task_type: str
    since: int
    why: str


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim may take: task types (none = any), and which needs the device satisfies."""

    types: tuple[str, ...]
    satisfied: Callable[[Sequence[Needs]], list[int]]
    phases: tuple[Phase, ...] = (Phase.READY,)
    limit: int = 1


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks a listing shows; None = any."""

    task_type: str | None = None
    state: str | None = None
    video_id: str | None = None
    limit: int = 100
    offset: int = 0


class Count(msgspec.Struct, frozen=True):
    """How many tasks of one kind are in one phase, and since when the oldest is (microseconds)."""

    task_type: str
    phase: str
    needs_id: int
    tasks: int
    oldest: int


class Tx(Protocol):
    """One transaction."""

    catalogue: Catalogue

    def get(self, task_id: int) -> Row | None:
        """A task by its number."""

    def insert(self, entry: Entry) -> Row:
        """Keep a new task."""

    def update(self, row: Row, **columns: Any) -> Row:
        """Change a task that was read as `row`; raises `StaleLease` when it is no longer so."""

    def candidates(self, want: Want) -> list[Row]:
        """Tasks that may be claimed, in the order in which they are to be done."""

    def intern(self, needs: str, places: str) -> int:
        """The number of a set of needs; the same set always has the same number."""

    def due(self, now: int, horizon: int | None = None) -> list[Row]:
        """Tasks that have backed off long enough, or until later than `horizon`."""

    def waiting_for(self, video_id: str) -> list[Row]:
        """Tasks of a clip that wait for its files to be known."""

    def leased(self, device: str | None = None) -> list[Row]:
        """Tasks under lease, of one device or of all."""

    def places(self) -> set[str]:
        """The places that devices say they can reach."""

    def recall(self, key: str) -> tuple[str, list[int]] | None:
        """The body and the tasks of an earlier request with this idempotency key."""

    def remember(self, key: str, body: str, task_ids: list[int], now: int, before: int) -> None:
        """Note a request's idempotency key, and forget those from before `before`."""

    def delete_device(self, hostname: str) -> bool:
        """Forget a device; whether it was known."""

    def put_device(
        self, hostname: str, device_type: str, status: str, capabilities: str | None, now: int
    ) -> Device:
        """Note that a device spoke; `capabilities` None keeps the earlier ones."""

    def knows_device(self, hostname: str) -> bool:
        """Whether a device ever spoke."""

    def strikes(self, task_type: str) -> list[Strike]:
        """The strikes of a type, oldest first."""

    def put_strike(self, device: str, task_type: str, task_id: int, error: str, now: int) -> None:
        """Note a failure of a device."""

    def tell_strikes(self, task_type: str) -> None:
        """Another device completed a task of the type after every strike that there is."""

    def drop_strikes(self, device: str, task_type: str) -> None:
        """Forget a device's strikes of a type."""

    def quarantines(self, device: str | None = None) -> list[Quarantine]:
        """The quarantines of a device, or all, oldest first."""

    def put_quarantine(self, device: str, task_type: str, now: int, why: str) -> None:
        """Give a device no more tasks of a type; there must be no such quarantine."""

    def drop_quarantine(self, device: str, task_type: str) -> None:
        """End a quarantine, if there is one."""


class Store(Protocol):
    """Transactions and reads."""

    def transact(self, operation: Callable[[Tx], T]) -> Future[T]:
        """Run an operation in one transaction; the future resolves once it is on the disk."""

    async def atransact(self, operation: Callable[[Tx], T], *, brief: bool = False) -> T:
        """As `transact`, for coroutines. `brief`: it asks and changes a handful of rows."""

    async def get(self, task_id: int) -> Row | None:
        """A task by its number."""

    async def page(self, which: Filter) -> list[Row]:
        """Tasks in ascending order of their numbers."""

    async def count(self, which: Filter) -> int:
        """How many tasks a listing has, on all its pages."""

    async def peek(self, want: Want) -> list[Row]:
        """What a claim would find, without claiming."""

    async def counts(self) -> tuple[list[Count], list[Needs]]:
        """Tasks by type, phase and needs."""

    async def needs(self, needs_id: int) -> Needs:
        """A set of needs by the number that it was interned under. Raises `NotFound`."""

    async def failures(self, limit: int) -> list[Row]:
        """The tasks that were given up, newest first."""

    async def devices(self, limit: int, offset: int) -> list[Device]:
        """Devices in ascending order of their numbers."""

    async def device(self, hostname: str) -> Device | None:
        """A device by its name."""

    async def quarantines(self) -> list[Quarantine]:
        """All quarantines, oldest first."""


#: `state` follows from `phase`.
STATE_OF = {
    Phase.READY: State.PENDING,
    Phase.LEASED: State.PENDING,
    Phase.BACKING_OFF: State.PENDING,
    Phase.NO_INPUT: State.PENDING,
    Phase.DONE: State.COMPLETE,
    Phase.GAVE_UP: State.FAILED,
    Phase.CANCELLED: State.FAILED,
}
