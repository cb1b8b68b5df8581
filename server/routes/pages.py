"""The pages: what a person opens after a drive. Plain HTML, no script, nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from litestar import Response, get
from litestar.params import FromPath

from server import views
from server.catalogue import Found, PlateFilter, VideoFilter
from server.params import AnyRequest, Query
from server.routes.webui import local_clock
from server.search import day
from server.services import of
from server.status import queue_view
from stages.errors import BadInput

_WEB = Path(__file__).resolve().parents[1] / "web"
_SHOWN = 60
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_WEB / "templates"), autoescape=select_autoescape(default=True)
    )
    environment.filters["clock"] = _clock
    return environment


def _clock(seconds: float | None) -> str:
    """Seconds of a clip as m:ss."""
    return "" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _page(name: str, status: int = 200, **values: Any) -> Response[bytes]:
    html = _environment().get_template(name).render(**values)
    return Response(html.encode(), status_code=status, media_type="text/html", headers=HEADERS)


@get("/")
async def home(request: AnyRequest) -> Response[bytes]:
    """Search, the newest plates, the newest clips, and what waits."""
    query = Query(request)
    services = of(request)
    asked = {name: query.text(name) or "" for name in ("plate", "from", "to")}
    trouble = ""
    plates: list[Found] = []
    try:
        which = PlateFilter(
            text=asked["plate"][:64],
            date_from=day(asked["from"], "from"),
            date_to=day(asked["to"], "to"),
            limit=_SHOWN,
        )
        plates = await services.library.plates(which)
    except BadInput as error:
        trouble = str(error)
    videos = await services.library.videos(VideoFilter(status="all", limit=_SHOWN))
    queue = await queue_view(services)
    waits = [each["why"] for each in queue["waiting"]]
    return _page(
        "home.html",
        asked=asked,
        plates=plates,
        videos=videos,
        waits=waits,
        trouble=trouble,
        url=views.crop_url,
    )


@get("/videos/{video_id:str}")
async def video(request: AnyRequest, video_id: FromPath[str]) -> Response[bytes]:
    """One clip: its facts and its plates."""
    services = of(request)
    found = await services.library.video(video_id)
    if found is None:
        return _page("missing.html", 404, what=f"the clip {video_id[:128]}")
    clock = local_clock(found.start_local)
    return _page(
        "video.html",
        video=found,
        facts=await services.library.facts(video_id),
        plates=await services.library.sightings(video_id),
        route=await services.library.route(video_id),
        clock=clock,
        url=views.crop_url,
    )


@get("/static/dashcam.css")
async def style(request: AnyRequest) -> Response[bytes]:
    """The one style sheet."""
    del request
    css = (_WEB / "static" / "dashcam.css").read_bytes()
    return Response(css, media_type="text/css", headers={"Cache-Control": "no-cache"})


ROUTES = [home, video, style]
