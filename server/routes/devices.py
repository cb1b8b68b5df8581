"""`/devices`: hosts, and the heartbeat that keeps their leases."""

from __future__ import annotations

import hashlib

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath

from server import asks, params, views
from server.devices import silent_seconds
from server.errors import JSON, answer
from server.face import Face
from server.params import AnyRequest, Query
from server.quarantine import DRAIN
from server.services import Services, of
from server.store import Device, Quarantine
from stages.device import HeldLease
from stages.errors import BadInput, NotFound

MAX_LISTED = 1000
#: What `expand` can add to a device.
DEVICE_MORE = ("quarantine", "draining")
BEAT_FIELDS = {"hostname", "device_type", "status", "capabilities", "held", "ended_sessions", "passed"}


@get("/devices")
async def list_devices(request: AnyRequest) -> Response[bytes]:
    """Every device that ever spoke, in the order in which they first did; `ETag` saves sending it again."""
    query = Query(request)
    limit, offset = query.page(1000, MAX_LISTED)
    kind, status = query.text("device_type"), query.text("status")
    more = views.expansion(query.texts("expand", bare=True), DEVICE_MORE)
    strangers, services = query.unknown(), of(request)
    unwell = await services.store.quarantines() if more else []
    shown = []
    async for each in services.dispatcher.devices.all():
        view = _view(services, each, query.face) | _more(more, each, unwell, query.face)
        if kind in (None, each.device_type) and status in (None, view["status"]):
            shown.append(view)
    page = query.face.envelope(shown[offset : offset + limit], len(shown), limit, offset)
    return tagged(request, page, strangers)


@get("/devices/{hostname:str}")
async def get_device(request: AnyRequest, hostname: FromPath[str]) -> Response[bytes]:
    """One device by its name."""
    query, services = Query(request), of(request)
    more = views.expansion(query.texts("expand", bare=True), DEVICE_MORE)
    query.unknown()
    found = await services.dispatcher.devices.get(hostname)
    if found is None:
        raise NotFound(f"Device {hostname[:255]} not found")
    unwell = await services.store.quarantines() if more else []
    view = _view(services, found, query.face) | _more(more, found, unwell, query.face)
    return answer(200, query.face.one(view), query.strangers)


@delete("/devices/{hostname:str}", status_code=200)
async def delete_device(request: AnyRequest, hostname: FromPath[str]) -> Response[bytes]:
    """Forget a device that is gone for good; one that holds tasks is refused."""
    query = params.nothing_asked(request)
    await of(request).dispatcher.forget(hostname)
    return answer(200, query.face.one({"message": f"Device {hostname} forgotten"}), query.strangers)


@post("/devices/{hostname:str}/clear", status_code=200)
async def clear_device(request: AnyRequest, hostname: FromPath[str]) -> Response[bytes]:
    """A person's word that a device in quarantine is well."""
    query = params.nothing_asked(request)
    types = await of(request).dispatcher.cleared(hostname)
    said = f"Device {hostname} gets {', '.join(types)} tasks again" if types else f"Device {hostname} is well"
    return answer(200, query.face.one({"message": said, "cleared": types}), query.strangers)


@post("/devices/{hostname:str}/drain", status_code=200)
async def drain_device(request: AnyRequest, hostname: FromPath[str]) -> Response[bytes]:
    """Let a device finish what it holds and give it nothing more; with `drain` false, give it tasks again."""
    query = params.nothing_asked(request)
    body = await params.object_body(request, required=False)
    if query.face.v2:
        asks.known_only(body, {"drain"}, "")
    wanted = params.convert(body.get("drain", True), bool, "drain")
    await of(request).dispatcher.drain(hostname, wanted=wanted)
    said = f"Device {hostname} gets no more tasks" if wanted else f"Device {hostname} gets tasks again"
    return answer(200, query.face.one({"message": said, "draining": wanted}), query.strangers)


def tagged(request: AnyRequest, body: object, headers: dict[str, str]) -> Response[bytes]:
    """An answer with an `ETag`; 304 without a body when the caller has it already."""
    content = msgspec.json.encode(body)
    tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    headers = headers | {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=JSON, headers=headers)


def _view(services: Services, device: Device, face: Face) -> dict[str, object]:
    queue = services.settings.queue
    silent = silent_seconds(device, services.dispatcher.now())
    online = silent <= queue.heartbeat_seconds * queue.offline_heartbeats
    return views.device(device, services.dispatcher.leases.running().get(device.hostname, 0), online, face)


def _more(names: tuple[str, ...], device: Device, unwell: list[Quarantine], face: Face) -> dict[str, object]:
    every: dict[str, object] = {
        "quarantine": views.quarantines(unwell, device.hostname, face),
        "draining": any((each.device, each.task_type) == (device.hostname, DRAIN) for each in unwell),
    }
    return {name: every[name] for name in names}


@post("/devices/heartbeat", status_code=200)
async def heartbeat(request: AnyRequest) -> Response[bytes]:
    """A device speaks. A worker adds what it holds (`held`) and gets orders."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    if query.face.v2:
        asks.known_only(body, BEAT_FIELDS, "")
    hostname, device_type = _word(body, "hostname"), _word(body, "device_type")
    status = _word(body, "status") if body.get("status") is not None else "online"
    capabilities = body.get("capabilities")
    if isinstance(capabilities, str):
        capabilities = _json(capabilities)
    if capabilities is not None and not isinstance(capabilities, dict):
        raise BadInput("capabilities must be an object", [("capabilities", "is not an object")])
    ended = params.convert(body.get("ended_sessions", []), list[str], "ended_sessions")
    dispatcher = of(request).dispatcher
    held = params.convert(body["held"], list[HeldLease], "held")[:1000] if "held" in body else None
    passed = params.convert(body.get("passed", []), list[int], "passed")[:100]
    # First: this is what keeps the leases.
    orders = None if held is None else await dispatcher.orders(held, hostname)
    if orders is not None and passed:
        await dispatcher.passed(hostname, passed)
        examine = {kind: number for kind, number in orders.examine.items() if number not in passed}
        orders = msgspec.structs.replace(orders, examine=examine)
    device = await dispatcher.heartbeat(hostname, device_type, status, capabilities, ended[:100])
    view: dict[str, object] = {
        "message": f"Heartbeat received for {hostname}",
        "device_id": device.device_id,
        "last_heartbeat": query.face.stamp(device.last_heartbeat),
    }
    if orders is not None:
        view["orders"] = orders
    return answer(200, query.face.one(view), query.strangers)


def _word(body: dict[str, object], name: str) -> str:
    value = body.get(name)
    if value is None:
        raise BadInput(f"{name} is missing", [(name, "is required")])
    if not isinstance(value, str) or not 0 < len(value) <= 255 or "/" in value:
        raise BadInput(f"{name} must be a text of 1 to 255 characters without '/'", [(name, "is not a name")])
    return value


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise BadInput("capabilities must be a JSON object", [("capabilities", "is not JSON")]) from None


ROUTES = [list_devices, get_device, delete_device, clear_device, drain_device, heartbeat]
