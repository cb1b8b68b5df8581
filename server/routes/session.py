"""`/session`: signing in with a token, in a browser. `/api/v1/tokens`: who has one."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import time
from typing import Any
from urllib.parse import parse_qs, quote

from litestar import Response, delete, get, post
from litestar.params import FromPath

from server import params
from server.auth import BadToken, Caller, Tokens, view
from server.errors import answer, detail
from server.gate import COOKIE
from server.params import AnyRequest
from server.queue import MICRO
from stages.errors import BadInput

#: A browser stays signed in this long at most (seconds); its token may end sooner.
_MOST_SECONDS = 30 * 86_400
#: Where to go after signing in: a path of ours, never `//elsewhere`.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1999}\Z")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}"
    "label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}"
    "input,button{margin:.5rem 0;padding:.5rem}.trouble{color:#b00020}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}.trouble{color:#ff8a80}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FORM = """<form method="post" action="/session">
<label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>
<input type="hidden" name="next" value="{next}">
<button>Sign in</button>
</form>
<p>A token is made on the server's host: <code>dashcam token create NAME --role viewer</code></p>"""
_SIGNED_IN = """<p>Signed in as {name} ({role}).</p>
<form method="post" action="/session/end"><button>Sign out</button></form>
<p><a href="/">To the plates</a></p>"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · dashcam</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<h1>dashcam</h1>
{trouble}{body}
</body>
</html>
"""


def sign_in(request: AnyRequest, error: Exception) -> Response[bytes]:
    """The form, in place of a page that asks for a token (handler of `gate.SignIn`)."""
    scope = request.scope
    query = scope["query_string"].decode("latin-1")
    after = quote(scope["path"]) + (f"?{query}" if query else "")
    wrong = str(getattr(error, "detail", "")) if COOKIE in request.cookies else ""
    return _page(401, _form(after), wrong)


def _form(after: str) -> str:
    return _FORM.format(next=html.escape(after if _LOCAL.match(after) else "/"))


def _page(status: int, body: str, trouble: str = "") -> Response[bytes]:
    said = f'<p class="trouble" role="alert">{html.escape(trouble)}</p>\n' if trouble else ""
    text = _PAGE.format(style=_STYLE, trouble=said, body=body)
    headers = _HEADERS | ({"WWW-Authenticate": "Bearer"} if status == 401 else {})
    return Response(text.encode(), status_code=status, media_type="text/html", headers=headers)


@get("/session")
async def show_session(request: AnyRequest) -> Response[bytes]:
    """Who is signed in, or the form."""
    caller = _caller(request)
    if caller is None or caller.kind == "open":
        return _page(200, _form("/"))
    return _page(200, _SIGNED_IN.format(name=html.escape(caller.name), role=caller.role))


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
            return _page(401, _form(after), str(error))
        return detail(401, str(error), {"WWW-Authenticate": "Bearer"})
    seconds = _MOST_SECONDS
    if caller.expires_at is not None:
        seconds = min(seconds, max(0, int(caller.expires_at / MICRO - time.time())))
    cookie = {"Set-Cookie": _cookie(request, text.strip(), seconds)}
    if form:
        return Response(b"", status_code=303, headers=_HEADERS | cookie | {"Location": after})
    return answer(200, {"name": caller.name, "role": caller.role, "seconds": seconds}, _HEADERS | cookie)


@post("/session/end")
async def end_session(request: AnyRequest) -> Response[bytes]:
    """Sign out. The token stays good elsewhere; `dashcam token revoke` ends it."""
    return Response(
        b"",
        status_code=303,
        headers=_HEADERS | {"Set-Cookie": _cookie(request, "", 0), "Location": "/session"},
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


def _caller(request: AnyRequest) -> Caller | None:
    state: dict[str, Any] = request.scope["state"]
    return state.get("caller")


ROUTES = [
    show_session, begin_session, end_session, drop_session, list_tokens, create_token, revoke_token,
]  # fmt: skip
