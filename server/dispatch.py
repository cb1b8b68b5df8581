"""The queue's face to the routes: runs decisions in transactions, keeps leases, wakes pollers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from config.settings import QueueSettings
from server import quarantine, queue
from server.catalogue import Learned
from server.devices import Devices
from server.face import second
from server.feed import Feed
from server.journal import journalled
from server.leases import Leases
from server.matching import Matcher
from server.metrics import Spread
from server.queue import Ask, Completed, Completion, Setback
from server.store import Device, Needs, Row, Store, Tx, Want
from server.tally import Tally
from server.wakeups import Waiter, Wakeups
from stages.device import Capabilities, HeldLease, Orders
from stages.errors import Conflict, NotFound, Unavailable
from stages.task import Phase, TaskType

T = TypeVar("T")

#: A waiting poll looks again after about this long even when nobody woke it.
_LOOK_AGAIN = 15.0
#: Tasks up to which creating, claiming or publishing them is brief.
_BRIEF = 4


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for work, and for what. `session` is one start of a worker; None for people and scripts."""

    worker: str | None = None
    session: str | None = None
    types: tuple[str, ...] = ()
    capabilities: Capabilities | None = None
    limit: int = 1
    wait: float = 0.0
    lease_seconds: float | None = None
    held: list[HeldLease] = []


