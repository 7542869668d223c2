"""Running the application: the socket, the signals, and an end that finishes what was begun."""

from __future__ import annotations

import errno
import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from leadline.errors import LeadlineError
from leadline.server.queue import InferenceQueue
from leadline.server.settings import Settings

_GRACE_S = 5  # beyond the time that one request may take
_KEEP_ALIVE_S = 30


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens where the settings say; made before networks are loaded, so that a taken port shows at once.

    Raises:
        LeadlineError: the port is taken, or the address is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.host, settings.port))
        found.listen(2048)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise LeadlineError(f"port {settings.port} is taken: stop what uses it, or choose another with --port") from None
        reason = error.strerror or error
        raise LeadlineError(
            f"can't listen on {settings.host}:{settings.port} ({reason}): give an address of this machine and a free port"
        ) from None
    return found


def run(app: FastAPI, settings: Settings, listening: socket.socket) -> None:
    """Answer requests until SIGTERM or Ctrl-C; then take no more, finish what is in hand, and return."""
    config = uvicorn.Config(
        app, lifespan="on", log_level="warning", access_log=False, server_header=False, proxy_headers=False, ws="none",
        timeout_keep_alive=_KEEP_ALIVE_S, timeout_graceful_shutdown=int(settings.max_seconds) + _GRACE_S,
    )  # fmt: skip
    server = _Server(config, app.state.queue)
    # uvicorn raises the signal again once it has stopped; the end is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn's, which tells the queue first, so that long streams end and new requests are refused."""

    def __init__(self, config: uvicorn.Config, queue: InferenceQueue) -> None:
        super().__init__(config)
        self._queue = queue

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._queue.closing = True
        super().handle_exit(sig, frame)
