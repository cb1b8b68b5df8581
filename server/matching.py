"""Which device may do which task.

Every number in `needs` is a minimum, a boolean must be equal, a string equal, a list contained. What a
device does not state it does not have. A device that states its places gets only tasks whose places it
can reach. Distinct needs are matched once per set of capabilities, so a claim never looks at each task.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from server.store import Needs
from stages.device import PLACES, Capabilities

_REMEMBERED = 512


def meets(has: Any, need: Any) -> bool:
    """Whether one stated capability is enough for one need."""
    if need is None:
        return True
    if isinstance(need, bool):
        return has is need
    if isinstance(need, (int, float)):
        return isinstance(has, (int, float)) and not isinstance(has, bool) and has >= need
    if isinstance(need, list):
        return isinstance(has, list) and all(item in has for item in need)
    return bool(has == need)


def missing(capabilities: Capabilities, needs: Needs) -> list[str]:
    """What a device lacks for a set of needs, one phrase each; empty when it may do such tasks."""
    lacks = [
        phrase(name, need) for name, need in needs.needs.items() if not meets(capabilities.get(name), need)
    ]
    places = capabilities.get(PLACES)
    if isinstance(places, list):
        lacks += [f"place {place}" for place in needs.places if place not in places]
    return lacks


def phrase(name: str, need: Any) -> str:
    """A need as people read it: `gpu_vram_gb >= 8`."""
    if isinstance(need, (int, float)) and not isinstance(need, bool):
        return f"{name} >= {need:g}" if isinstance(need, float) else f"{name} >= {need}"
    return f"{name} = {msgspec.json.encode(need).decode()}"


class Matcher:
    """Remembers which needs a set of capabilities satisfies; it is used by one thread at a time."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[int, list[int]]] = OrderedDict()

    def satisfied(self, capabilities: Capabilities | None, needs: Sequence[Needs]) -> list[int]:
        """Numbers of the needs that these capabilities satisfy; None is "no capability filter"."""
        if capabilities is None:
            return [each.needs_id for each in needs]
        key = msgspec.json.encode(capabilities, order="deterministic")
        seen, found = self._known.pop(key, (0, []))
        found = found + [each.needs_id for each in needs[seen:] if not missing(capabilities, each)]
        if len(self._known) >= _REMEMBERED:
            self._known.popitem(last=False)
        self._known[key] = (len(needs), found)
        return found

    def forget(self) -> None:
        """A transaction was rolled back: needs that were seen may never have been kept."""
        self._known.clear()
