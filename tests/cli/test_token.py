"""`dashcam token`, with and without a server; what runs on the server's host needs none."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from config.loader import ConfigurationLoader
from dashcam_cli.client import Client
from dashcam_cli.homekey import HomeKey, on_this_host
from dashcam_cli.main import app
from dashcam_cli.server import embedded
from server.keys import home_key
from stages.errors import BadInput, Refused


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch) -> Path:
    """A home of its own, in the environment, and a server address where nobody answers."""
    for name in [name for name in os.environ if name.startswith("DASHCAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DASHCAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DASHCAM_SERVER", "http://127.0.0.1:9")
    return tmp_path / "home"


def dashcam(*arguments: str):
    """A command: its exit code, stdout and stderr."""
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def url(home: Path, monkeypatch) -> Iterator[str]:
    """A server over that home that asks everybody for a token; its address is in the environment."""
    monkeypatch.setenv("DASHCAM_AUTH__REQUIRED", "true")
    with embedded(ConfigurationLoader().load()) as address:
        monkeypatch.setenv("DASHCAM_SERVER", address)
        yield address


def status(url: str, token: str) -> int:
    """How the server answers a token."""
    return httpx.get(f"{url}/api/v1/tasks", headers={"X-API-Key": token}).status_code


def walk() -> str:
    """Create, list, revoke, and what goes wrong; the same with a server and without. Returns a live token."""
    made = dashcam("token", "create", "anna", "--role", "worker", "--days", "2")
    assert made.exit_code == 0, made.output
    token = made.stdout.strip()
    assert token.count(".") == 2
    assert "shown this once" in made.stderr
    assert token not in made.stderr
    listed = json.loads(dashcam("token", "list", "--json").stdout)
    assert [(each["name"], each["role"], each["revoked_at"]) for each in listed] == [("anna", "worker", None)]
    assert "token" not in listed[0]
    assert "anna" in dashcam("token", "list").stdout
    again = dashcam("token", "create", "anna")
    assert (again.exit_code, "revoke it first" in again.stderr) == (1, True)
    assert dashcam("token", "create", "x", "--role", "root").exit_code == 2
    assert dashcam("token", "create", "x", "--days", "-1").exit_code == 2
    assert dashcam("token", "create", "-- ; rm").exit_code == 2
    assert dashcam("token", "revoke", "nobody").exit_code == 4
    by_id = json.loads(dashcam("token", "create", "by-id", "--json").stdout)
    assert dashcam("token", "revoke", by_id["jti"]).exit_code == 0
    assert dashcam("token", "revoke", "by-id").exit_code == 0
    return token


@pytest.mark.slow
def test_without_a_server(home: Path):
    """Tokens can be made before the first server starts; the key is the owner's alone."""
    walk()
    if os.name == "posix":
        assert (home / "auth.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_with_a_server(url: str):
    """While a server has the home, the same commands go through it, and work at once."""
    token = walk()
    assert status(url, token) == 200
    assert dashcam("token", "revoke", "anna").exit_code == 0
    assert status(url, token) == 401


@pytest.mark.slow
def test_made_before_the_server_starts(home: Path, monkeypatch):
    """A token made without a server opens the one that starts later, and one revoked does not."""
    token, ended = walk(), dashcam("token", "create", "ended").stdout.strip()
    dashcam("token", "revoke", "ended")
    monkeypatch.setenv("DASHCAM_AUTH__REQUIRED", "true")
    with embedded(ConfigurationLoader().load()) as url:
        assert (status(url, token), status(url, ended)) == (200, 401)


@pytest.mark.slow
def test_a_server_elsewhere_is_said(url: str, monkeypatch):
    """The home is held, and nobody answers at the address in the settings: one sentence, no traceback."""
    monkeypatch.setenv("DASHCAM_SERVER", "http://127.0.0.1:9")
    said = dashcam("token", "list")
    assert said.exit_code == 2
    assert "open, and the one at http://127.0.0.1:9 did not do it" in said.stderr
    assert "--server" in said.stderr


def test_a_named_server_is_asked_with_the_token_of_the_settings(url: str, home: Path, monkeypatch):
    """From another host: `--server` and an admin's token; a viewer's is not enough."""
    admin = dashcam("token", "create", "boss", "--role", "admin").stdout.strip()
    viewer = dashcam("token", "create", "eve").stdout.strip()
    monkeypatch.setenv("DASHCAM_HOME", str(home.with_name("other")))
    monkeypatch.setenv("DASHCAM_TOKEN", admin)
    assert dashcam("token", "list", "--server", url).exit_code == 0
    monkeypatch.setenv("DASHCAM_TOKEN", viewer)
    refused = dashcam("token", "list", "--server", url)
    assert (refused.exit_code, "needs the role admin" in refused.stderr) == (1, True)
    assert not home.with_name("other").exists()


@pytest.mark.slow
def test_commands_on_the_servers_host_need_no_token(url: str, tmp_path: Path):
    """`status`, `search` and `submit` sign with the home's key; without its home they are refused."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dashcam_cli.main", *arguments]
        return subprocess.run(
            command, env={**os.environ, **more}, capture_output=True, text=True, check=False
        )

    assert run("status").returncode == 0
    assert run("search", "--json").stdout == "[]\n"
    elsewhere = str(tmp_path / "elsewhere")
    refused = run("status", DASHCAM_HOME=elsewhere)
    assert (refused.returncode, "asks for a token" in refused.stderr) == (1, True)
    assert run("status", DASHCAM_TOKEN="no\ntoken").returncode == 2


def test_the_signature_stays_on_this_host(home: Path):
    """Only loopback addresses are sent one, and only while there is no token."""
    assert [
        on_this_host(f"http://{host}:8000") for host in ("127.0.0.1", "localhost", "[::1]", "127.9.9.9")
    ] == [True] * 4
    for host in (
        "192.168.1.1",
        "main-server",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0",  # noqa: S104
        "[::ffff:8.8.8.8]",
    ):
        assert not on_this_host(f"http://{host}:8000"), host
    home.mkdir()
    home_key(home)
    seen = Heard()
    with seen:
        for token, key in (
            ("", home / "auth.key"),
            ("mine", home / "auth.key"),
            ("", home / "none"),
            ("", None),
        ):
            client = Client(seen.url, token, key=key, patience=0)
            client.tasks()
            client.close()
    assert seen.auth[0].startswith("Bearer ey")
    assert seen.auth[1:] == ["Bearer mine", None, None]


def test_a_new_home_is_noticed(home: Path):
    """After a 401 the key is read again: a worker outlives a home that was made anew."""
    home.mkdir()
    (home / "auth.key").write_bytes(b"1" * 32)
    seen = Heard(refuse=1)
    with seen:
        client = Client(seen.url, key=home / "auth.key", patience=0)
        client.tasks()
        assert client._http.auth is not None
        client.close()
    assert len(seen.auth) == 2
    with Heard(refuse=9) as always:
        client = Client(always.url, key=home / "auth.key", patience=0)
        with pytest.raises(Refused):
            client.tasks()
        client.close()
    assert len(always.auth) == 2


def test_signing_once_serves_half_a_minute(home: Path, monkeypatch):
    """A signature is used again for 30 seconds, then a new one is made."""
    home.mkdir()
    home_key(home)
    now = [1000.0]
    monkeypatch.setattr("dashcam_cli.homekey.time.time", lambda: now[0])
    key = HomeKey(home / "auth.key")

    def signed() -> str:
        request = httpx.Request("GET", "http://127.0.0.1/")
        next(key.auth_flow(request))
        return request.headers["Authorization"]

    first = signed()
    now[0] += 29
    assert signed() == first
    now[0] += 1
    second = signed()
    assert second != first
    now[0] -= 500  # the clock was set back
    assert signed() not in (first, second)


def test_auth_option():
    """`dashcam server --auth` takes two words."""
    said = dashcam("server", "--auth", "maybe", "--port", "0")
    assert (said.exit_code, "open or required" in said.stderr) == (2, True)


def test_a_token_that_is_none_is_said():
    """Characters that no header can carry are refused before anything is sent."""
    for token in ("a\nb", "ключ"):
        with pytest.raises(BadInput, match="DASHCAM_TOKEN"):
            Client("http://127.0.0.1:9", token)


def test_the_command_line_stays_light():
    """Neither `dashcam --help` nor a signed call loads PyJWT or the server."""
    code = "import sys, dashcam_cli.main, dashcam_cli.client; print([m for m in ('jwt', 'litestar', 'server') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.slow
def test_option_on_a_real_server(house):
    """`dashcam server --auth required`: 401 for strangers, a token lets them in, open again without it."""
    server = house.start("server", "server", "--port", "0", "--auth", "required")
    end = time.monotonic() + 60
    while "http://" not in server.text() and time.monotonic() < end:
        time.sleep(0.05)
    house.url = server.text().split("server on ")[1].split(",")[0]
    made = house.command("server", "token", "create", "anna")
    assert made.returncode == 0, made.stderr
    assert status(house.url, "wrong") == 401
    assert status(house.url, made.stdout.strip()) == 200
    forwarded = {"X-API-Key": "wrong", "X-Forwarded-For": "127.0.0.1"}
    assert httpx.get(f"{house.url}/api/v1/tasks", headers=forwarded).status_code == 401
    assert house.command("server", "token", "revoke", "anna").returncode == 0
    assert status(house.url, made.stdout.strip()) == 401
    server.stop()


@pytest.mark.slow
def test_a_real_open_server_refuses_what_a_proxy_forwards(house):
    """Forwarding headers on the loopback are an unknown proxy's, whatever address they name."""
    house.server()
    for headers in (
        {"X-Forwarded-For": "192.168.1.9"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=::1"},
    ):
        assert httpx.get(f"{house.url}/api/v1/tasks", headers=headers).status_code == 401
    assert httpx.get(f"{house.url}/api/v1/tasks").status_code == 200


class Heard:
    """A server that notes the `Authorization` of each request; refuses the first few."""

    def __init__(self, refuse: int = 0) -> None:
        self.auth: list[str | None] = []
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.auth.append(self.headers.get("Authorization"))
                self.send_response(401 if len(heard.auth) <= refuse else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"[]")

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Heard":
        threading.Thread(
            target=self._server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
