"""A server of jobs alone in a thread, what is sent to it, and a predictor whose speed the test sets."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI

from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.io.video import VideoWriter
from leadline.predictor import ModelCard, Prediction
from leadline.server.errors import add_error_replies
from leadline.server.jobs import jobs_router
from leadline.server.queue import InferenceQueue
from leadline.server.settings import Settings

HW = (32, 48)


class Brightness:
    """Says that bright is near. Waits at each picture until `go` is set, and counts them."""

    streams = 1

    def __init__(self, held: bool = False) -> None:
        self.card = ModelCard("brightness.test", RELATIVE_DISPARITY)
        self.go = threading.Event()
        self.calls = 0
        self.entered = threading.Semaphore(0)
        if not held:
            self.go.set()

    def __call__(self, image, camera=None):
        self.calls += 1
        self.entered.release()
        assert self.go.wait(20)
        return Prediction(DepthMap(image.mean(axis=2), None, self.card.kind, camera, self.card.name))


@contextmanager
def job_server(tmp_path: Path, predictor: Brightness, **limits: Any) -> Iterator[Server]:
    settings = Settings(**{"job_dir": tmp_path / "jobs", **limits})
    queue = InferenceQueue(1, settings.queue)
    app = FastAPI()
    add_error_replies(app)
    app.include_router(jobs_router(settings, queue, {"brightness": predictor}))
    with serving(app) as url:
        yield Server(url, settings, queue)
    queue.close(10)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Run an application on a free port; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_level="error", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


class Server:
    """The client's side of a server."""

    def __init__(self, url: str, settings: Settings, queue: InferenceQueue) -> None:
        self.url, self.settings, self.queue = url, settings, queue
        self.host = urlsplit(url).netloc

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def start(self, data: bytes, name: str = "sent.bin", query: str = "", **fields: str) -> Reply:
        body, sort = form(data, name, **fields)
        return self.ask("POST", f"/v1/jobs{query}", body, {"Content-Type": sort})

    def record(self, id: str) -> dict[str, Any]:
        return self.ask("GET", f"/v1/jobs/{id}").json()

    def finished(self, id: str) -> dict[str, Any]:
        """Follow the events to the end; return the last record."""
        return self.events(id)[-1][1]

    def events(self, id: str) -> list[tuple[str, dict[str, Any]]]:
        reply = self.ask("GET", f"/v1/jobs/{id}/events")
        assert reply.headers["content-type"].startswith("text/event-stream")
        return parse_events(reply.body.decode())

    @property
    def folders(self) -> list[Path]:
        """The folders of jobs that are there."""
        return sorted(path for path in self.settings.job_dir.glob("*/*") if path.is_dir())

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.settings.job_dir.rglob("*") if path.is_file() and path.name != "in-use")


class Reply:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, {name.lower(): value for name, value in headers.items()}, body

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        assert self.status == 202, self.body
        return self.json()["id"]


def parse_events(text: str) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events


def form(data: bytes, name: str = "sent.bin", **fields: str) -> tuple[bytes, str]:
    """Return a multipart body with a file, and its content type."""
    edge = "edge-of-parts-7f3"
    texts = "".join(f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    head = f'{texts}--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + data + f"\r\n--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def picture(level: int = 100, hw: tuple[int, int] = HW) -> np.ndarray:
    pixels = np.full((*hw, 3), level, np.uint8)
    pixels[: hw[0] // 2] //= 2
    return pixels


def png(level: int = 100) -> bytes:
    return cv2.imencode(".png", picture(level))[1].tobytes()


def zipped(entries: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return memory.getvalue()


def video(tmp_path: Path, frames: int = 5, suffix: str = ".mp4") -> bytes:
    path = tmp_path / f"film-{frames}{suffix}"
    with VideoWriter(path, 10, HW) as writer:
        for index in range(frames):
            writer.write(picture(60 + 10 * (index % 16)))
    return path.read_bytes()


def wait_until(condition: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.01)
