"""Clips that a camera wrote twice: a small copy for the telephone or the cloud beside the full picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple


class _Kind(NamedTuple):
    """A maker's small copies: names that are one, and the names that the full picture can have."""

    small: re.Pattern[str]
    full: Callable[[re.Match[str]], tuple[str, ...]]


def _kind(regex: str, full: Callable[[re.Match[str]], tuple[str, ...]]) -> _Kind:
    return _Kind(re.compile(regex, re.IGNORECASE | re.ASCII), full)


_KINDS: tuple[_Kind, ...] = (
    # Nextbase: H and L are the same seconds in two qualities.
    _kind(
        r"(\d{6}_\d{6}_\d{3,9}_[FRBIC])L((?:_[A-Z]{1,16})?)\.(mp4|mov)",
        lambda m: tuple(f"{m[1]}H{m[2]}.{suffix}" for suffix in ("mp4", "mov")),
    ),
    # BlackVue: L and S after the channel are what goes to the cloud.
    _kind(r"(20\d{6}_\d{6}_[NEPMIOATBRXGDLYF][FRIO])[LS]\.mp4", lambda m: (f"{m[1]}.mp4",)),
    # GoPro: GL is the proxy of GH, GX and GS; older cameras keep the clip's own name and call it .LRV.
    _kind(
        r"GL(\d\d|[A-Z]{2})(\d{4})\.(?:lrv|mp4)",
        lambda m: tuple(f"G{c}{m[1]}{m[2]}.{s}" for c, s in (("H", "mp4"), ("X", "mp4"), ("S", "360"))),
    ),
    _kind(r"(GOPR\d{4}|GP\d{6}|G[HXS]\w{2}\d{4})\.lrv", lambda m: (f"{m[1]}.mp4", f"{m[1]}.360")),
)


def low_twins(names: Iterable[str]) -> dict[str, str]:
    """The clips of one folder that another one there shows in better quality, each with that one's name."""
    there = {name.upper(): name for name in names}
    found = {}
    for name in there.values():
        better = next((there[each.upper()] for each in _better(name) if each.upper() in there), None)
        if better is not None:
            found[name] = better
    return found


def better_twin(path: Path) -> Path | None:
    """The clip beside `path` that shows the same in better quality; None when it is the only one."""
    for name in _better(path.name):
        # On a file system that tells letter case apart, the camera's own case is upper or lower throughout.
        for each in (name, name.upper(), name.lower(), Path(name).stem + path.suffix):
            twin = path.with_name(each)
            if twin != path and twin.is_file():
                return twin
    return None


def _better(name: str) -> tuple[str, ...]:
    """The names that the full picture of a small copy can have."""
    for kind in _KINDS:
        if match := kind.small.fullmatch(name):
            return kind.full(match)
    return ()
