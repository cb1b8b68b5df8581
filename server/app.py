"""The server, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from litestar import Litestar, Router
from litestar.exceptions import MethodNotAllowedException

from config.loader import ConfigurationLoader
from config.settings import Settings
from server.auth import Tokens
from server.edge import edge
from server.errors import detail
from server.gate import SignIn, caller_key, cors, gate, guard
from server.keys import home_key
from server.limits import Limits, limited
from server.metrics import Metrics, measured
from server.params import AnyRequest
from server.requestlog import note
from server.routes import (
    clips,
    devices,
    docs,
    encounters,
    films,
    host,
    metrics,
    pages,
    plates,
    retention,
    session,
    tasks,
    trips,
    upkeep,
    watches,
    webui,
    ws,
)
from server.routes.pages import trouble
from server.services import Services
from server.swift import swift

#: The same functions answer under both versions; `face.py` has what differs.
BOTH = [
    *tasks.ROUTES,
    *devices.ROUTES,
    *webui.ROUTES,
    *encounters.ROUTES,
    *plates.ROUTES,
    *watches.ROUTES,
    *clips.ROUTES,
    *trips.ROUTES,
    *retention.ROUTES,
    *upkeep.ROUTES,
    *host.API_ROUTES,
]


def create_app(settings: Settings | None = None, *, services: Services | None = None) -> Litestar:
    """The ASGI application. Its database is opened on start-up (unless opened `services` are given) and
    closed on shut-down. Raises `SettingsError` for settings that cannot be used.
    """
    settings = settings or (services.settings if services else ConfigurationLoader().load())
    app = Litestar(
        route_handlers=[
            Router("/api/v1", route_handlers=[*BOTH, *metrics.ROUTES, *ws.ROUTES]),
            Router("/api/v2", route_handlers=BOTH),
            *host.ROUTES,
            *films.ROUTES,
            *metrics.ROOT_ROUTES,
            *pages.ROUTES,
            *docs.ROUTES,
            *session.ROUTES,
        ],
        lifespan=[_lifespan(settings, services)],
        middleware=[guard],
        exception_handlers={
            MethodNotAllowedException: _not_allowed,
            SignIn: session.sign_in,
            Exception: trouble.refused,
        },
        cors_config=cors(settings),
        openapi_config=None,
        logging_config=None,
    )
    # From the outside in: metrics and the log, HEAD and sizes, who is asking, how much they may, the routes.
    inner = app.asgi_handler
    if not settings.server.cors_origins:  # what those need is added on the long way only
        inner = swift(inner, tasks.create_task.fn, tasks.claim_pending.fn, tasks.complete_task.fn)
    inner = limited(inner, lambda: app.state.limits, caller_key)
    most = int(settings.server.body_mib * 1024 * 1024)
    app.asgi_handler = edge(gate(inner, settings), most, settings.server.v1_ends)
    app.asgi_handler = measured(app.asgi_handler, lambda: app.state.metrics, note)
    return app


def _lifespan(
    settings: Settings, opened: Services | None
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        services = opened or Services(settings)
        app.state.limits = Limits(settings.limits)
        app.state.metrics, app.state.queue_counts = Metrics(app.routes), None
        app.state.services = services
        app.state.tokens = Tokens(services.database, home_key(Path(settings.home)))
        await app.state.tokens.load()
        await services.start()
        try:
            yield
        finally:
            await services.stop()

    return lifespan


def _not_allowed(request: AnyRequest, _: Exception):  # type: ignore[no-untyped-def]
    """405, with the methods that the address does take."""
    methods = set()
    for route in request.app.routes:
        if getattr(route, "path_format", None) and _fits(route.path_components, request.scope["path"]):
            methods |= set(getattr(route, "methods", ()))
    if "GET" in methods:
        methods.add("HEAD")
    allowed = {"Allow": ", ".join(sorted(methods))}
    return trouble.shown(request, detail(405, "This address does not take that method", allowed))


def _fits(components: Sequence[object], path: str) -> bool:
    parts = [part for part in path.split("/") if part]
    if len(parts) != len(components):
        return False
    return all(
        not isinstance(known, str) or known == part for known, part in zip(components, parts, strict=True)
    )
