"""Where a request comes from: its address, whether that is private; through trusted proxies, if there are."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from stages.errors import SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Loopback, RFC 1918, unique local, link-local, and shared address space (RFC 6598: overlay networks).
PRIVATE = tuple(
    ipaddress.ip_network(each)
    for each in (
        "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
        "fc00::/7", "169.254.0.0/16", "fe80::/10", "100.64.0.0/10",
    )
)  # fmt: skip
#: Headers by which proxies say whom they speak for.
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")
# ASGI gives None for a Unix socket (a local process that the file's mode lets in); the test client has a
# name instead of an address. Servers fill this in from the socket, so nobody can send it.
_NAMELESS = (None, "testclient")
_LOOPBACK = ipaddress.ip_address("127.0.0.1")


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request comes from. `local`: from this very host, without a proxy between."""

    address: str
    private: bool
    local: bool
    https: bool


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks of a setting. Raises `SettingsError` for anything else."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise SettingsError(
                f"setting auth.trusted_proxies: {text!r} is no address or network; "
                "write it like 192.168.1.2 or 10.0.0.0/8"
            ) from None
    return tuple(found)


def peer(scope: Any, heads: dict[str, str], trusted: Sequence[Network]) -> Peer:
    """The origin of a request.

    Forwarding headers are believed from a trusted proxy only; from anybody else they mean that an unknown
    proxy stands between, so nothing is known of the caller, and it does not count as private.
    """
    name = scope["client"][0] if scope.get("client") else None
    found = _LOOPBACK if name in _NAMELESS else parse(str(name))
    https = scope.get("scheme") in ("https", "wss")
    if found is None:
        return Peer(address=str(name)[:64], private=False, local=False, https=https)
    if not any(each in heads for each in FORWARDED):
        return _direct(found, https)
    if _within(found, trusted):
        https = https or heads.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower() == "https"
        behind = _behind(heads, trusted)
        if behind is not None:
            return Peer(address=str(behind), private=_within(behind, PRIVATE), local=False, https=https)
    return Peer(address=str(found), private=False, local=False, https=https)


@lru_cache(maxsize=4096)
def _direct(found: Address, https: bool) -> Peer:
    return Peer(address=str(found), private=_within(found, PRIVATE), local=found.is_loopback, https=https)


def _behind(heads: dict[str, str], trusted: Sequence[Network]) -> Address | None:
    """The nearest address that is no trusted proxy; None when the headers name none or contradict each other.

    What lies further out was written by the caller.
    """
    named = set()
    for header in FORWARDED:
        if header in heads:
            named.add(_nearest(_hops(header, heads[header]), trusted))
    return named.pop() if len(named) == 1 else None


def _nearest(hops: list[str], trusted: Sequence[Network]) -> Address | None:
    for hop in reversed(hops):
        found = parse(hop)
        if found is None or not _within(found, trusted):
            return found
    return None


def _hops(header: str, value: str) -> list[str]:
    """The addresses in a forwarding header, without ports, the nearest last."""
    hops = value.split(",")
    if header == "forwarded":
        pairs = [dict(_pair(part) for part in hop.split(";")) for hop in hops]
        hops = [pair.get("for", "") for pair in pairs]
    return [_bare(hop.strip().strip('"')) for hop in hops]


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip()


def _bare(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


@lru_cache(maxsize=4096)
def parse(text: str) -> Address | None:
    """An address; one of the IPv4 addresses that IPv6 sockets report as ::ffff:a.b.c.d is that address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _within(address: Address, among: Sequence[Network]) -> bool:
    return any(address in network for network in among)
