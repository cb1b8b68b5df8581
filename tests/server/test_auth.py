"""Who may do what: every route and role, tokens, private networks, proxies, browsers."""

import base64
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import jwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as limit
from hypothesis import strategies as st
from litestar import Litestar
from litestar.exceptions import WebSocketDisconnect
from litestar.testing import TestClient

from config.settings import AuthSettings, LimitSettings, Settings
from dashcam_cli.homekey import host_token
from server.app import create_app
from server.auth import BadToken, Tokens
from server.gate import COOKIE, caller_key
from server.keys import home_key
from server.roles import PUBLIC, TABLE, need
from server.routes.session import _LOCAL
from stages.errors import SettingsError

ROLES = ("viewer", "worker", "admin")
FORWARDED = (
    {"X-Forwarded-For": "192.168.1.9"},
    {"Forwarded": "for=192.168.1.9"},
    {"X-Real-IP": "192.168.1.9"},
)


class Desk:
    """A server whose callers' address can be chosen, and tokens of every kind."""

    def __init__(self, settings: Settings, app_of: Callable[[Settings], Litestar]) -> None:
        free = LimitSettings(requests_per_minute=0, connections=0)
        self.app = app_of(msgspec.structs.replace(settings, limits=free))
        self.peer: object = ("127.0.0.1", 1)
        self.seen: list[str] = []
        inside, outside = self.app.asgi_handler, self
        self.before = inside

        async def moved(scope, receive, send):
            scope["client"] = outside.peer
            await inside(scope, receive, send)
            if "address" in scope.get("state", {}):
                outside.seen.append(caller_key(scope))

        self.app.asgi_handler = moved
        self.client = TestClient(self.app)

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.client.__exit__(*error)
        self.app.asgi_handler = self.before

    @property
    def tokens(self) -> Tokens:
        return self.app.state.tokens

    def make(self, role: str, name: str = "", days: float | None = None) -> str:
        """A token's text."""
        return self.client.blocking_portal.call(self.tokens.create, name or f"a {role}", role, days)[1]

    def revoke(self, text: str) -> None:
        """End a token."""
        self.client.blocking_portal.call(
            self.tokens.revoke, jwt.decode(text, options={"verify_signature": False})["jti"]
        )

    def call(self, method: str, path: str, text: str | None = None, **headers: str):
        """A request, with a bearer token or without."""
        if text is not None:
            headers["Authorization"] = f"Bearer {text}"
        return self.client.request(method, path, headers=headers, follow_redirects=False)


@pytest.fixture
def open_desk(settings: Settings, app_of) -> Iterator[Desk]:
    """A server as it is by default: private networks need no token."""
    with Desk(settings, app_of) as made:
        yield made


@pytest.fixture
def required(settings: Settings) -> Settings:
    """Settings that ask everybody for a token."""
    return msgspec.structs.replace(
        settings, auth=AuthSettings(required=True), home=f"{settings.home}-required"
    )


@pytest.fixture
def desk(required: Settings, app_of) -> Iterator[Desk]:
    """A server that asks everybody for a token."""
    with Desk(required, app_of) as made:
        yield made


def routes(app) -> list[tuple[str, str]]:
    """Every (method, template) of an app; OPTIONS is the router's own."""
    found = []
    for route in app.routes:
        methods = getattr(route, "methods", None) or {"WEBSOCKET"}
        found += [(method, route.path_format) for method in methods - {"OPTIONS"}]
    return sorted(found)


def test_every_route_is_in_the_table(desk: Desk):
    """No route relies on the default, and no row names a route that v1 does not have."""
    walked = routes(desk.app)
    assert len(walked) > 30
    rows = {f"{method} {re.sub('{[^}]*}', '{}', path)}" for method, path in walked}
    v1 = {row for row in rows if " /api/v2/" not in row}
    assert v1 - TABLE.keys() == set()
    assert {row.replace("/api/v2/", "/api/v1/") for row in rows - v1} - TABLE.keys() == set()
    assert TABLE.keys() - rows == set()


