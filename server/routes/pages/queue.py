"""`/queue`: what runs, what waits and why, what gave up; and with `video` every task of one clip."""

from __future__ import annotations

from urllib.parse import urlencode

from litestar import Response, get

from server import params
from server.overview import STATES, chain, next_due, overview, task_list
from server.pages import page
from server.params import AnyRequest, Query
from server.services import of
from stages.errors import BadInput
from stages.task import State, TaskType

#: Tasks on a page, tasks of one clip, and tasks that wait before the next try.
_SHOWN, _CHAIN, _DUE = 50, 200, 10
_MOST = (1 << 63) - 1


@get("/queue")
async def queue(request: AnyRequest) -> Response[bytes]:
    """The queue as a whole, or one clip's way through it."""
    query, services = Query(request), of(request)
    trouble = ""
    state, kind, before, video = str(State.FAILED), "", _MOST, None
    try:
        state = query.choice("state", tuple(State)) or state
        kind = query.choice("task_type", params.TASK_TYPES) or ""
        before = query.integer("before", _MOST, 1, _MOST)
        video = params.video_id(query.text("video"))
    except BadInput as error:
        trouble = str(error)
    if video is not None:
        seq = services.dispatcher.feed.seq
        tasks = await chain(services, video, _CHAIN)
        known = await services.library.video(video)
        return page(
            request,
            "chain.html",
            200 if tasks or known else 404,
            video_id=video,
            video=known,
            tasks=tasks,
            seq=seq,
            clock=services.dispatcher.now(),
        )
    tasks, more = await task_list(services, state, [kind] if kind else list(TaskType), before, _SHOWN)
    asked = {"state": state} | ({"task_type": kind} if kind else {})
    return page(
        request,
        "queue.html",
        now=await overview(services),
        states=list(STATES),
        due=await next_due(services, _DUE),
        clock=services.dispatcher.now(),
        tasks=tasks,
        state=state,
        kind=kind,
        types=list(TaskType),
        trouble=trouble,
        begun=before == _MOST,
        older="/queue?" + urlencode(asked | {"before": tasks[-1].task_id}) if more else "",
    )


ROUTES = [queue]
