"""Bodies of a bounded size, and work with a time limit that stops when nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from leadline.server.errors import Refusal
from leadline.server.metrics import Metrics
from leadline.server.queue import InferenceQueue
from leadline.server.settings import Settings

Result = TypeVar("Result")

# Bodies of all requests in hand together, in units of the largest one.
_BODIES_IN_MEMORY = 8


class Abandoned(Exception):
    """Nobody waits for the result any more."""


class Patience:
    """Whether anybody still waits for a request's result; asked between its stages.

    Attributes:
        started: when the request began, by time.monotonic.
        seconds: how long it may take.
    """

    def __init__(self, seconds: float) -> None:
        self.started, self.seconds, self.ended = time.monotonic(), seconds, False

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self.started + self.seconds - time.monotonic())

    def check(self) -> None:
        """Raise Abandoned if the client has gone or the time is over."""
        if self.ended or self.left == 0:
            raise Abandoned


class Limits:
    """What a server takes at a time.

    Attributes:
        settings: with the limits.
    """

    def __init__(self, settings: Settings, queue: InferenceQueue, metrics: Metrics) -> None:
        self.settings, self._queue, self._metrics = settings, queue, metrics
        self._held = 0

    def patience(self) -> Patience:
        """Start the clock of a request."""
        return Patience(self.settings.max_seconds)

    @contextmanager
    def room(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that counts bytes which a request keeps in memory, until the block ends.

        It raises a Refusal, 429, when all requests together keep too much.
        """
        held = 0

        def hold(count: int) -> None:
            nonlocal held
            if self._held + count > _BODIES_IN_MEMORY * self.settings.max_bytes:
                raise Refusal(429, "busy", "too many uploads at once: try again in 2 s", 2)
            held += count
            self._held += count

        try:
            yield hold
        finally:
            self._held -= held

    async def read_body(self, request: Request, patience: Patience, hold: Callable[[int], None]) -> bytes:
        """Return a request's body.

        Raises:
            Refusal: 411, 413, 415 (packed), 429, 504 (too slow); the size is judged before anything is read, where it is said.
        """
        limit, headers = self.settings.max_bytes, request.headers
        length = headers.get("content-length")
        if length is None and "transfer-encoding" not in headers:
            raise Refusal(411, "length", "no Content-Length and no body: send the picture's bytes as the body")
        if headers.get("content-encoding", "identity") != "identity":
            encoding = headers["content-encoding"][:40]
            raise Refusal(415, "packed", f"content-encoding {encoding!r}: expected the bytes as they are")
        if length is not None and (not length.isdecimal() or int(length) > limit):
            raise _too_long(limit, length[:20])
        parts: list[bytes] = []
        total = 0
        try:
            async with asyncio.timeout(patience.left):
                async for chunk in request.stream():
                    total += len(chunk)
                    if total > limit:
                        raise _too_long(limit, f"more than {limit}")
                    hold(len(chunk))
                    parts.append(chunk)
        except TimeoutError:
            raise _too_slow(self.settings.max_seconds, "the upload") from None
        return b"".join(parts)

    async def work(self, request: Request, patience: Patience, function: Callable[[], Result]) -> Result:
        """Run a function through the queue while the client waits.

        The client's leaving, and the end of its time, drop the work if it has not begun. If it has, it stops before its next
        stage (`Patience.check`), or runs out, and its result is lost.

        Raises:
            Refusal: 504.
            QueueFull, QueueClosed: see `InferenceQueue`.
            ClientDisconnect: the client has gone.
        """
        future = self._queue.submit(function)
        work = asyncio.wrap_future(future)
        gone = asyncio.ensure_future(_until_gone(request))
        try:
            waited: set[asyncio.Future[Any]] = {work, gone}
            await asyncio.wait(waited, timeout=patience.left, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            why = "client_gone" if gone.done() else "timeout"
        except asyncio.CancelledError:
            why = "client_gone"
            raise
        except Abandoned:
            why = "timeout"
        finally:
            gone.cancel()
            if not work.done():
                patience.ended = True
                work.cancel()
        self._metrics.add_abandoned(why)
        if why == "client_gone":
            raise ClientDisconnect
        raise _too_slow(self.settings.max_seconds, "the request")


async def _until_gone(request: Request) -> None:
    """Return when the client has closed the connection; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _too_long(limit: int, found: str) -> Refusal:
    return Refusal(413, "too_large", f"a body of {found} bytes: expected at most {limit}; send a smaller picture")


def _too_slow(seconds: float, what: str) -> Refusal:
    return Refusal(504, "too_slow", f"{what} took longer than {seconds:g} s: send a smaller picture, or try again later", 1)
