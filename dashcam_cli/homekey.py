"""Calls from the server's own host are signed with its home's key: nobody there needs a token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

KEY_FILE = "auth.key"
_KEY_BYTES = 32
#: A signature is good for a minute and used for half of one (seconds).
_GOOD, _USED = 60, 30


class HomeKey(httpx.Auth):
    """Signs requests while the key can be read: a server makes it when it first starts on that home."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = 0.0
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """One try; after a 401 a second one, with the key read again (the home may be a new one)."""
        before = self._sign(request)
        answer = yield request
        if answer.status_code == 401 and before:
            self._made = 0.0
            self._sign(request)
            yield request

    def _sign(self, request: httpx.Request) -> str:
        now = time.time()
        if not 0 <= now - self._made < _USED:
            self._token, self._made = host_token(_read(self._path), now), now
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return self._token


def host_token(key: bytes | None, now: float) -> str:
    """A JWT (HS256) that says "somebody on your host who can read your key"; "" without a key.

    Made by hand: importing PyJWT takes longer than most commands run, and checking is the server's part.
    """
    if key is None:
        return ""
    claims = {"sub": "host", "role": "admin", "host": True, "iat": int(now), "exp": int(now) + _GOOD}
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{text}.{_encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"


def on_this_host(url: str) -> bool:
    """Whether an address is a loopback one: only there the signature is sent, others could listen."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _part(value: dict[str, object]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
