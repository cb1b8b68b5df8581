"""`/session`: signing in with a token, in a browser. `/api/v1/tokens`: who has one."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import parse_qs, quote

from litestar import Response, delete, get, post
from litestar.params import FromPath

from server import params
from server.auth import BadToken, Tokens, view
from server.errors import answer, detail
from server.gate import COOKIE
from server.pages import page
from server.params import AnyRequest
from server.queue import MICRO
from stages.errors import BadInput

#: A browser stays signed in this long at most (seconds); its token may end sooner.
_MOST_SECONDS = 30 * 86_400
#: Where to go after signing in: a path of ours, never `//elsewhere`.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1999}\Z")
_KEPT = {"Cache-Control": "no-store"}


def sign_in(request: AnyRequest, error: Exception) -> Response[bytes]:
    """The form, in place of a page that asks for a token (handler of `gate.SignIn`)."""
    scope = request.scope
    query = scope["query_string"].decode("latin-1")
    after = quote(scope["path"]) + (f"?{query}" if query else "")
    wrong = str(getattr(error, "detail", "")) if COOKIE in request.cookies else ""
    return _form(request, 401, after, wrong)


def _form(request: AnyRequest, status: int, after: str, trouble: str = "") -> Response[bytes]:
    """The page to sign in; it goes on to `after`."""
    after = after if _LOCAL.match(after) else "/"
    answer = page(request, "login.html", status, after=after, trouble=trouble)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@get(["/login", "/session"])
async def show_session(request: AnyRequest) -> Response[bytes]:
    """Who is signed in, and the form; `next`: where to go afterwards."""
    return _form(request, 200, params.Query(request).text("next") or "/")


@post("/session")
async def begin_session(request: AnyRequest) -> Response[bytes]:
    """Sign in: `token` (a form's, or JSON's) becomes a cookie that scripts cannot read."""
    fields, form = await _fields(request)
    text = fields.get("token")
    if not isinstance(text, str):
        raise BadInput("token is missing", [("token", "is required")])
    after = str(fields.get("next") or "/")
    after = after if _LOCAL.match(after) else "/"
    try:
        caller = _tokens(request).caller(text.strip(), local=False)
    except BadToken as error:
        if form:
            return _form(request, 401, after, str(error))
        return detail(401, str(error), {"WWW-Authenticate": "Bearer"})
    seconds = _MOST_SECONDS
    if caller.expires_at is not None:
        seconds = min(seconds, max(0, int(caller.expires_at / MICRO - time.time())))
    cookie = {"Set-Cookie": _cookie(request, text.strip(), seconds)}
    if form:
        return Response(b"", status_code=303, headers=_KEPT | cookie | {"Location": after})
    return answer(200, {"name": caller.name, "role": caller.role, "seconds": seconds}, _KEPT | cookie)


@post("/session/end")
async def end_session(request: AnyRequest) -> Response[bytes]:
    """Sign out. The token stays good elsewhere; `dashcam token revoke` ends it."""
    return Response(
        b"",
        status_code=303,
        headers=_KEPT | {"Set-Cookie": _cookie(request, "", 0), "Location": "/login"},
    )


@delete("/session", status_code=200)
async def drop_session(request: AnyRequest) -> Response[bytes]:
    """Sign out, for scripts."""
    return answer(200, {"message": "Signed out"}, {"Set-Cookie": _cookie(request, "", 0)})


def _cookie(request: AnyRequest, value: str, seconds: int) -> str:
    state: dict[str, Any] = request.scope["state"]
    secure = "; Secure" if state.get("https") else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


async def _fields(request: AnyRequest) -> tuple[dict[str, Any], bool]:
    """The fields of the body, and whether they came from a form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return await params.object_body(request), False
    try:
        given = parse_qs((await request.body()).decode(), max_num_fields=10)
    except ValueError:
        raise BadInput("the form could not be read", [("body", "is no form")]) from None
    return {name: values[-1] for name, values in given.items()}, True


@get("/api/v1/tokens")
async def list_tokens(request: AnyRequest) -> Response[bytes]:
    """Every token that was given out, oldest first, without its text: that is kept nowhere."""
    return answer(200, [view(token) for token in _tokens(request).every()])


@post("/api/v1/tokens")
async def create_token(request: AnyRequest) -> Response[bytes]:
    """A new token for `name` with a `role`; `days`: how long it lasts. The answer shows it, once."""
    body = await params.object_body(request)
    token, text = await _tokens(request).create(
        params.convert(body.get("name", ""), str, "name"),
        params.convert(body.get("role", "viewer"), str, "role"),
        params.convert(body.get("days"), float | None, "days"),  # type: ignore[arg-type]
    )
    return answer(201, view(token) | {"token": text}, {"Cache-Control": "no-store"})


@delete("/api/v1/tokens/{jti:str}", status_code=200)
async def revoke_token(request: AnyRequest, jti: FromPath[str]) -> Response[bytes]:
    """End a token: the next request with it is refused."""
    return answer(200, view(await _tokens(request).revoke(jti)))


def _tokens(request: AnyRequest) -> Tokens:
    tokens = request.app.state.tokens
    assert isinstance(tokens, Tokens)
    return tokens


ROUTES = [
    show_session, begin_session, end_session, drop_session, list_tokens, create_token, revoke_token,
]  # fmt: skip
