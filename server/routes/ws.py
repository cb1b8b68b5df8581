"""`/ws/tasks`: changes of tasks as they happen, over a WebSocket.

The client says `{"action": "subscribe"}` (all tasks) or names a `video_id`, with `"since": N` to get again
what came after message N; `unsubscribe` is its opposite; `ping` is answered with `pong`. What cannot be
understood is answered with an `error` and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response, WebSocket, get, websocket
from litestar.exceptions import WebSocketDisconnect

from server import params, views
from server.errors import detail
from server.feed import CLIPS, TOO_BIG, Event, Feed, Listener
from server.params import AnyRequest
from server.services import Services
from server.store import Row
from stages.errors import BadInput

AnySocket = WebSocket[Any, Any, Any]

#: Longest message that a client may send, in characters.
MOST = 4096
#: A client that takes nothing for so long (seconds) is gone.
PATIENCE = 30.0
_ACTIONS = ("subscribe", "unsubscribe", "ping")
_YIELD_EVERY = 32


@websocket("/ws/tasks")
async def watch_tasks(socket: AnySocket) -> None:
    """Tell one client what happens to the tasks that it asks for."""
    services = socket.app.state.services
    assert isinstance(services, Services)
    await socket.accept()
    feed = services.dispatcher.feed
    listener = feed.join()
    sending = asyncio.ensure_future(_send(socket, listener))
    reading = asyncio.ensure_future(_read(socket, feed, listener))
    try:
        await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
        if listener.ended is not None:
            await sending  # it says goodbye; it never waits longer than its patience
    finally:
        feed.leave(listener)
        sending.cancel()
        reading.cancel()
        await asyncio.gather(sending, reading, return_exceptions=True)


async def _send(socket: AnySocket, listener: Listener) -> None:
    sent = 0
    try:
        while (item := await listener.next()) is not None:
            text = item if isinstance(item, str) else message(item)
            if not socket.app.state.tokens.stands(socket.scope["state"]["caller"]):
                await socket.close(4401, "the token no longer stands")
                return
            async with asyncio.timeout(PATIENCE):
                await socket.send_text(text)
            sent += 1
            if sent % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # a long replay must not keep everyone else waiting
        assert listener.ended is not None
        async with asyncio.timeout(PATIENCE):
            await socket.close(*listener.ended)
    except TimeoutError:
        listener.give_up()
    except (OSError, WebSocketDisconnect):
        return  # the client is gone


def message(told: Event) -> str:
    """The task as in GET, and what happened to it."""
    view = views.task(told.row)
    view["event"], view["seq"] = told.event, told.seq
    return msgspec.json.encode(view).decode()


async def _read(socket: AnySocket, feed: Feed, listener: Listener) -> None:
    while True:
        try:
            received: Any = await socket.receive()
        except WebSocketDisconnect:
            return
        if received["type"] != "websocket.receive":
            return
        data = received.get("text") or received.get("bytes") or ""
        if len(data) > MOST:
            listener.end(TOO_BIG, f"a message may have {MOST} characters at most")
            return
        try:
            _act(data, feed, listener)
        except BadInput as error:
            _say(listener, event="error", detail=str(error))


def _act(data: str | bytes, feed: Feed, listener: Listener) -> None:
    """Do what one message asks. Raises `BadInput`; then nothing was changed."""
    try:
        asked = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"the message is not valid JSON: {error}") from None
    if not isinstance(asked, dict):
        raise BadInput("the message must be a JSON object")
    action = params.one_of("action", str(asked.get("action")), _ACTIONS)
    if action == "ping":
        _say(listener, event="pong", seq=feed.seq)
        return
    clip = params.video_id(asked.get("video_id"))
    if action == "subscribe":
        _subscribe(asked, clip, feed, listener)
        return
    if clip is None:
        listener.everything = False
        listener.clips.clear()
    listener.clips.discard(clip or "")
    _say(listener, event="unsubscribed", **_standing(clip, feed, listener))


def _subscribe(asked: dict[str, Any], clip: str | None, feed: Feed, listener: Listener) -> None:
    since = asked.get("since")
    if since is not None and (not isinstance(since, int) or isinstance(since, bool)):
        raise BadInput("since must be the seq of a message")
    if since is not None and listener.busy:
        raise BadInput("an earlier replay is still on its way; ask again when it has come")
    if clip is not None and clip not in listener.clips and len(listener.clips) >= CLIPS:
        raise BadInput(f"{CLIPS} clips can be named on one connection; subscribe without video_id for all")
    if clip is None:
        listener.everything = True
    else:
        listener.clips.add(clip)
    _say(listener, event="subscribed", **_standing(clip, feed, listener))
    if since is not None:
        _replay(since, _covers(clip), feed, listener)


def _covers(clip: str | None) -> Callable[[Row], bool]:
    return lambda row: clip is None or row.video_id == clip


def _replay(since: int, covers: Callable[[Row], bool], feed: Feed, listener: Listener) -> None:
    missed = feed.since(since, covers)
    if missed is None:
        why = "not every change since then is kept any more; read the tasks anew, then go on from seq"
        _say(listener, event="gap", since=since, seq=feed.seq, detail=why)
    else:
        listener.replay(missed, covers, since)


def _standing(clip: str | None, feed: Feed, listener: Listener) -> dict[str, Any]:
    """What the connection is subscribed to now, and the number of the newest change."""
    return {"video_id": clip, "all": listener.everything, "videos": len(listener.clips), "seq": feed.seq}


def _say(listener: Listener, **view: Any) -> None:
    listener.put(msgspec.json.encode(view).decode())


@get("/ws/tasks")
async def not_a_socket(request: AnyRequest) -> Response[bytes]:
    """Plain HTTP has no business here."""
    del request
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return detail(426, "This address speaks WebSocket; connect to it with ws:// or wss://", headers)


ROUTES = [watch_tasks, not_a_socket]
