"""`gate` (who is asking?) stands before the router, `guard` (may they?) behind it; `roles.py` has the table.

`gate` only looks; it refuses nobody. It leaves in `scope["state"]`:

- `caller`: a `Caller`, or None
- `refusal`: why there is none, or why the token that was sent is not one
- `address`: the address that the request came from (behind a trusted proxy: the one it names)
- `foreign`: a browser says that a page of another site makes this request
- `https`: the browser speaks to us, or to a trusted proxy, over TLS

`guard` runs when the router has found the route, so that the table is asked about the route that will run
and not about an address that somebody spelled in a clever way.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar.config.cors import CORSConfig
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, WebSocketException
from litestar.types import ASGIApp, Receive, Send

from config.settings import Settings
from server.auth import BadToken, Caller, Tokens
from server.peers import FORWARDED, Peer, networks, peer
from server.roles import Need, need

COOKIE = "dashcam_session"
_SAFE = {"GET", "HEAD", "OPTIONS"}


_HOW = "send one as 'Authorization: Bearer TOKEN' or 'X-API-Key: TOKEN' (dashcam token create makes one)"
_NO_TOKEN = f"this server asks for a token; {_HOW}"
_OUTSIDE = (
    "this server answers private networks only, and not through a proxy that it does not know, until it asks "
    "for tokens (dashcam server --auth required)"
)
_FOREIGN = "a page of another site may not do this; the setting cors_origins names those that may"


_ASKED = {
    *(b"authorization", b"x-api-key", b"cookie", b"origin", b"sec-fetch-site", b"host"),
    *(name.encode() for name in (*FORWARDED, "x-forwarded-proto")),
}
_ANYBODY = Caller(name="", role="admin", kind="open", ambient=True, free=True)


class SignIn(NotAuthorizedException):
    """A page that its visitor may not see; answered with the form to sign in."""


def gate(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Find out who asks, for HTTP and WebSockets. Raises `SettingsError` for proxies that are no addresses.

    The app's `state.tokens` must hold the `Tokens` by the time of the first request.
    """
    trusted = networks(settings.auth.trusted_proxies)
    required, origins = settings.auth.required, set(settings.server.cors_origins)

    def handle(scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] in ("http", "websocket"):
            heads = _heads(scope)
            from_where = peer(scope, heads, trusted)
            caller, refusal = _caller(scope, heads, from_where, required)
            scope.setdefault("state", {}).update(
                caller=caller,
                refusal=refusal,
                address=from_where.address,
                foreign=_foreign(heads, origins),
                https=from_where.https,
            )
        return app(scope, receive, send)

    return handle


def cors(settings: Settings) -> CORSConfig | None:
    """Which other sites' pages may read our answers: none, unless the settings name them."""
    if not settings.server.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(settings.server.cors_origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "If-None-Match"],
        expose_headers=[
            "ETag",
            "Retry-After",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
        ],
        max_age=600,
    )


def caller_key(scope: Any) -> str:
    """Whom a limit counts: "token:<jti>", "host" or "addr:<ip>". Behind `gate` only."""
    state = scope["state"]
    caller: Caller | None = state["caller"]
    if caller is not None and caller.kind == "host":
        return "host"
    if caller is not None and caller.jti is not None:
        return f"token:{caller.jti}"
    return f"addr:{state['address']}"


def guard(app: ASGIApp) -> ASGIApp:
    """Let a caller in, or raise: 401 (nobody, no token), 403 (too low a role, a page of another site).

    A middleware and no guard of Litestar's: for those it copies the route's handler with each request.
    """

    def handle(scope: Any, receive: Receive, send: Send) -> Awaitable[None]:
        let_in(scope)
        return app(scope, receive, send)

    return handle


def let_in(scope: Any) -> None:
    """As `guard`, once `scope["path_template"]` says which route it is."""
    state = scope.get("state", {})
    method = scope["method"] if scope["type"] == "http" else "WEBSOCKET"
    asked = need(method, scope["path_template"])
    caller: Caller | None = state.get("caller")
    if asked.role is not None:
        if caller is None or (asked.token and caller.kind == "open"):
            why = state.get("refusal") or "this address always asks for a token; " + _HOW
            raise _refused(scope, why, asked)
        if not caller.may(asked.role) and (asked.token or not caller.free):
            raise _forbidden(
                scope, f"this needs the role {asked.role}; the token {caller.name!r} has {caller.role}"
            )
    # What a browser brings along by itself must not be used by other people's pages.
    by_itself = asked.role is None or (caller is not None and caller.ambient)
    if by_itself and method not in _SAFE and state.get("foreign"):
        raise _forbidden(scope, _FOREIGN)


def _refused(scope: Any, why: str, asked: Need) -> Exception:
    if scope["type"] != "http":
        return WebSocketException(detail=why[:120], code=4401)
    kind = SignIn if asked.page else NotAuthorizedException
    return kind(detail=why, headers={"WWW-Authenticate": "Bearer"})


def _forbidden(scope: Any, why: str) -> Exception:
    if scope["type"] != "http":
        return WebSocketException(detail=why[:120], code=4403)
    return PermissionDeniedException(detail=why)


def _caller(scope: Any, heads: dict[str, str], from_where: Peer, required: bool) -> tuple[Caller | None, str]:
    """The caller, and what was wrong with the token that was sent (or that none was)."""
    tokens: Tokens = scope["litestar_app"].state.tokens
    text, cookie = _credential(scope, heads)
    caller, trouble = None, ""
    if text is not None:
        try:
            found = tokens.caller(text, local=from_where.local and not cookie)
            caller = msgspec.structs.replace(found, ambient=cookie, free=not required)
        except BadToken as error:
            trouble = str(error)
    if required:
        return caller, "" if caller is not None else trouble or _NO_TOKEN
    if not from_where.private:
        return None, _OUTSIDE
    return caller or _ANYBODY, trouble


def _credential(scope: Any, heads: dict[str, str]) -> tuple[str | None, bool]:
    """The token that was sent, and whether it is a cookie's. What was sent on purpose goes first."""
    scheme, _, rest = heads.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip(), False
    if "x-api-key" in heads:
        return heads["x-api-key"].strip(), False
    if scope["type"] == "websocket":  # browsers cannot give a WebSocket headers
        try:
            asked = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=100).get("token")
        except ValueError:
            asked = None
        if asked:
            return asked[-1], False
    for part in heads.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"'), True
    return None, False


def _foreign(heads: dict[str, str], origins: set[str]) -> bool:
    """Whether a browser says that a page of another site asks. Programs say nothing of the kind."""
    origin = heads.get("origin")
    if origin in origins:
        return False
    site = heads.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != heads.get("host", "").lower()
    except ValueError:
        return True


def _heads(scope: Any) -> dict[str, str]:
    """The headers that are asked for here, repeated ones joined by commas (as the standard has it; cookies by
    semicolons).
    """
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name.lower() not in _ASKED:
            continue
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        joint = "; " if key == "cookie" else ", "
        found[key] = f"{found[key]}{joint}{text}" if key in found else text
    return found
