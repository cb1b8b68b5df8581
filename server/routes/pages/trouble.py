"""What a browser is shown when there is no page to show: the site's look, what is wrong, and ways on.

Programs get JSON for the same, and so does everybody below `/api`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Response

from server.errors import to_answer
from server.pages import page
from server.params import AnyRequest
from server.routes import session

_TITLES = {403: "Not allowed", 404: "Not found", 405: "No page", 500: "Something went wrong", 503: "Not now"}
_KEPT = {"allow", "retry-after"}


def refused(request: AnyRequest, error: Exception) -> Response[bytes]:
    """The answer to any exception that left a handler, as whoever asks can read it."""
    return shown(request, to_answer(request, error))


def shown(request: AnyRequest, answer: Response[Any]) -> Response[bytes]:
    """An error's answer: as it is, or as a page for a browser that goes somewhere."""
    if not _visits(request):
        return answer
    status, said = answer.status_code or 500, msgspec.json.decode(answer.content)["detail"]
    if status == 401:
        return session.sign_in(request, Exception(said))
    after = quote(request.scope["path"])
    title = _TITLES.get(status, "That did not work")
    found = page(request, "trouble.html", status, title=title, says=said, after=after)
    found.headers.update({name: value for name, value in answer.headers.items() if name.lower() in _KEPT})
    return found


def _visits(request: AnyRequest) -> bool:
    """Whether a person waits for a page. Scripts, pictures and films do not name HTML."""
    path = request.scope["path"]
    return (
        request.scope["method"] == "GET"
        and not path.startswith("/api/")
        and "text/html" in request.headers.get("accept", "").lower()
    )