def stamp(micros: int) -> str:
    """A time as v1 prints it: UTC, to the second, without a zone."""
    return second(micros // queue.MICRO)


class Dispatcher:
    """One per server. Clocks are parameters, so that tests need not wait."""

    def __init__(
        self,
        store: Store,
        settings: QueueSettings,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.settings = settings
        self.devices = Devices(store)
        self.leases = Leases(monotonic)
        self.wakeups = Wakeups()
        self.feed = Feed()
        self.tally = Tally()
        self.writes = Spread()
        self.stopping = False
        self.lease_expiries = 0
        self._clock = clock
        self.matcher = Matcher()
        self._known_needs: dict[int, Needs] = {}
        self._strays: asyncio.Task[None] | None = None

    def now(self) -> int:
        """Microseconds since 1970."""
        return int(self._clock() * queue.MICRO)

    # -- start and time ------------------------------------------------------------------------

    async def start(self, *, alone: bool = False) -> None:
        """Give every lease that was held before a restart one full period.

        `alone`: nobody else can have known this server, so whoever held a lease is gone.
        """
        for row in await self.store.atransact(lambda tx: tx.leased()):
            if alone:
                await self._lose(row.task_id, row.lease)
            else:
                self.leases.hold(row, self._length(row.device, None))
        await self.tick()

    async def tick(self) -> None:
        """Take back expired leases, and bring back what has backed off."""
        for lease in self.leases.expired():
            try:
                self.lease_expiries += await self._lose(lease.task_id, lease.number)
            except Unavailable:
                self.leases.retry_expiry(lease, 5.0)
        now = self.now()
        await self._announce(await self._change("ready", lambda tx: queue.promote(tx, now, self.settings)))

    def _length(self, worker: str | None, asked: float | None) -> float:
        if asked is not None:
            return asked
        if worker is None:
            return self.settings.anonymous_lease_seconds
        return self.settings.heartbeat_seconds * self.settings.lease_heartbeats

    # -- tasks ---------------------------------------------------------------------------------

    async def create(self, asks: list[Ask], key: str | None = None) -> list[Row]:
        """Keep new tasks, all or none; with an idempotency key only once."""
        now = self.now()
        made = await self._change(
            "created",
            lambda tx: queue.create(tx, asks, now) if key is None else queue.create_once(tx, asks, key, now),
            brief=len(asks) <= _BRIEF,
        )
        await self._announce(made)
        return made

    async def peek(self, claim: Claim) -> list[Row]:
        """What is claimable, without claiming it."""
        return await self.store.peek(self._want(claim, Matcher()))

    async def claim(
        self, claim: Claim, gone: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> list[Row]:
        """Lease tasks to a caller, waiting up to `claim.wait` seconds for some to appear.

        `gone` ends when the caller hung up: then nothing more is given to it.
        """
        if again := await self._offer_again(claim):
            return again
        waiter = Waiter(claim.types, claim.capabilities, _phases(claim))
        hung_up = asyncio.ensure_future(gone()) if gone is not None and claim.wait > 0 else None
        end = time.monotonic() + claim.wait
        rows: list[Row] | None = None
        try:
            while True:
                self.wakeups.join(waiter)
                rows = None
                rows = await self._take(claim)
                if rows:
                    return rows
                if waiter.looked_at and claim.worker is not None:
                    await self._tell_others(waiter, claim.worker)
                left = end - time.monotonic()
                if left <= 0 or self.stopping or not await _until(waiter, hung_up, min(left, _look_again())):
                    return []
        finally:
            self.wakeups.pass_on(waiter, None if rows is None else [row.task_id for row in rows])
            if hung_up is not None:
                hung_up.cancel()

    async def _tell_others(self, waiter: Waiter, worker: str) -> None:
        """It was woken for something and found nothing: what it may not have is for somebody else."""
        barred = {each.task_type for each in await self.store.quarantines() if each.device == worker}
        waiter.barred = set(TaskType) if quarantine.DRAIN in barred else barred
        self.wakeups.announce([each for each in waiter.looked_at if each[1] in waiter.barred])

    async def _take(self, claim: Claim) -> list[Row]:
        # Finding nothing changes nothing: such a transaction is not written to the disk.
        want = self._want(claim, self.matcher)
        try:
            rows = await self._change(
                "claimed",
                lambda tx: queue.claim(tx, want, claim.worker, claim.session),
                brief=want.limit <= _BRIEF,
            )
        except asyncio.CancelledError:
            # The caller is gone, its transaction is not: what that leased must run out some day.
            self._strays = asyncio.ensure_future(self._hold_strays())
            raise
        for row in rows:
            self.leases.hold(row, self._length(claim.worker, claim.lease_seconds))
        return rows

    async def _hold_strays(self) -> None:
        """Note leases that the disk knows and the memory does not."""
        for row in await self.store.atransact(lambda tx: tx.leased()):
            if not self.leases.holds(row.task_id, row.lease):
                self.leases.hold(row, self._length(row.device, None))

    def _want(self, claim: Claim, matcher: Matcher) -> Want:
        return Want(
            types=claim.types,
            satisfied=lambda needs: matcher.satisfied(claim.capabilities, needs),
            phases=_phases(claim),
            limit=claim.limit,
        )

    async def _offer_again(self, claim: Claim) -> list[Row]:
        """Leases that this session was given and does not know of: the answer was lost on the way."""
        if claim.session is None:
            return []
        held = {(lease.task_id, lease.lease) for lease in claim.held}
        out = []
        for lease in self.leases.of_session(claim.session):
            if (lease.task_id, lease.number) not in held:
                row = await self.store.get(lease.task_id)
                if row is not None and row.phase == Phase.LEASED and row.lease == lease.number:
                    self.leases.renew(lease.task_id, lease.number, 0.0, "")
                    out.append(row)
        return out[: claim.limit]

    async def complete(self, task_id: int, what: Completion) -> Completed:
        """Finish a task; see `queue.complete`."""
        now = self.now()
        brief = what.learned == Learned() and len(what.new_tasks or ()) <= _BRIEF
        done = await self._change(
            "completed", lambda tx: queue.complete(tx, task_id, what, now, stamp, self.settings), brief=brief
        )
        self.leases.drop(task_id)
        await self._announce(done.made)
        return done

    async def fail(self, task_id: int, lease: int, setback: Setback) -> Row:
        """End a lease without a result."""
        now = self.now()
        return await self._end(
            "failed", task_id, lambda tx: queue.fail(tx, task_id, lease, setback, now, self.settings)
        )

    async def release(self, task_id: int, lease: int) -> Row:
        """Give a task back unharmed."""
        return await self._end("released", task_id, lambda tx: queue.release(tx, task_id, lease))

    async def cancel(self, task_id: int) -> Row:
        """Take a task out of the queue."""
        now = self.now()
        return await self._end("cancelled", task_id, lambda tx: queue.cancel(tx, task_id, now))

    async def retry(self, task_id: int) -> Row:
        """Put a task back into the queue."""
        return await self._end("retried", task_id, lambda tx: queue.retry(tx, task_id))

    async def amend(self, task_id: int, metadata: dict[str, Any] | None, needs: dict[str, Any] | None) -> Row:
        """Change a task's metadata or needs."""
        row = await self._change("amended", lambda tx: queue.amend(tx, task_id, metadata, needs))
        await self._announce([row])
        return row

    async def _change(self, event: str, operation: Callable[[Tx], T], *, brief: bool = False) -> T:
        """Run an operation in one transaction; what it changed is told once that is on the disk."""
        began = time.perf_counter()
        try:
            value, changes = await self.store.atransact(journalled(operation), brief=brief)
        except asyncio.CancelledError:
            self.tally.forget()  # its caller went away, and what it changes is told to nobody
            raise
        self.tally.note(changes)
        self.writes.add(time.perf_counter() - began)
        self.feed.publish(event, changes)
        return value

    async def _end(self, event: str, task_id: int, operation: Callable[[Tx], Row]) -> Row:
        row = await self._change(event, operation)
        if row.phase != Phase.LEASED:
            self.leases.drop(task_id)
        await self._announce([row])
        return row

    async def _announce(self, rows: list[Row]) -> None:
        ready = [row for row in rows if row.phase in (Phase.READY, Phase.NO_INPUT)]
        if not ready or not self.wakeups.waiting:
            return
        try:
            news = [(row.task_id, row.task_type, row.phase, await self._needs(row.needs_id)) for row in ready]
        except Unavailable:  # what was asked for is on the disk: its caller must not be told otherwise
            self.wakeups.look_again()
        else:
            self.wakeups.announce(news)

    async def _needs(self, needs_id: int) -> Needs:
        """A set of needs by its number; it never changes once it was kept."""
        if needs_id not in self._known_needs:
            self._known_needs[needs_id] = await self.store.needs(needs_id)
        return self._known_needs[needs_id]

    # -- devices -------------------------------------------------------------------------------

    async def heartbeat(
        self,
        hostname: str,
        device_type: str,
        status: str,
        capabilities: dict[str, Any] | None,
        ended_sessions: list[str],
    ) -> Device:
        """Note that a device spoke; leases of its sessions that ended are taken back at once."""
        now = self.now()
        text = None if capabilities is None else queue.text_of(capabilities)
        device = await self.devices.heard(hostname, device_type, status, text, now)
        for session in ended_sessions:
            for lease in self.leases.of_session(session):
                if lease.device == hostname:
                    await self._lose(lease.task_id, lease.number)
        return device

    async def _lose(self, task_id: int, number: int) -> bool:
        """Take a lease back whose holder is gone; False when it had ended otherwise meanwhile."""
        row = await self._change("lost", lambda tx: queue.expire(tx, task_id, number, self.settings))
        self.leases.drop(task_id, number)
        await self._announce([row] if row else [])
        return row is not None

    async def forget(self, hostname: str) -> None:
        """Forget a device that holds nothing. Raises `NotFound`, `Conflict`."""
        if self.leases.of_device(hostname):
            raise Conflict(f"Device {hostname} holds tasks; stop its worker first, or cancel them")
        if not await self.devices.forget(hostname):
            raise NotFound(f"Device {hostname} not found")

    async def cleared(self, hostname: str) -> list[str]:
        """A person lets a device have everything again; the types of which it got none. Raises `NotFound`."""
        types = await self.store.atransact(lambda tx: quarantine.clear(tx, hostname))
        self.wakeups.look_again()
        return types

    async def drain(self, hostname: str, *, wanted: bool) -> bool:
        """Give a device nothing more, or again what there is; whether that changed. Raises `NotFound`."""
        now = self.now()
        changed = await self.store.atransact(lambda tx: quarantine.drain(tx, hostname, now, wanted=wanted))
        if changed and not wanted:
            self.wakeups.look_again()
        return changed

    async def passed(self, hostname: str, numbers: list[int]) -> None:
        """A device passed the self-tests that these quarantines asked for."""
        lifted = await self.store.atransact(lambda tx: quarantine.passed(tx, hostname, numbers))
        if lifted:
            self.wakeups.look_again()

    async def orders(self, held: list[HeldLease], hostname: str = "") -> Orders:
        """Renew what a worker says it holds, and say what it must stop, and what to examine itself in."""
        cancel: list[int] = []
        lost: list[int] = []
        for lease in held:
            if self.leases.renew(lease.task_id, lease.lease, lease.progress, lease.note):
                continue
            row = await self.store.get(lease.task_id)
            (cancel if row is not None and row.phase == Phase.CANCELLED else lost).append(lease.task_id)
        unwell = [each for each in await self.store.quarantines() if each.device == hostname]
        return Orders(
            cancel=cancel,
            lost=lost,
            drain=self.stopping or any(each.task_type == quarantine.DRAIN for each in unwell),
            next_seconds=self.settings.heartbeat_seconds,
            examine={
                each.task_type: each.quarantine_id for each in unwell if each.task_type != quarantine.DRAIN
            },
        )

    def stop(self) -> None:
        """Let waiting polls and listeners go; the server is about to end."""
        self.stopping = True
        self.wakeups.wake_all()
        self.feed.stop()


def _look_again() -> float:
    """Seconds, never the same: polls that came together do not come back together."""
    return _LOOK_AGAIN * random.uniform(0.7, 1.3)


def _phases(claim: Claim) -> tuple[Phase, ...]:
    """Tasks without inputs are shown to people, and never given to a named worker: it could not do them."""
    return (Phase.READY,) if claim.worker else (Phase.READY, Phase.NO_INPUT)


async def _until(waiter: Waiter, hung_up: asyncio.Future[None] | None, seconds: float) -> bool:
    """Wait for a wake-up or the time; False when the caller hung up."""
    wake = asyncio.ensure_future(waiter.wake.wait())
    watched: set[asyncio.Future[Any]] = {wake} if hung_up is None else {wake, hung_up}
    try:
        await asyncio.wait(watched, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        wake.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await wake
    return hung_up is None or not hung_up.done()
