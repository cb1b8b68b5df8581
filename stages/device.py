"""A device: a host that says what it can do."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

#: Capability values are plain JSON: number = minimum, boolean and string = equal, list = contained.
Capabilities = dict[str, Any]

#: The capability under which a device states the places it can reach.
PLACES = "places"
#: The capability under which a device states the task types that it takes none of, each with the reason.
REFUSES = "refuses"


class HeldLease(msgspec.Struct, frozen=True):
    """A lease that a worker says it holds, with the part of the work done (0..1) and what it does now."""

    task_id: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
    lease: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
    progress: Annotated[float, Meta(ge=0, le=1)] = 0.0
    note: Annotated[str, Meta(max_length=200)] = ""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The server's answer to a worker's heartbeat.

    `cancel`: stop these, the task was cancelled or given away. `lost`: the server does not know these
    leases as the worker's. `drain`: it is given nothing more. `next_seconds`: when to call again.
    `examine`: types of which it gets no tasks until it passed a self-test, each with the number that it
    sends as `passed`.
    """

    cancel: list[int] = []
    lost: list[int] = []
    drain: bool = False
    next_seconds: float = 20.0
    examine: dict[str, int] = {}
