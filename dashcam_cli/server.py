"""`dashcam server`, the embedded server of the one-box commands, and search in a database file.

The only module of the command line that imports `server`, and only inside its functions.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings
from dashcam_cli import common, platform
from dashcam_cli.output import say
from stages.errors import NotFound, SettingsError, Unavailable

if TYPE_CHECKING:
    import uvicorn

#: New objects before the young ones are looked through, and how often that is before older ones are.
_GARBAGE = 10_000, 20, 50


def serve(
    host: str | None,
    port: int | None,
    home: Path | None,
    rate_limit: int | None,
    max_concurrent: int | None,
    auth: str | None = None,
    log_file: Path | None = None,
) -> None:
    """Run until a stop signal. Raises `SettingsError` when it cannot start."""
    platform.end_on_stop()
    if auth not in (None, "open", "required"):
        raise SettingsError(f"--auth is open or required, not {auth!r}")
    settings = common.settings(
        home,
        server={"host": host, "port": port},
        limits={"requests_per_minute": rate_limit, "connections": max_concurrent},
        auth={"required": None if auth is None else auth == "required"},
    )
    listener = listen(settings.server.host, settings.server.port)
    address = f"http://{_shown(settings.server.host)}:{listener.getsockname()[1]}"
    from server.requestlog import log_to

    writing = log_to(log_file or Path(settings.home) / "server.log")
    try:
        _serve_logged(settings, listener, address)
    finally:
        writing.stop()


def _serve_logged(settings: Settings, listener: socket.socket, address: str) -> None:
    running = build(settings)
    platform.on_stop(lambda: stop(running))
    say(f"dashcam server on {address}, home {settings.home} (Ctrl-C ends it)")
    if not _loopback(settings.server.host) and not settings.auth.required:
        say("warning: other hosts can reach this server, and it answers private networks without a token;")
        say("warning: --auth required asks everybody for one")
    # Whatever is loaded by now stays: it need not be looked through for garbage time and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    run(running, listener)


def build(settings: Settings, *, alone: bool = False) -> uvicorn.Server:
    """A server that leaves signals to us. `alone`: only this process will ever call it."""
    import uvicorn

    from server.app import create_app
    from server.services import Services

    # Opened here, so that a database that cannot be used is said in one line before anything starts.
    services = Services(settings, alone=alone)

    class Quiet(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await services.dispatcher.feed.goodbye(2.0)
            await super().shutdown(sockets)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Quiet(program(create_app(services=services)))


def program(app: Any) -> uvicorn.Config:
    """How an ASGI app is served here."""
    import uvicorn

    return uvicorn.Config(
        app,
        ws_max_size=65536,
        log_level="warning",
        access_log=False,
        # Who is behind a proxy is `server.peers`' to judge, by our settings.
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=65,
        server_header=False,
        lifespan="on",
    )


def run(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve on an open socket until stopped."""
    asyncio.run(server.serve(sockets=[listener]))


def stop(server: uvicorn.Server) -> None:
    """Ask a server to end; waiting polls are let go at once."""
    server.should_exit = True
    app: Any = server.config.app
    services = getattr(app.state, "services", None)
    if services is not None:
        services.let_go()


def listen(host: str, port: int) -> socket.socket:
    """An open listening socket; port 0 takes a free one."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Named as TCP: asyncio switches Nagle off only then, which costs 40 ms a request otherwise.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if not platform.WINDOWS:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; is another server running there? "
            "Give another --port"
        ) from error
    return listener


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def embedded(settings: Settings) -> Iterator[str]:
    """A server in a thread of this process, on a free port of the loopback; yields its address."""
    listener = listen("127.0.0.1", 0)
    running = build(settings, alone=True)
    failure: list[BaseException] = []

    def target() -> None:
        try:
            run(running, listener)
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits for it
            failure.append(error)

    thread = threading.Thread(target=target, name="server", daemon=True)
    thread.start()
    try:
        while not running.started:
            thread.join(0.02)
            if not thread.is_alive():
                raise failure[0] if failure else Unavailable("the embedded server did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop(running)
        thread.join(20)


def local_plates(path: Path, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Search a database file directly, read-only, as `/webui/plates` would answer."""
    from server.local import plates

    if not path.is_file():
        raise NotFound(f"there is no database at {path}; a home's database is <home>/dashcam.sqlite")
    return plates(path, filters)


