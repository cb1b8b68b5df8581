"""What may be removed, and in which order: a pure decision over small facts. Nothing is touched here.

Never: a protected clip, anything of the last day, what a task still needs, what lies in a removable place.
Clips that the camera locked and event clips stay unless the owner says otherwise; then they go after all
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from stages.disk import amount

#: What is younger than this never goes (days).
YOUNGEST = 1.0


class Kind(StrEnum):
    """The classes of files, in the order in which they go when a place is full."""

    PREPROC = "preproc"
    HEAVY = "heavy"
    RAW = "raw"
    ARCHIVE = "archive"


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could go: a raw clip, or the folder that one stage left for one clip.

    `age`: days since it was recorded or taken in, whichever was later. `held`: why it has to stay, in a
    sentence; "" = nothing is in the way. `spared`: locked by the camera, or an event.
    """

    video_id: str
    kind: Kind
    device: str
    path: str
    age: float
    size: int = 0
    protected: bool = False
    spared: bool = False
    held: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner set for one class. 0 and False: not set. `quota`: bytes in one place."""

    days: float = 0.0
    quota: int = 0
    when_full: bool = False

    @property
    def set(self) -> bool:
        """Whether anything of this class may ever go."""
        return self.days > 0 or self.quota > 0 or self.when_full


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All that the owner set. `locked`: spared clips may go too. `free_bytes`, `free_share`: room wanted."""

    rules: dict[Kind, Rule] = {}
    locked: bool = False
    free_bytes: int = 0
    free_share: float = 0.0

    def rule(self, kind: Kind) -> Rule:
        """The rule of a class."""
        return self.rules.get(kind, Rule())

    @property
    def kinds(self) -> list[Kind]:
        """The classes of which anything may ever go."""
        return [kind for kind in Kind if self.rule(kind).set]

    def lacking(self, room: Room) -> int:
        """How many bytes a place should have free and has not."""
        return max(0, self.free_bytes - room.free, int(self.free_share * room.total) - room.free)


class Room(NamedTuple):
    """A place's disk in bytes."""

    total: int
    free: int


class Verdict(NamedTuple):
    """Something that goes, or that is due and has to stay, and why."""

    holding: Holding
    goes: bool
    reason: str


class Plan(NamedTuple):
    """What goes, in order; what is due and stays; what could not be reached, in sentences."""

    going: list[Verdict]
    staying: list[Verdict]
    short: list[str]


def why_not(holding: Holding, policy: Policy) -> str:
    """Why something has to stay whatever is due; "" when it may go."""
    if holding.protected:
        return "the clip is protected"
    if not holding.age >= YOUNGEST:
        return "it is younger than a day"
    if holding.spared and not policy.locked:
        return "the camera locked it, or it is an event (retention.locked = true would let it go)"
    return holding.held


def decide(holdings: Iterable[Holding], policy: Policy, rooms: Mapping[str, Room]) -> Plan:
    """What goes: by age first, then what exceeds a quota, then what a full place lacks; never more than that.

    Room is counted by the sizes of what was chosen, never by what a disk says meanwhile. `rooms` names every
    place in which anything may be removed; holdings elsewhere are left alone.
    """
    order = sorted((each for each in holdings if each.device in rooms), key=_turn)
    chosen = _Chosen(policy)
    for holding in order:
        rule = policy.rule(holding.kind)
        if 0 < rule.days <= holding.age:
            chosen.take(holding, f"{holding.age:.0f} days old, kept {rule.days:g}")
    _by_quota(order, policy, chosen)
    _by_room(order, policy, rooms, chosen)
    return Plan(sorted(chosen.going.values(), key=_last), list(chosen.staying.values()), chosen.short)


def _turn(holding: Holding) -> tuple[bool, int, float, str, str, str]:
    """Spared clips last; then by class, the oldest first."""
    kinds = list(Kind)
    return (
        holding.spared,
        kinds.index(holding.kind),
        -holding.age if holding.age == holding.age else 0.0,  # NaN has no order; it never goes
        holding.video_id,
        holding.device,
        holding.path,
    )


def _last(verdict: Verdict) -> tuple[bool, int, float, str, str, str]:
    return _turn(verdict.holding)


_Key = tuple[str, str, str, str]


def _key(holding: Holding) -> _Key:
    return holding.device, holding.path, holding.kind, holding.video_id


class _Chosen:
    """What was chosen so far. What is due and has to stay is noted once, with the first reason."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.going: dict[_Key, Verdict] = {}
        self.staying: dict[_Key, Verdict] = {}
        self.short: list[str] = []

    def take(self, holding: Holding, due: str) -> bool:
        """Let it go if it may; whether it goes."""
        if why := why_not(holding, self.policy):
            self.staying.setdefault(_key(holding), Verdict(holding, False, f"{due}; stays: {why}"))
            return False
        self.going.setdefault(_key(holding), Verdict(holding, True, due))
        return True

    def went(self, holding: Holding) -> bool:
        """Whether it was chosen already."""
        return _key(holding) in self.going

    def freed(self, device: str) -> int:
        """Bytes that go in a place."""
        return sum(each.holding.size for each in self.going.values() if each.holding.device == device)


def _by_quota(order: list[Holding], policy: Policy, chosen: _Chosen) -> None:
    over: dict[tuple[str, Kind], int] = {}
    for each in order:
        if not chosen.went(each):
            over[each.device, each.kind] = over.get((each.device, each.kind), 0) + each.size
    for (device, kind), used in sorted(over.items()):
        quota = policy.rule(kind).quota
        if not 0 < quota < used:
            continue
        due = f"{kind} in {device} takes {amount(used)}, more than its {amount(quota)}"
        left = _take(((h for h in order if (h.device, h.kind) == (device, kind))), used - quota, due, chosen)
        if left > 0:
            chosen.short.append(f"{due}, and {amount(left)} too much has to stay")


def _by_room(order: list[Holding], policy: Policy, rooms: Mapping[str, Room], chosen: _Chosen) -> None:
    for device, room in sorted(rooms.items()):
        lacking = policy.lacking(room)
        if lacking <= chosen.freed(device):
            continue
        due = f"{device} has {amount(room.free)} free and should have {amount(room.free + lacking)}"
        may = (h for h in order if h.device == device and policy.rule(h.kind).when_full)
        left = _take(may, lacking - chosen.freed(device), due, chosen)
        if left > 0:
            chosen.short.append(f"{due}; {amount(left)} cannot be freed by these rules")


def _take(holdings: Iterable[Holding], lacking: int, due: str, chosen: _Chosen) -> int:
    """Take until `lacking` bytes are freed; how many are lacking still."""
    for holding in holdings:
        if lacking <= 0:
            break
        if holding.size > 0 and not chosen.went(holding) and chosen.take(holding, due):
            lacking -= holding.size
    return lacking
