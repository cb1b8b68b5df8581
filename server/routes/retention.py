"""Protection, and what `dashcam prune` asks and tells."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from server import params
from server.errors import answer
from server.face import Face
from server.params import AnyRequest, Query
from server.retention import HOWS, TYPES, Gone, Held, Removal
from server.services import of
from stages.errors import BadInput

_MOST_HELD = 1000
_MOST_NAMED = 100
_MOST_GONE = 200
_NAME = 255


class PlateRule(msgspec.Struct, frozen=True, kw_only=True):
    """Which sightings go: older than `days`; `locked`: also those of locked and event clips."""

    days: Annotated[float, Meta(ge=1, le=36_500)]
    locked: bool = False
    dry_run: bool = False
    host: Annotated[str, Meta(max_length=255)] = ""


@post("/videos/{video_id:str}/protect", status_code=200)
async def protect_video(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """Keep a clip from every retention rule, or (`{"protected": false}`) no longer."""
    query = params.nothing_asked(request)
    body = await params.object_body(request, required=False)
    on = params.convert(body.get("protected", True), bool, "protected")
    since = await of(request).retention.protect(video_id[:255], on)
    said = {"video_id": video_id, "protected": since is not None, "since": query.face.stamp(since)}
    return answer(200, query.face.one(said), query.strangers)


@get("/retention/candidates")
async def list_candidates(request: AnyRequest) -> Response[bytes]:
    """Catalogued files in some places, with whatever keeps them from being removed."""
    query = Query(request)
    places = _few(query.texts("place"), "place")
    kinds = list(query.choices("kind", tuple(TYPES))) or list(TYPES)
    videos = [str(params.video_id(each)) for each in _few(query.texts("video_id"), "video_id")]
    limit = query.integer("limit", 500, 1, _MOST_HELD)
    after = query.integer("after", 0, 0, 1 << 53)
    strangers, face = query.unknown(), query.face
    found = await of(request).retention.held(places, kinds, videos, after, limit)
    following = found[-1].number if len(found) == limit else None
    page = {"files": [_held(each, face) for each in found], "next": following}
    return answer(200, face.one(page), strangers)


def _few(texts: list[str], name: str) -> list[str]:
    if len(texts) > _MOST_NAMED:
        params.bad(name, f"may be given {_MOST_NAMED} times at most")
    if any(len(text) > _NAME for text in texts):
        params.bad(name, f"may have {_NAME} characters at most")
    return texts


def _held(each: Held, face: Face) -> dict[str, object]:
    archive = {"device": each.archive_device, "path": each.archive_path} if each.archive_path else None
    return {
        "video_id": each.video_id,
        "kind": next(kind for kind, task_type in TYPES.items() if task_type == each.task_type),
        "device": each.device,
        "path": each.path,
        "filename": each.filename,
        "recorded_at": each.start_utc,
        "known_since": face.stamp(each.created_at),
        "locked": each.spared,
        "protected": each.protected,
        "busy": each.busy,
        "archive": archive,
    }


@post("/files/removed", status_code=200)
async def files_removed(request: AnyRequest) -> Response[bytes]:
    """Files that are no longer there: the catalogue forgets them and the log keeps that."""
    query = params.nothing_asked(request)
    body = await params.object_body(request)
    files = params.convert(body.get("files"), list[Gone], "files")
    host = params.convert(body.get("host", ""), str, "host")[:255]
    if len(files) > _MOST_GONE:
        raise BadInput(f"files may hold {_MOST_GONE} at most", [("files", "too many")])
    for number, each in enumerate(files):
        params.one_of(f"files[{number}].kind", each.kind, TYPES)
        params.one_of(f"files[{number}].how", each.how, HOWS)
    known = await of(request).retention.removed(files, host)
    return answer(200, query.face.one({"forgotten": known}), query.strangers)


@get("/retention/removals")
async def list_removals(request: AnyRequest) -> Response[bytes]:
    """The deletion log, newest first."""
    query = Query(request)
    limit, offset = query.page(100, _MOST_HELD)
    video_id = params.video_id(query.text("video_id"))
    strangers, face, retention = query.unknown(), query.face, of(request).retention
    found = await retention.removals(video_id, limit, offset)
    total = await retention.count_removals(video_id) if face.v2 else 0
    shown = [_removal(each, face) for each in found]
    return answer(200, face.envelope(shown, total, limit, offset), strangers)


def _removal(each: Removal, face: Face) -> dict[str, object]:
    return msgspec.structs.asdict(each) | {"removed_at": face.stamp(each.removed_at)}


@post("/retention/plates", status_code=200)
async def forget_plates(request: AnyRequest) -> Response[bytes]:
    """Forget old sightings of plates that nobody named, watches or corrected."""
    query = params.nothing_asked(request)
    rule = params.convert(await params.object_body(request), PlateRule)
    done = await of(request).retention.forget_plates(
        rule.days, spared=rule.locked, dry_run=rule.dry_run, host=rule.host
    )
    return answer(200, query.face.one(msgspec.structs.asdict(done)), query.strangers)


ROUTES = [protect_video, list_candidates, files_removed, list_removals, forget_plates]
