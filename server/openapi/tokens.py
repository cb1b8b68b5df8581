"""The operations of `/tokens`: who may call."""

from __future__ import annotations

from server.openapi.build import TOKEN, Piece, array, body, good, in_path, operation, ref, thing
from server.openapi.shapes import TEXT, UTC, maybe, said

TAG = "Tokens"
_ROLE: Piece = {
    "type": "string",
    "enum": ["viewer", "worker", "admin"],
    "description": "A viewer looks, a worker also claims and finishes tasks, an admin may do everything.",
}
_NAME: Piece = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9._@ -]{0,63}$",
    "description": "What it is for; no two valid tokens have the same name.",
}
_DAYS: Piece = {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 36_500}
_TOKEN: Piece = {
    "jti": said(TEXT, "The token's number; it is revoked by this."),
    "name": said(TEXT, "What it is for."),
    "role": _ROLE,
    "created_at": said(UTC, "UTC."),
    "expires_at": said(maybe(UTC), "UTC; null: never."),
    "revoked_at": said(maybe(UTC), "UTC; null: it is not."),
}
_EXAMPLE = {
    "jti": "0a1b2c3d4e5f6071",
    "name": "rtx box",
    "role": "worker",
    "created_at": "2024-01-15T10:30:00",
    "expires_at": None,
    "revoked_at": None,
}


def schemas() -> Piece:
    """Components of requests and answers."""
    asked: Piece = {"name": _NAME, "role": _ROLE | {"default": "viewer"}}
    asked["days"] = said(_DAYS, "How long it lasts; not given or null: for good.")
    shown = _TOKEN | {"token": said(TEXT, "The token itself. It is kept nowhere and shown only here.")}
    return {
        "Token": thing("The record of a token that was given out.", _TOKEN),
        "FreshToken": thing("A new token.", shown),
        "NewToken": thing("A token to be made.", asked, optional=("role", "days"), strict=False),
    }


def paths() -> Piece:
    """Addresses, methods, operations."""
    return {
        "/api/v1/tokens": {"get": _list(), "post": _create()},
        "/api/v1/tokens/{jti}": {"delete": _revoke()},
    }


def _list() -> Piece:
    answer = good(200, "Tokens, the oldest first.", array(ref("Token")), tokens=[_EXAMPLE])
    text = "Every token that was given out, also expired and revoked ones. Needs an admin's token, always."
    return operation(TAG, "listTokens", "List tokens", text, answer, security=TOKEN)


def _create() -> Piece:
    sends = body(ref("NewToken"), "Whom it is for.", worker={"name": "rtx box", "role": "worker"})
    answer = good(201, "The new token.", ref("FreshToken"))
    text = "The answer shows the token, once. Needs an admin's token, always."
    return operation(
        TAG, "createToken", "Make a token", text, answer, sends=sends, fails=(409,), security=TOKEN
    )


def _revoke() -> Piece:
    jti = in_path("jti", "The token's number.", {"type": "string", "minLength": 1}, "0a1b2c3d4e5f6071")
    answer = good(200, "The token as it is now.", ref("Token"))
    text = "The next request with it is refused. Needs an admin's token, always."
    return operation(TAG, "revokeToken", "Revoke a token", text, answer, jti, fails=(404,), security=TOKEN)
