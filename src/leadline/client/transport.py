"""Requests to a leadline server: connections that are kept, waiting where the server asks for it, errors of one line."""

from __future__ import annotations

import http.client
import json
import math
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from leadline.errors import LeadlineError

BUSY = (429, 503)
_LONGEST_WAIT_S = 60.0
_FIRST_WAIT_S = 1.0  # where the server does not say how long

# What makes a body anew for each attempt: bytes, or pieces with their whole length.
Body = Callable[[], tuple[Iterable[bytes] | bytes, int]]


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status, reason: of it.
        headers: by lower-case name.
        body: the bytes.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            LeadlineError: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise LeadlineError(f"the answer {self.body[:40]!r} is not JSON: is this a leadline server?") from None


class Transport:
    """Connections to one server, one for each thread.

    Attributes:
        url: of the server, without a slash at its end.

    Args:
        url: ``http://HOST:PORT``, perhaps with a path before leadline's own.
        token: sent with each request, or None.
        timeout_s: how long to wait for the server at each step.
        retries: how often to try again when it is busy.

    Raises:
        LeadlineError: no such address can be.
    """

    def __init__(self, url: str, token: str | None, timeout_s: float, retries: int) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.query:
            raise LeadlineError(f"server {url!r}: expected an address such as http://127.0.0.1:8765")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise LeadlineError(
                "a token of other than printable ASCII characters: give the one that the server was started with"
            )
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, port
        self._path = parts.path.rstrip("/")
        self._token, self._timeout_s, self._retries = token, timeout_s, retries
        self._mine = threading.local()
        self._all: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, _close_all, self._all)

    def close(self) -> None:
        """Close all connections; the next request opens a new one."""
        with self._lock:
            _close_all(self._all)

    def ask(
        self,
        method: str,
        path: str,
        options: Mapping[str, Any] | None = None,
        body: Body | None = None,
        content_type: str = "",
        *,
        kept: bool = True,
    ) -> Reply:
        """Return the answer to a request.

        Args:
            method, path: of the request.
            options: of the address; those that are None are left out.
            body: see `Body`.
            content_type: of the body.
            kept: use this thread's kept connection. The server may have closed it, and then the request is sent again on a
                new one; False for what must not be sent twice.

        Raises:
            LeadlineError: no server there, it refuses, or it stays busy.
        """
        address = self._address(path, options)
        waited = 0
        while True:
            reply = self._exchange(method, address, body, content_type, kept)
            if 200 <= reply.status < 300:
                return reply
            if reply.status not in BUSY or waited >= self._retries:
                tries = f" (after {waited + 1} tries)" if waited else ""
                raise LeadlineError(f"{self.url} refused: {_message(reply)}{tries}")
            waited += 1
            time.sleep(_seconds_to_wait(reply.headers.get("retry-after"), waited))

    @contextmanager
    def stream(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """Yield the answer to a GET, to be read piece by piece, on a connection of its own.

        Raises:
            LeadlineError: no server there, or it refuses. What breaks while it is read is left to the reader.
        """
        connection = self._new_connection()
        try:
            try:
                response = self._send(connection, "GET", self._address(path, None), None, "")
                if response.status != 200:
                    raise LeadlineError(f"{self.url} refused: {_message(_read(response))}")
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from None
            with response:
                yield response
        finally:
            connection.close()

    def _address(self, path: str, options: Mapping[str, Any] | None) -> str:
        given = {name: _text(value) for name, value in (options or {}).items() if value is not None}
        return f"{self._path}{path}{'?' if given else ''}{urlencode(given)}"

    def _exchange(self, method: str, address: str, body: Body | None, content_type: str, kept: bool) -> Reply:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None) if kept else None
        if connection is not None and connection.sock is not None:
            try:
                return _read(self._send(connection, method, address, body, content_type))
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                pass  # closed since the last request: open a new one
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise self._unreachable(error) from None
            except BaseException:  # an interrupt leaves half a request behind
                connection.close()
                raise
            connection.close()
        connection = self._new_connection()
        try:
            reply = _read(self._send(connection, method, address, body, content_type))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from None
        except BaseException:
            connection.close()
            raise
        if kept:
            self._keep(connection)
        else:
            connection.close()
        return reply

    def _send(
        self, connection: http.client.HTTPConnection, method: str, address: str, body: Body | None, content_type: str
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "*/*"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data: Iterable[bytes] | bytes | None = None
        if body is not None:
            data, length = body()
            headers |= {"Content-Type": content_type, "Content-Length": str(length)}
        # A server that refuses may close before it has read everything; its answer may be there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, address, data, headers)
        return connection.getresponse()

    def _new_connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self._secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        connection.blocksize = 1 << 18
        return connection

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._all.discard(getattr(self._mine, "connection", None))
            self._all.add(connection)
        self._mine.connection = connection

    def _unreachable(self, error: Exception) -> LeadlineError:
        if isinstance(error, TimeoutError):
            return LeadlineError(
                f"{self.url} did not answer within {self._timeout_s:g} s: try again, or give a longer timeout_s"
            )
        if isinstance(error, ConnectionRefusedError):
            return LeadlineError(f"no server at {self.url}: start one with leadline serve, or check the address")
        reason = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
        return LeadlineError(f"can't reach {self.url} ({reason}): check the address, and that leadline serve runs there")


def _read(response: http.client.HTTPResponse) -> Reply:
    with response:
        data = response.read()
    return Reply(response.status, response.reason, {name.lower(): value for name, value in response.headers.items()}, data)


def _message(reply: Reply) -> str:
    """Return the server's own sentence, or the status of what does not speak as leadline does."""
    try:
        message = str(json.loads(reply.body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{reply.status} {reply.reason}; is this a leadline server?"
    return " ".join(message.split())


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _seconds_to_wait(header: str | None, tries: int) -> float:
    """Return what Retry-After says, or twice as long at each try."""
    try:
        seconds = float(header or "")
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        seconds = _FIRST_WAIT_S * 2 ** (tries - 1)
    return min(seconds, _LONGEST_WAIT_S)


def _close_all(connections: set[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
    connections.clear()
