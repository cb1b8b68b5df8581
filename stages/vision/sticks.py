"""Edge TPUs of this host, by the names that the Edge TPU's library takes: `usb:0`, `usb:1`, `pci:0`."""

from __future__ import annotations

import contextlib
from pathlib import Path

#: USB ids of a stick before and after its firmware is loaded.
USB_IDS = frozenset({("1a6e", "089a"), ("18d1", "9302")})
#: Asked for in turn where the system does not tell what is plugged in.
_GUESSES = ("usb:0", "usb:1", "pci:0")


def plugged(usb: Path = Path("/sys/bus/usb/devices"), dev: Path = Path("/dev")) -> list[str]:
    """The Edge TPUs that the system shows, USB first; [] where it shows none or cannot (only Linux can)."""
    sticks = 0
    for vendor in usb.glob("*/idVendor"):
        with contextlib.suppress(OSError):
            pair = vendor.read_text().strip(), vendor.with_name("idProduct").read_text().strip()
            sticks += pair in USB_IDS
    cards = len(list(dev.glob("apex_*")))
    return [f"usb:{n}" for n in range(sticks)] + [f"pci:{n}" for n in range(cards)]


def candidates(wish: str, seen: list[str]) -> list[str]:
    """Which Edge TPUs to try, in turn: one that another process holds does not open, and the next may.

    `wish`: "auto" (any), "usb" or "pci" (any of that kind), or one name. `seen`: those known to be there.
    """
    if wish == "auto":
        return list(seen or _GUESSES)
    if wish in ("usb", "pci"):
        return [name for name in seen or _GUESSES if name.startswith(wish)] or [wish]
    return [wish]