@pytest.mark.slow
def test_every_route_and_role(desk: Desk):
    """Under --auth required each route lets in exactly the roles that its row names."""
    texts: dict[str, str | None] = {role: desk.make(role) for role in ROLES}
    texts |= {
        "none": None,
        "expired": desk.make("admin", "old", 1e-9),
        "revoked": desk.make("admin", "ended"),
    }
    desk.revoke(texts["revoked"])
    time.sleep(0.001)
    for method, path in routes(desk.app):
        asked = need(method, path)
        filled = re.sub("{[^}]*}", "nothing-there", path)
        for who, text in texts.items():
            may = asked.role is None or (who in ROLES and ROLES.index(who) >= ROLES.index(asked.role))
            wanted = None if may else 403 if who in ROLES else 401
            got = websocket(desk, filled, text) if method == "WEBSOCKET" else desk.call(method, filled, text)
            code = got if isinstance(got, int) else got.status_code
            what = f"{method} {path} as {who}: {code}"
            if wanted is None:
                assert code not in (401, 403) or (path, method) == ("/session", "POST"), what
            else:
                assert code == wanted, what
            if wanted and not isinstance(got, int):
                assert ("www-authenticate" in got.headers) == (wanted == 401), what


def websocket(desk: Desk, path: str, text: str | None, **more) -> int:
    """How a WebSocket's handshake ends: 101, or the status that its close code carries."""
    headers = more.pop("headers", {}) | ({} if text is None else {"Authorization": f"Bearer {text}"})
    try:
        with desk.client.websocket_connect(path, headers=headers, **more):
            return 101
    except WebSocketDisconnect as closed:
        return closed.code - 4000


def test_what_is_in_no_row_needs_an_admin():
    """A route that somebody forgets to add is closed, also to readers."""
    assert need("GET", "/api/v1/new").role == "admin"
    assert need("POST", "/api/v2/new/{x}").role == "admin"
    assert need("POST", "/api/v2/new/{x}").token


def test_v2_asks_what_v1_asks_and_always_a_token():
    """The rows of v1 hold for v2, where open mode does not help."""
    assert need("GET", "/api/v2/tasks/{task_id}").role == "viewer"
    assert need("GET", "/api/v2/tasks/{task_id}").token
    assert not need("GET", "/api/v1/tasks/{task_id}").token


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/tokens/",
        "//api/v1//tokens",
        "/api/v1/tokens?x",
        "/api/v1/./tokens",
        "/api/v1/tasks/../tokens",
        "/API/v1/tokens",
        "/api/v1/tokens%2f",
        "/api/v1/%74okens",
    ],
)
def test_spelling_an_address_differently_opens_nothing(desk: Desk, path: str):
    """A viewer gets nothing of an admin's route, however the address is written."""
    answer = desk.call("GET", path, desk.make("viewer"))
    assert answer.status_code in (403, 404)


def test_reasons_are_told(desk: Desk):
    """401 and 403 say in one sentence what is wrong."""
    old, ended, viewer = desk.make("viewer", "old", 1e-9), desk.make("viewer", "ended"), desk.make("viewer")
    desk.revoke(ended)
    said = [
        (None, "asks for a token"), ("nonsense", "no token"), (old, "has expired"), (ended, "was revoked"),
        (jwt.encode({"jti": "x"}, b"k" * 32), "not signed by this server"),
        (jwt.encode({"jti": "x"}, home_key(Path(desk.app.state.services.settings.home))), "not known here"),
    ]  # fmt: skip
    for text, reason in said:
        answer = desk.call("GET", "/api/v1/tasks", text)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert reason in answer.json()["detail"]
    refused = desk.call("POST", "/api/v1/tasks", viewer)
    assert refused.status_code == 403
    assert refused.json() == {"detail": "this needs the role worker; the token 'a viewer' has viewer"}


def test_api_key_and_cookie_are_the_same_token(desk: Desk):
    """`X-API-Key` and the cookie open what the bearer header opens; what is sent on purpose goes first."""
    text = desk.make("viewer")
    assert desk.call("GET", "/api/v1/tasks", **{"X-API-Key": text}).status_code == 200
    assert desk.call("GET", "/api/v1/tasks", Cookie=f"a=b; {COOKIE}={text}").status_code == 200
    assert desk.call("GET", "/api/v1/tasks", "wrong", Cookie=f"{COOKIE}={text}").status_code == 401
    assert (
        desk.call("GET", "/api/v1/tasks", Authorization="Basic eDp5", Cookie=f"{COOKIE}={text}").status_code
        == 200
    )
    assert desk.call("GET", f"/api/v1/tasks?token={text}").status_code == 401
    assert {f"token:{claims(text)['jti']}", "addr:127.0.0.1"} == set(desk.seen)


