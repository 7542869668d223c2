"""What a request is refused with: a status, a short code, and one sentence."""

from __future__ import annotations

from math import ceil

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from leadline.errors import LeadlineError
from leadline.server.queue import QueueClosed, QueueFull

CLIENT_GONE = 499  # in the metrics alone: there is nobody to send it to
_SHUTDOWN_RETRY_S = 5


class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of the reply.
        code: a short word for programs.
        message: one sentence: the value, what was expected, the next step.
        retry_after: seconds after which it may do, or None.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


def refusal_reply(refusal: Refusal) -> Response:
    """Return the JSON reply of a refusal."""
    headers = {"Cache-Control": "no-store"}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(ceil(refusal.retry_after))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = {"error": " ".join(refusal.message.split()), "code": refusal.code}
    return JSONResponse(content, refusal.status, headers)


def queue_full(error: QueueFull) -> Refusal:
    """Return the refusal of a request that finds no room."""
    return Refusal(429, "queue_full", f"the queue is full: try again in {ceil(error.retry_after)} s", error.retry_after)


def shutting_down() -> Refusal:
    """Return the refusal of a request that comes while the server stops."""
    return Refusal(503, "shutting_down", "the server is shutting down: try again when it is back", _SHUTDOWN_RETRY_S)


def add_error_replies(app: FastAPI) -> None:
    """Make every error of a route JSON of one form; what nobody foresaw is left to `leadline.server.gate`."""

    async def refused(_: Request, error: Exception) -> Response:
        return refusal_reply(_as_refusal(error))

    async def gone(_: Request, error: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)

    for sort in (Refusal, LeadlineError, QueueFull, QueueClosed, RequestValidationError, HTTPException):
        app.add_exception_handler(sort, refused)
    app.add_exception_handler(ClientDisconnect, gone)


def _as_refusal(error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case QueueFull():
            return queue_full(error)
        case QueueClosed():
            return shutting_down()
        case RequestValidationError():
            first = error.errors()[0]
            return Refusal(400, "bad_option", f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}; see /docs")
        case HTTPException(status_code=404):
            return Refusal(404, "not_found", "no such address: expected one of those in /openapi.json")
        case HTTPException(status_code=405):
            return Refusal(405, "method", "this address does not take that method: see /openapi.json")
        case HTTPException():
            return Refusal(error.status_code, "refused", str(error.detail))
        case _:
            return Refusal(422, "no_result", str(error))
