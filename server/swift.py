"""A short way to the routes that workers ask all day, past the router and what it prepares for every route.

The same functions answer, behind the same gate, guard and table of errors; whatever is written in any other
way than these addresses (a second slash, another method) goes the long way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Send

from server.errors import to_answer
from server.gate import let_in
from server.params import AnyRequest

Route = Callable[..., Awaitable[ASGIApp]]
_TASKS = "/api/v1/tasks/"


def swift(app: ASGIApp, create: Route, claim: Route, complete: Route) -> ASGIApp:
    """`app`, with a short way for three of v1's POSTs."""
    exact = {"/api/v1/tasks": create, "/api/v1/tasks/pending": claim}

    async def handle(scope: Any, receive: Receive, send: Send) -> None:
        route, named = None, {}
        if scope["type"] == "http" and scope["method"] == "POST":
            path: str = scope["path"]
            route, template = exact.get(path), path
            if route is None and path.startswith(_TASKS) and path.endswith("/complete"):
                number = path[len(_TASKS) : -len("/complete")]
                if number.isdigit():
                    route, named = complete, {"task_id": number}
                    template = _TASKS + "{task_id}/complete"
        if route is None:
            await app(scope, receive, send)
            return
        scope["path_template"] = template
        request: AnyRequest = Request(scope, receive, send)
        try:
            let_in(scope)
            answer = await route(request, **named)
        except Exception as error:  # noqa: BLE001  # the request boundary, as the long way has it
            answer = to_answer(request, error).to_asgi_response(app=None, request=request)
        await answer(scope, receive, send)

    return handle
