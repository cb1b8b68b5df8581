"""The operations of a home's upkeep: backups, and what is told to a catalogue that was lost."""

from __future__ import annotations

from server.openapi.build import TOKEN, Piece, array, body, good, operation, ref, thing
from server.openapi.shapes import FLAG, TEXT, said
from server.rebuilding import MOST
from server.routes.upkeep import KIND

TAG = "Upkeep"
_EACH = (
    "Each with `video_id` and `task_type`, and as the stage left them `outputs`, `metadata`, `results` (as a "
    "completion has them) and `task_id`. One that cannot be understood is refused alone."
)


def schemas() -> Piece:
    """Components of requests and answers."""
    return {
        "BackupWish": thing(
            "What the copy shall hold.",
            {"pictures": said(FLAG, "Whether the small pictures come along; true when not given.")},
            optional=("pictures",),
            strict=False,
        ),
        "LeftResults": thing(
            "Results of stages.",
            {"results": array({"type": "object"}, maxItems=MOST, description=_EACH)},
            optional=("results",),
            strict=False,
        ),
        "Rebuilt": thing(
            "What became of each.",
            {
                "results": array(
                    thing(
                        "What became of a result.",
                        {
                            "video_id": said(TEXT, "Its clip."),
                            "task_type": said(TEXT, "Its stage."),
                            "outcome": said(
                                {"type": "string", "enum": ["taken", "known", "refused"]},
                                "`known`: the catalogue had it, and nothing was changed.",
                            ),
                            "why": said(TEXT, "Why it was refused; else empty."),
                        },
                    ),
                    description="In the order in which they were sent.",
                )
            },
        ),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/backup": {"post": _backup()},
        "/api/v1/catalogue/rebuild": {"post": _rebuild()},
    }


def _backup() -> Piece:
    answer: Piece = {
        "200": {
            "description": "One SQLite file, checked; `dashcam restore` takes it.",
            "content": {KIND: {"schema": {"type": "string", "contentMediaType": KIND}}},
        }
    }
    text = (
        "The database as one transaction saw it, made while the server runs, checked, and then sent. One is "
        "made at a time (409). It always takes an admin's token: everything is in it but the home's key."
    )
    sends = body(ref("BackupWish"), "What the copy shall hold.", required=False)
    return operation(
        TAG, "makeBackup", "Make a backup", text, answer, sends=sends, fails=(409,), security=TOKEN
    )


def _rebuild() -> Piece:
    text = (
        "What stages left in `result.json` and in the manifests of archives is taken in where the catalogue "
        "does not know it: `dashcam rebuild` sends it. Nothing that is known is replaced: a repeat changes "
        "nothing."
    )
    sends = body(ref("LeftResults"), "Results of stages.")
    return operation(
        TAG, "rebuildCatalogue", "Tell results anew", text, good(200, "Done.", ref("Rebuilt")), sends=sends
    )
