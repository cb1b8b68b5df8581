"""The measure for (a) and (b): a Litestar app that does nothing but decode and encode the same bodies.

Run by the bench as a process of its own, by the same server program with the same options as the product.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Request, Response, post

from dashcam_cli.server import listen, program, run
from queueing.bodies import new_task

_ASKED = new_task("20240115_0000_0000001")
_KEPT = ("task_type", "video_id", "inputs", "outputs", "metadata", "device_capabilities_required")
SHOWN = {
    "task_id": 1, "state": "pending", "created_at": "2024-01-15T12:00:00", "completed_at": None,
    **{name: _ASKED[name] for name in _KEPT},
}  # fmt: skip
LEASED = [SHOWN | {"phase": "leased", "lease": 1, "failures": 0}]
ANSWER = {
    "message": "Task 1 marked as complete",
    "task_type": "PREPROCESS_VIDEO",
    "completed_at": "2024-01-15T12:01:00",
    "new_tasks_created": 1,
}


@post("/api/v1/tasks")
async def create(request: Request[Any, Any, Any]) -> Response[bytes]:
    """As a creation."""
    return await _echo(request, SHOWN, 201)


@post("/api/v1/tasks/pending")
async def claim(request: Request[Any, Any, Any]) -> Response[bytes]:
    """As a claim."""
    return await _echo(request, LEASED, 200)


@post("/api/v1/tasks/{task_id:str}/complete")
async def complete(request: Request[Any, Any, Any], task_id: str) -> Response[bytes]:
    """As a completion."""
    del task_id
    return await _echo(request, ANSWER, 200)


async def _echo(request: Request[Any, Any, Any], shown: Any, status: int) -> Response[bytes]:
    msgspec.json.decode(await request.body())
    return Response(msgspec.json.encode(shown), status_code=status, media_type="application/json")


if __name__ == "__main__":
    listener = listen("127.0.0.1", int(sys.argv[1]))
    app = Litestar([create, claim, complete], openapi_config=None, logging_config=None)
    print(f"no-op server on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    run(uvicorn.Server(program(app)), listener)
