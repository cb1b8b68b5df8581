"""`/devices`: the hosts that work, and what each of them takes."""

from __future__ import annotations

from litestar import Response, get

from server.overview import overview
from server.pages import page
from server.params import AnyRequest
from server.services import of


@get("/devices")
async def devices(request: AnyRequest) -> Response[bytes]:
    """Every device that ever spoke, those that spoke last first."""
    now = await overview(of(request))
    running: dict[str, list[object]] = {}
    for each in now.running:
        running.setdefault(each.device or "", []).append(each)
    hosts = sorted(now.hosts, key=lambda host: host.silent)
    return page(request, "devices.html", hosts=hosts, running=running, seq=now.seq)


ROUTES = [devices]
