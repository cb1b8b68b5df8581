"""Tokens: the records of those that were given out, and who a token's bearer is.

A token is a JWT (HS256). The record of each lies in the database and in memory: checking one reads no
disk, and a revoked one is refused from the next request on. Commands on the server's own host need none:
they sign with the home's key, for a minute at a time.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jwt
import msgspec

from server.dispatch import stamp
from server.queue import MICRO
from server.sql import SQL
from server.sqlite import Database
from server.sqlite_known import rows
from stages.errors import BadInput, Conflict, NotFound, Unavailable

#: From least to most; each may do what the ones before it may.
ROLES = ("viewer", "worker", "admin")
#: A host's own signature lives this long (seconds) at most.
HOST_SECONDS = 120
_ALGORITHM = "HS256"
_LONGEST = 4096
_REMEMBERED = 512
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@ -]{0,63}\Z")
_MOST_DAYS = 36_500


class BadToken(Exception):
    """A token that opens nothing; the message says why."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `kind`: "open" (nobody asked who), "token", or "host" (signed with the home's key).

    `jti` names a token's record; `expires_at` is in µs since 1970. `ambient`: a browser brought the
    permission along by itself (cookie, network). `free`: roles are not looked at on v1 (open mode).
    """

    name: str
    role: str
    kind: str
    jti: str | None = None
    expires_at: int | None = None
    ambient: bool = False
    free: bool = False

    def may(self, role: str) -> bool:
        """Whether the caller's role is that one or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a token that was given out. Times are µs since 1970."""

    jti: str
    name: str
    role: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class Tokens:
    """Every token of a home. Used by one event loop only; `clock` gives Unix time."""

    def __init__(self, database: Database, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self._known: dict[str, Token] = {}
        # What a text says never changes, whether its record stands is looked up each time.
        self._claims = lru_cache(_REMEMBERED)(self._decoded)

    async def load(self) -> None:
        """Bring the records into memory."""
        self._known = {token.jti: token for token in await self._database.read(_every)}

    def every(self) -> list[Token]:
        """Every token that was given out, oldest first, also expired and revoked ones."""
        return [*self._known.values()]

    async def create(self, name: str, role: str, days: float | None = None) -> tuple[Token, str]:
        """A new token: its record, and its text, which is kept nowhere.

        `days` None: it never expires. Raises `BadInput`, and `Conflict` when a valid token has the name.
        """
        now = self._now()
        token = _asked(name, role, days, now)
        kept = await asyncio.shield(self._database.awrite(lambda c: _insert(c, token, now)))
        self._known[kept.jti] = kept
        return kept, self._sign(kept)

    async def revoke(self, jti: str) -> Token:
        """End a token for good; once more changes nothing. Raises `NotFound`."""
        known, now = self._known.get(jti), self._now()
        if known is None:
            raise NotFound(f"Token {jti[:64]} not found")
        # Refused from here on, whatever becomes of the caller while the disk is written.
        self._known[jti] = msgspec.structs.replace(known, revoked_at=known.revoked_at or now)
        try:
            return await asyncio.shield(self._database.awrite(lambda c: _revoke(c, jti, now)))
        except Unavailable:
            self._known[jti] = known
            raise

    def caller(self, text: str, *, local: bool) -> Caller:
        """Who bears this token. `local`: the request came from this host itself. Raises `BadToken`."""
        claims = self._claims(text)
        if claims.get("host") is True:
            return self._host(claims, local)
        token = self._known.get(str(claims.get("jti")))
        if token is None:
            raise BadToken("this token is not known here; make a new one with: dashcam token create NAME")
        self._check(token)
        return Caller(
            name=token.name, role=token.role, kind="token", jti=token.jti, expires_at=token.expires_at
        )

    def stands(self, caller: Caller) -> bool:
        """Whether a caller let in earlier would be let in now: long connections ask from time to time."""
        if caller.jti is None:
            return True
        try:
            self._check(self._known[caller.jti])
        except (KeyError, BadToken):
            return False
        return True

    def _check(self, token: Token) -> None:
        if token.revoked_at is not None:
            raise BadToken(f"the token {token.name!r} was revoked")
        if token.expires_at is not None and self._now() >= token.expires_at:
            raise BadToken(f"the token {token.name!r} has expired")

    def _host(self, claims: dict[str, Any], local: bool) -> Caller:
        if not local:
            raise BadToken("a signature of the server's own host counts on that host only")
        made, ends = claims.get("iat"), claims.get("exp")
        if not isinstance(made, int) or not isinstance(ends, int) or not 0 < ends - made <= HOST_SECONDS:
            raise BadToken("a host's signature names a time of at most two minutes")
        if not made - HOST_SECONDS <= self._clock() < ends:
            raise BadToken("this host's signature has expired; is the clock being changed?")
        return Caller(name="host", role="admin", kind="host")

    def _decoded(self, text: str) -> dict[str, Any]:
        """The claims of a text that our key signed. Expiry is judged by the record, and by our clock."""
        if len(text) > _LONGEST:
            raise BadToken("this is no token: it is too long")
        try:
            return jwt.decode(
                text,
                self._key,
                algorithms=[_ALGORITHM],
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except jwt.InvalidSignatureError:
            raise BadToken("this token was not signed by this server") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise BadToken("this is no token of ours") from None

    def _sign(self, token: Token) -> str:
        claims: dict[str, Any] = {
            "sub": token.name,
            "role": token.role,
            "jti": token.jti,
            "iat": token.created_at // MICRO,
        }
        if token.expires_at is not None:
            claims["exp"] = token.expires_at // MICRO
        return jwt.encode(claims, self._key, _ALGORITHM)

    def _now(self) -> int:
        return int(self._clock() * MICRO)


def _asked(name: str, role: str, days: float | None, now: int) -> Token:
    if not _NAME.match(name):
        rule = "1 to 64 letters, digits, spaces and . _ @ -, and begins with a letter or a digit"
        raise BadInput(f"a token's name has {rule}", [("name", f"must have {rule}")])
    if role not in ROLES:
        raise BadInput(
            f"role must be one of {', '.join(ROLES)}", [("role", f"is not one of {', '.join(ROLES)}")]
        )
    if days is not None and not 0 < days <= _MOST_DAYS:
        raise BadInput(f"days must be above 0 and at most {_MOST_DAYS}", [("days", "is out of range")])
    ends = None if days is None else now + int(days * 86_400 * MICRO)
    return Token(
        jti=secrets.token_hex(8), name=name, role=role, created_at=now, expires_at=ends, revoked_at=None
    )


def _every(connection: sqlite3.Connection) -> list[Token]:
    return rows(connection.execute(SQL["tokens"]), Token)


def _insert(connection: sqlite3.Connection, token: Token, now: int) -> Token:
    named = connection.execute(SQL["live_token_named"], {"name": token.name, "now": now}).fetchone()
    if named is not None:
        raise Conflict(
            f"there is a token {token.name!r} ({named[0]}); revoke it first, or choose another name"
        )
    return rows(connection.execute(SQL["insert_token"], msgspec.structs.asdict(token)), Token)[0]


def _revoke(connection: sqlite3.Connection, jti: str, now: int) -> Token:
    return rows(connection.execute(SQL["revoke_token"], {"jti": jti, "now": now}), Token)[0]


def view(token: Token) -> dict[str, Any]:
    """A record as the API shows it."""
    return {
        "jti": token.jti,
        "name": token.name,
        "role": token.role,
        "created_at": stamp(token.created_at),
        "expires_at": None if token.expires_at is None else stamp(token.expires_at),
        "revoked_at": None if token.revoked_at is None else stamp(token.revoked_at),
    }