def local_encounters(path: Path, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Encounters from a database file, as `/webui/encounters` would answer."""
    from server.local import encounters

    if not path.is_file():
        raise NotFound(f"there is no database at {path}; a home's database is <home>/dashcam.sqlite")
    return encounters(path, filters)


def local_clip(path: Path, video_id: str) -> dict[str, Any]:
    """A clip's `facts` and `files` from a database file, as `/webui/videos/{video_id}` has them."""
    from server.local import clip

    if not path.is_file():
        raise NotFound(f"there is no database at {path}; a home's database is <home>/dashcam.sqlite")
    return clip(path, video_id)


@contextlib.contextmanager
def home_tokens(home: Path) -> Iterator[HomeTokens | None]:
    """The tokens of a home that no server has open; None when one has: it is to be asked then."""
    from server.auth import Tokens
    from server.keys import home_key
    from server.opening import backup_folder, open_database
    from server.services import DATABASE
    from server.sqlite import hold_alone

    path = home / DATABASE
    home.mkdir(parents=True, exist_ok=True)
    try:
        hold_alone(path.with_suffix(".lock")).close()
    except SettingsError:
        yield None
        return
    database = open_database(home, backup_folder(home, common.settings(home).backup.folder))
    try:
        yield HomeTokens(Tokens(database, home_key(home)))
    finally:
        database.close()


def home_backup(home: Path, target: Path, *, pictures: bool) -> dict[str, Any] | None:
    """A backup of a home that no server has open; None when one has: it is to be asked then."""
    import msgspec

    from server.backup import save
    from server.services import DATABASE
    from server.sqlite import Database, hold_alone

    path = home / DATABASE
    if not path.is_file():
        raise NotFound(
            f"there is no database in {home}; give the home with --home, or a server with --server"
        )
    try:
        hold_alone(path.with_suffix(".lock")).close()
    except SettingsError:
        return None
    database = Database(path)  # held, so that no server begins meanwhile
    try:
        return dict(msgspec.to_builtins(save(path, target, home / "media" if pictures else None)))
    finally:
        database.close()


def checked_backup(file: Path) -> dict[str, Any]:
    """What a backup holds, once it passed its check."""
    import msgspec

    from server.backup import examine, flush

    found = examine(file)
    flush(file)
    return dict(msgspec.to_builtins(found))


def home_restore(file: Path, home: Path) -> dict[str, Any]:
    """Put a backup in the place of a home's database."""
    import msgspec

    from server.backup import restore
    from server.network_disks import refuse_network_disk
    from server.services import DATABASE

    refuse_network_disk(home / DATABASE)
    return dict(msgspec.to_builtins(restore(file, home, DATABASE)))


class HomeTokens:
    """Tokens without a server, with the answers that one gives."""

    def __init__(self, tokens: Any) -> None:
        self._tokens = tokens
        asyncio.run(tokens.load())

    def tokens(self) -> list[dict[str, Any]]:
        """Every token that was given out."""
        from server.auth import view

        return [view(each) for each in self._tokens.every()]

    def create_token(self, name: str, role: str, days: float | None = None) -> dict[str, Any]:
        """A new token; its text is in `token`."""
        from server.auth import view

        made, text = asyncio.run(self._tokens.create(name, role, days))
        return view(made) | {"token": text}

    def revoke_token(self, jti: str) -> dict[str, Any]:
        """End a token."""
        from server.auth import view

        return view(asyncio.run(self._tokens.revoke(jti)))
