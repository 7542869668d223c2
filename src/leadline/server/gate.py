"""What surrounds every route: checks before it, headers and counts after it, and an answer if it fails."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadline.server.errors import CLIENT_GONE, Refusal, refusal_reply, shutting_down
from leadline.server.metrics import Metrics
from leadline.server.queue import InferenceQueue
from leadline.server.security import HEADERS, check_request
from leadline.server.settings import Settings

# A client that still sends its body does not read an early answer: so much of the rest is taken and thrown away first.
DRAINED_BYTES = 256_000_000
DRAINED_S = 5.0
_UNTOUCHED = ("/healthz", "/readyz", "/metrics")  # these answer to the end
_log = logging.getLogger("leadline.server")


class Gate:
    """The outermost layer, plain ASGI: nothing is buffered, and a client's leaving stays visible inside."""

    def __init__(self, app: ASGIApp, settings: Settings, queue: InferenceQueue, metrics: Metrics) -> None:
        self._app, self._settings, self._queue, self._metrics = app, settings, queue, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, closes=self._queue.closing)
        start = time.monotonic()
        self._metrics.in_flight += 1
        try:
            await self._answer(scope, exchange)
        finally:
            self._metrics.in_flight -= 1
            route = getattr(scope.get("route"), "path", "other")
            status = CLIENT_GONE if exchange.status == 0 else exchange.status
            self._metrics.add_request(route, status, time.monotonic() - start)

    async def _answer(self, scope: Scope, exchange: _Exchange) -> None:
        try:
            if self._queue.closing and scope["path"] not in _UNTOUCHED:
                raise shutting_down()
            check_request(scope["method"], scope["path"], Headers(scope=scope), self._settings)
            await self._app(scope, exchange.receive, exchange.send)
        except Refusal as refusal:
            await refusal_reply(refusal)(scope, exchange.receive, exchange.send)
        except Exception as error:
            if exchange.status:  # too late for another answer: the connection is cut
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            failure = Refusal(500, "failed", f"unexpected {type(error).__name__}: please report it; the server's log says more")
            await refusal_reply(failure)(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request's receive and send, watched."""

    def __init__(self, receive: Receive, send: Send, *, closes: bool) -> None:
        self._receive, self._send, self._closes = receive, send, closes
        self.status = 0
        self._body_ended = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_ended = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if self._closes:
                headers["Connection"] = "close"
            if self.status >= 400:
                await self._drain()
        await self._send(message)

    async def _drain(self) -> None:
        taken = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_S):
                while not self._body_ended and taken < DRAINED_BYTES:
                    taken += len((await self.receive()).get("body", b""))
