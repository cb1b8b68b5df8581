"""Sending a notification to a web address: signed, bounded, and never to this host by accident.

The signature is that of Standard Webhooks (standardwebhooks.com, 1.0): HMAC-SHA256 of `id.timestamp.body`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from stages.errors import BadInput

#: What a secret begins with; the rest is base64 of its bytes.
PREFIX = "whsec_"
_BYTES = 24
_SHORTEST, _MOST = 24, 64
_LONGEST_URL = 2000
_PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """A webhook that may not be called, or could not be: in one sentence."""


def new_secret() -> str:
    """A secret that nobody knows."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def checked_secret(text: str) -> str:
    """A secret that a person gives. Raises `BadInput`."""
    text = text.strip()
    try:
        size = len(_key(text))
    except (binascii.Error, ValueError):
        size = 0
    if not (text.startswith(PREFIX) and _SHORTEST <= size <= _MOST):
        raise BadInput(
            f"secret must be {PREFIX} and base64 of {_SHORTEST} to {_MOST} bytes; leave it out to get one",
            [("secret", "is no secret of this kind")],
        )
    return text


def checked_url(text: str) -> str:
    """A web address that can be called. Raises `BadInput`."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        fits = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
        parts = SplitResult("", "", "", "", "")
    if not fits or len(text) > _LONGEST_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise BadInput(
            "webhook must be an address like https://host/path", [("webhook", "is no web address")]
        )
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            "webhook must not name a user; a secret belongs into its path", [("webhook", "names a user")]
        )
    return text


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


async def address(url: str, allowed: Collection[str]) -> tuple[str, SplitResult]:
    """The address to connect to, looked up once, so that it cannot be another one when it is used.

    Raises `Refused`: an unknown host, or one of this host, link-local, multicast or reserved that `allowed`
    does not name. Private networks are let through: that is where a home's receivers are.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(f"the host {host} is not known: {error}") from None
    addresses = [str(each[4][0]) for each in found]
    if host not in allowed:
        for each in addresses:
            if not _harmless(each):
                raise Refused(
                    f"{host} is {each}, an address of this host, link-local or reserved; the setting "
                    "notify.webhook_hosts names those that may be called all the same"
                )
    if not addresses:
        raise Refused(f"the host {host} has no address")
    return addresses[0], parts


def _harmless(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            return _harmless(str(inner))
    return not (
        found.is_loopback
        or found.is_link_local
        or found.is_multicast
        or found.is_unspecified
        or (found.is_reserved and found.version == 4)
    )


async def post(
    url: str, secret: str, event_id: str, body: bytes, now: int, seconds: float, allowed: Collection[str]
) -> str:
    """Send one notification; what the receiver answered. Raises `Refused` for anything but 2xx.

    Redirects are not followed and the answer's body is not read: a receiver may say only yes or no.
    """
    import httpx  # most servers have no webhook

    where, parts = await address(url, allowed)
    host = parts.hostname or ""
    literal = f"[{where}]" if ":" in where else where
    port = f":{parts.port}" if parts.port else ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "Host": (f"[{host}]" if ":" in host else host) + port,
        "Content-Type": "application/json",
        "User-Agent": "dashcam-processor",
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, event_id, now, body),
    }
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(trust_env=False, timeout=seconds, follow_redirects=False) as client,
            client.stream(
                "POST",
                f"{parts.scheme}://{literal}{port}{path}",
                content=body,
                headers=headers,
                extensions={"sni_hostname": host},
            ) as answer,
        ):
            said = f"answered {answer.status_code}"
            if not answer.is_success:
                raise Refused(said + (", a redirect, which is not followed" if answer.is_redirect else ""))
            return said
    except TimeoutError:
        raise Refused(f"no answer within {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Refused(f"could not be reached: {error or type(error).__name__}") from None