def claims(text: str) -> dict[str, object]:
    """What a token says."""
    return jwt.decode(text, options={"verify_signature": False})


def test_forged_tokens_are_refused(desk: Desk):
    """No algorithm, another one, another key, a raised role: 401."""
    viewer = desk.make("viewer")
    head, body, mark = viewer.split(".")
    raised = (
        base64.urlsafe_b64encode(json.dumps(claims(viewer) | {"role": "admin", "host": True}).encode())
        .rstrip(b"=")
        .decode()
    )
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    key = home_key(Path(desk.app.state.services.settings.home))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        other = jwt.encode(claims(viewer), key, "HS512")
    for text in (
        f"{head}.{raised}.{mark}",
        f"{none}.{body}.",
        f"{none}.{raised}.{mark}",
        other,
        jwt.encode(claims(viewer), "0" * 32),
        f"{head}.{body}",
        "",
        "." * 4000,
        "a" * 5000,
    ):
        assert desk.call("GET", "/api/v1/tasks", text).status_code == 401, text
    assert desk.call("GET", "/api/v1/tasks", viewer).status_code == 200


def test_any_text_is_a_bad_token_and_nothing_worse(desk: Desk):
    """Whatever bytes come as a token, the answer is a `BadToken`."""

    @limit(max_examples=200, deadline=None)
    @given(
        st.one_of(
            st.text(max_size=60),
            st.lists(st.text("eyJhbGci.OiJ_-=", max_size=30), min_size=3, max_size=3).map(".".join),
        )
    )
    def check(text: str) -> None:
        with pytest.raises(BadToken):
            desk.tokens.caller(text, local=True)

    check()
    deep = base64.urlsafe_b64encode(b"[" * 3000).decode()
    with pytest.raises(BadToken):
        desk.tokens.caller(f"{deep}.e30.x", local=True)


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path):
    """32 random bytes with mode 0600; read again later; other contents are refused with a sentence."""
    key = home_key(tmp_path)
    assert len(key) == 32
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "auth.key").stat().st_mode) == 0o600
    assert home_key(tmp_path) == key
    (tmp_path / "auth.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="is no key"):
        home_key(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_key_that_others_can_read_is_warned_of(tmp_path: Path, caplog):
    """The server says so when the key's mode lets others read it."""
    home_key(tmp_path)
    assert not caplog.records
    (tmp_path / "auth.key").chmod(0o644)
    home_key(tmp_path)
    assert "chmod 600" in caplog.text


def test_tokens_survive_a_restart_and_revocation_does_too(required: Settings, app_of):
    """Records lie in the database: what stood stands, what was revoked stays so."""
    with Desk(required, app_of) as first:
        stands, ended = first.make("viewer"), first.make("viewer", "ended")
        first.revoke(ended)
    with Desk(required, app_of) as again:
        assert again.call("GET", "/api/v1/tasks", stands).status_code == 200
        assert again.call("GET", "/api/v1/tasks", ended).status_code == 401


def test_expiry_is_judged_by_the_clock(desk: Desk):
    """A token ends when its days are over, not before."""
    now = [1_000_000.0]
    tokens = Tokens(desk.app.state.services.database, b"k" * 32, clock=lambda: now[0])
    made, text = desk.client.blocking_portal.call(tokens.create, "short", "viewer", 1.0)
    assert claims(text)["exp"] == 1_086_400
    now[0] += 86_399
    caller = tokens.caller(text, local=False)
    assert tokens.stands(caller)
    now[0] += 1
    assert not tokens.stands(caller)
    with pytest.raises(BadToken, match="expired"):
        tokens.caller(text, local=False)
    assert made.expires_at == 1_086_400_000_000


def test_token_api(desk: Desk):
    """Create, list, revoke over HTTP; the text is in the first answer only; mistakes have their statuses."""
    admin = desk.make("admin")

    def post(body: object):
        return desk.client.post("/api/v1/tokens", json=body, headers={"Authorization": f"Bearer {admin}"})

    made = post({"name": "anna", "role": "viewer", "days": 2}).json()
    assert [*made] == ["jti", "name", "role", "created_at", "expires_at", "revoked_at", "token"]
    assert desk.call("GET", "/api/v1/tasks", made["token"]).status_code == 200
    listed = desk.call("GET", "/api/v1/tokens", admin)
    assert [each["name"] for each in listed.json()] == ["a admin", "anna"]
    assert made["token"] not in listed.text
    assert post({"name": "anna"}).status_code == 409
    for body in (
        {},
        {"name": "-"},
        {"name": "x" * 65},
        {"name": "a\nb"},
        {"name": 7},
        {"name": "x", "role": "root"},
        {"name": "x", "days": 0},
        {"name": "x", "days": 1e99},
        {"name": "x", "days": "2"},
        [1],
    ):
        assert post(body).status_code == 400, body
    ended = desk.call("DELETE", f"/api/v1/tokens/{made['jti']}", admin)
    assert ended.status_code == 200
    assert ended.json()["revoked_at"]
    assert desk.call("GET", "/api/v1/tasks", made["token"]).status_code == 401
    assert desk.call("DELETE", f"/api/v1/tokens/{made['jti']}", admin).json() == ended.json()
    assert desk.call("DELETE", "/api/v1/tokens/none", admin).json() == {"detail": "Token none not found"}
    assert post({"name": "anna"}).status_code == 201


# -- open mode ------------------------------------------------------------------------------------


PRIVATE = (
    "127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.0.7", "169.254.1.1", "100.64.0.1", "100.127.255.255",
    "fd12::1", "fe80::1%eth0", "::ffff:192.168.1.1",
)  # fmt: skip
ELSEWHERE = (
    "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2001:db8::1", "::ffff:8.8.8.8", "11.0.0.1", "fec0::1",
    "0.0.0.0", "a-name", "",  # noqa: S104
)  # fmt: skip


def test_private_networks_need_no_token(open_desk: Desk):
    """v1 answers private peers, whatever stands in an Authorization header."""
    ended = open_desk.make("viewer", "ended")
    open_desk.revoke(ended)
    wrong = ({"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {ended}"}, {"X-API-Key": "x"})
    for peer in PRIVATE:
        open_desk.peer = (peer, 1)
        for header in ({}, *wrong, {"Cookie": f"{COOKIE}=x"}):
            assert open_desk.call("GET", "/api/v1/tasks", **header).status_code == 200, peer
    assert open_desk.call("POST", "/api/v1/tasks/1/cancel", open_desk.make("viewer")).status_code == 404
    assert open_desk.call("GET", "/").status_code == 200


def test_public_peers_are_refused_in_open_mode(open_desk: Desk):
    """From elsewhere 401, with a valid token too, until authentication is required; health answers."""
    admin = open_desk.make("admin")
    for peer in ELSEWHERE:
        open_desk.peer = (peer, 1)
        for text in (None, admin):
            answer = open_desk.call("GET", "/api/v1/tasks", text)
            assert answer.status_code == 401, peer
            assert "--auth required" in answer.json()["detail"]
    assert open_desk.call("GET", "/").status_code == 401
    assert open_desk.call("GET", "/media/x.jpg").status_code == 401
    assert open_desk.call("GET", "/health").status_code == 200


def test_a_valid_token_opens_a_required_server_from_anywhere(desk: Desk):
    """Under --auth required neither a public address nor an unknown proxy matters: the token does."""
    text = desk.make("viewer")
    for peer in (*PRIVATE, *ELSEWHERE):
        desk.peer = (peer, 1)
        for headers in ({}, *FORWARDED):
            assert desk.call("GET", "/api/v1/tasks", text, **headers).status_code == 200, peer
            assert desk.call("GET", "/api/v1/tasks", **headers).status_code == 401, peer


@pytest.mark.parametrize("peer", [None, ("testclient", 50000)])
def test_a_socket_without_an_address_is_this_host(open_desk: Desk, peer: object):
    """A Unix socket has no peer address, and the test client a name that no socket can have."""
    open_desk.peer = peer
    assert open_desk.call("GET", "/api/v1/tasks").status_code == 200


@pytest.mark.parametrize("headers", FORWARDED)
def test_an_unknown_proxy_is_refused(open_desk: Desk, headers: dict[str, str]):
    """Forwarding headers from an address that is not listed: 401, however private everything looks."""
    answer = open_desk.call("GET", "/api/v1/tasks", **headers)
    assert answer.status_code == 401
    assert (
        open_desk.call(
            "GET", "/api/v1/tasks", host_token(key_of(open_desk), time.time()), **headers
        ).status_code
        == 401
    )


def key_of(desk: Desk) -> bytes:
    """The key of a desk's home."""
    return home_key(Path(desk.app.state.services.settings.home))


@pytest.mark.parametrize(
    ("headers", "status", "address"),
    [
        ({"X-Forwarded-For": "192.168.1.9"}, 200, "192.168.1.9"),
        ({"X-Forwarded-For": "8.8.8.8"}, 401, "8.8.8.8"),
        ({"X-Forwarded-For": "192.168.1.9, 8.8.8.8"}, 401, "8.8.8.8"),
        ({"X-Forwarded-For": "8.8.8.8, 192.168.1.9, 10.9.0.2"}, 200, "192.168.1.9"),
        ({"X-Forwarded-For": "junk"}, 401, "10.9.0.1"),
        ({"X-Forwarded-For": ""}, 401, "10.9.0.1"),
        ({"X-Forwarded-For": "10.9.0.2"}, 401, "10.9.0.1"),
        ({"X-Real-IP": "192.168.1.9"}, 200, "192.168.1.9"),
        ({"X-Real-IP": "192.168.1.9", "X-Forwarded-For": "8.8.8.8"}, 401, "10.9.0.1"),
        ({"Forwarded": 'for="[2001:db8::1]:4711";proto=https'}, 401, "2001:db8::1"),
        ({"Forwarded": "for=8.8.8.8, For=192.168.1.9:1234"}, 200, "192.168.1.9"),
        ({"Forwarded": "by=8.8.8.8"}, 401, "10.9.0.1"),
        ({"X-Forwarded-For": "[fd00::1]:80"}, 200, "fd00::1"),
    ],
)  # fmt: skip
def test_a_trusted_proxy_is_believed(settings, app_of, headers: dict[str, str], status: int, address: str):
    """Behind a listed proxy the nearest unlisted address counts; contradictions count as unknown."""
    behind = msgspec.structs.replace(settings, auth=AuthSettings(trusted_proxies=("10.9.0.0/24",)))
    with Desk(behind, app_of) as desk:
        desk.peer = ("10.9.0.1", 1)
        assert desk.call("GET", "/api/v1/tasks", **headers).status_code == status
        assert desk.seen == [f"addr:{address}"]


def test_trusted_proxies_must_be_addresses(settings: Settings):
    """A name in `trusted_proxies` stops the start with a sentence."""
    with pytest.raises(SettingsError, match="trusted_proxies: 'nginx'"):
        create_app(msgspec.structs.replace(settings, auth=AuthSettings(trusted_proxies=("nginx",))))


def test_nobody_makes_tokens_without_one(open_desk: Desk):
    """Open mode does not hand out tokens that would outlive it; the host's own commands may."""
    for method, path in (
        ("GET", "/api/v1/tokens"),
        ("POST", "/api/v1/tokens"),
        ("DELETE", "/api/v1/tokens/x"),
    ):
        assert open_desk.call(method, path).status_code == 401
        assert open_desk.call(method, path, "wrong").status_code == 401
        assert open_desk.call(method, path, open_desk.make("worker", f"{method} w")).status_code == 403
    assert (
        open_desk.call("GET", "/api/v1/tokens", host_token(key_of(open_desk), time.time())).status_code == 200
    )


# -- the host's own signature -----------------------------------------------------------------------


def test_the_hosts_signature_opens_everything_here_only(desk: Desk):
    """Signed with the home's key: admin, counted as "host"; from another address it is worth nothing."""
    text = host_token(key_of(desk), time.time())
    assert desk.call("POST", "/api/v1/tasks/1/cancel", text).status_code == 404
    assert desk.seen == ["host"]
    assert desk.call("GET", "/api/v1/tasks", Cookie=f"{COOKIE}={text}").status_code == 401
    desk.peer = ("192.168.1.5", 1)
    assert desk.call("GET", "/api/v1/tasks", text).status_code == 401
    assert desk.seen[-1] == "addr:192.168.1.5"


@pytest.mark.parametrize(
    "claim",
    [
        {"iat": -70, "exp": -10}, {"iat": 0, "exp": 10**9}, {"iat": 1000, "exp": 1060}, {"iat": 0}, {"exp": 60},
        {"iat": 60, "exp": 0}, {"iat": "0", "exp": "60"}, {"iat": 0.5, "exp": 60.5},
    ],
)  # fmt: skip
def test_a_hosts_signature_is_short_lived(desk: Desk, claim: dict[str, object]):
    """One that is over, not yet begun, or made to last is refused."""
    now = int(time.time())
    moved = {name: now + value if isinstance(value, int) else value for name, value in claim.items()}
    body = json.dumps({"sub": "host", "host": True} | moved).encode()
    text = jwt.PyJWS().encode(body, key_of(desk), "HS256")
    assert desk.call("GET", "/api/v1/tasks", text).status_code == 401


# -- browsers ---------------------------------------------------------------------------------------


def test_sign_in_by_browser(desk: Desk):
    """A page asks for the token, the form gives a cookie that scripts and other sites cannot use."""
    page = desk.call("GET", "/videos/x?a=%22%3Cscript%3E")
    assert page.status_code == 401
    assert page.headers["www-authenticate"] == "Bearer"
    assert 'name="token"' in page.text
    assert "<script>" not in page.text
    assert 'value="/videos/x?a=%22%3Cscript%3E"' in page.text
    text = desk.make("viewer")
    wrong = desk.client.post("/session", data={"token": "<b>", "next": "/"})
    assert (wrong.status_code, "no token" in wrong.text) == (401, True)
    done = desk.client.post(
        "/session", data={"next": "/videos/x", "token": f" {text} "}, follow_redirects=False
    )
    assert (done.status_code, done.headers["location"]) == (303, "/videos/x")
    cookie = done.headers["set-cookie"]
    assert cookie == f"{COOKIE}={text}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"
    assert desk.client.get("/").status_code == 200
    assert "a viewer" in desk.client.get("/session").text
    out = desk.client.post("/session/end", follow_redirects=False)
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert desk.client.get("/").status_code == 401


def test_cookie_ends_with_its_token_and_is_secure_on_tls(desk: Desk):
    """`Max-Age` is the token's rest; over https the cookie is `Secure`; JSON works as the form does."""
    text = desk.make("viewer", "brief", 1)
    answer = desk.client.post("https://testserver.local/session", json={"token": text})
    assert answer.json() == {"name": "brief", "role": "viewer", "seconds": answer.json()["seconds"]}
    assert 86_390 < answer.json()["seconds"] <= 86_400
    assert answer.headers["set-cookie"].endswith("; Secure")
    assert desk.client.post("/session", json={"token": "x"}).status_code == 401
    assert desk.client.post("/session", json={"token": 5}).status_code == 400
    assert (
        desk.client.post("/session", json={"token": host_token(key_of(desk), time.time())}).status_code == 401
    )
    assert "Max-Age=0" in desk.client.delete("/session").headers["set-cookie"]


@pytest.mark.parametrize(
    "after",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:x",
        "/a\r\nX: y",
        "",
        "x",
        "/\t/evil.example",
        "/" * 3000,
    ],
)
def test_signing_in_leads_nowhere_else(desk: Desk, after: str):
    """`next` is a path of ours, else the front page."""
    assert not _LOCAL.match(after)
    done = desk.client.post(
        "/session", data={"token": desk.make("viewer"), "next": after}, follow_redirects=False
    )
    assert done.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://[bad"},
    ],
)
def test_pages_of_other_sites_change_nothing(desk: Desk, open_desk: Desk, headers: dict[str, str]):
    """A cookie, or being on the private network, is not enough when a foreign page asks; a token is."""
    admin = desk.make("admin")
    path = "/api/v1/tasks/1/cancel"
    assert desk.call("POST", path, Cookie=f"{COOKIE}={admin}", **headers).status_code == 403
    assert desk.call("POST", path, admin, **headers).status_code == 404
    assert desk.call("GET", "/api/v1/tasks", Cookie=f"{COOKIE}={admin}", **headers).status_code == 200
    assert desk.call("POST", "/session", **headers).status_code == 403
    assert open_desk.call("POST", path, **headers).status_code == 403
    assert websocket(open_desk, "/api/v1/ws/tasks", None, headers=headers) == 403
    assert websocket(desk, "/api/v1/ws/tasks", None, headers=headers | {"Cookie": f"{COOKIE}={admin}"}) == 403


def test_our_own_pages_may(desk: Desk):
    """The same requests from our own origin, and from programs that name none, go through."""
    admin = desk.make("admin")
    for headers in (
        {},
        {"Origin": "http://testserver.local"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://outside.example"},
    ):
        assert (
            desk.call("POST", "/api/v1/tasks/1/cancel", Cookie=f"{COOKIE}={admin}", **headers).status_code
            == 404
        )


def test_websocket_tokens(desk: Desk):
    """Header, cookie or `?token=`; without one, or with a revoked one, the handshake ends with 4401."""
    text = desk.make("viewer")
    at = "/api/v1/ws/tasks"
    assert websocket(desk, at, text) == 101
    assert websocket(desk, f"{at}?token={text}", None) == 101
    assert websocket(desk, at, None, headers={"Cookie": f"{COOKIE}={text}"}) == 101
    desk.revoke(text)
    assert websocket(desk, f"{at}?token={text}", None) == 401
    assert websocket(desk, at, None) == 401


def test_cors_is_off_and_exact_when_on(settings: Settings, desk: Desk, app_of):
    """No header for other sites by default; a named one, and only that one, gets its preflight answered."""
    asks = {
        "Origin": "https://maps.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    assert not [
        name
        for name in desk.call("OPTIONS", "/api/v1/tasks", **asks).headers
        if name.startswith("access-control")
    ]
    server = msgspec.structs.replace(settings.server, cors_origins=("https://maps.example",))
    other = msgspec.structs.replace(
        settings, server=server, auth=AuthSettings(required=True), home=settings.home + "2"
    )
    with Desk(other, app_of) as on:
        early = on.call("OPTIONS", "/api/v1/tasks", **asks)
        assert early.status_code == 204
        assert early.headers["access-control-allow-origin"] == "https://maps.example"
        assert "access-control-allow-credentials" not in early.headers
        assert (
            on.call("GET", "/api/v1/tasks", on.make("viewer"), Origin="https://maps.example").headers[
                "access-control-allow-origin"
            ]
            == "https://maps.example"
        )
        refused = on.call("GET", "/api/v1/tasks", Origin="https://maps.example")
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
            401,
            "https://maps.example",
        )
        for other in (
            "https://maps.example.evil",
            "http://maps.example",
            "https://xmaps.example",
            "https://mapsXexample",
        ):
            answer = on.call("GET", "/api/v1/tasks", Origin=other)
            assert "access-control-allow-origin" not in answer.headers
            assert on.call("OPTIONS", "/api/v1/tasks", **(asks | {"Origin": other})).status_code == 400


def test_checking_a_token_reads_no_disk(desk: Desk, monkeypatch):
    """Neither a good nor a bad token costs a read of the database."""
    text = desk.make("viewer")

    def never(*_: object) -> None:
        raise AssertionError("the disk was read")

    database = desk.app.state.services.database
    monkeypatch.setattr(database, "read_now", never)
    monkeypatch.setattr(database, "write", never)
    assert desk.tokens.caller(text, local=False).role == "viewer"
    with pytest.raises(BadToken):
        desk.tokens.caller("x", local=False)


def test_public_rows_are_few():
    """Opening one more address to everybody is a decision that shows here."""
    assert sorted(row for row, asked in TABLE.items() if asked is PUBLIC) == [
        "DELETE /session", "GET /docs", "GET /health", "GET /login", "GET /openapi.json", "GET /redoc",
        "GET /session", "GET /static/docs-redoc.js", "GET /static/docs-swagger.js", "GET /static/vendor/{}",
        "GET /static/{}/{}/{}", "POST /session", "POST /session/end",
    ]  # fmt: skip
