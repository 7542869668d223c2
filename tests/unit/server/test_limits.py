"""What the server refuses, and what becomes of work that nobody waits for."""

from __future__ import annotations

import asyncio
import time

import httpx2
import pytest
from tests.unit.server.predictors import LOCAL, Slow, client, png, ramp, served

from leadline.server.settings import Settings

PNG = {"Content-Type": "image/png"}


def direct(app):
    """A client without a network that asks many things at once."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=LOCAL, timeout=20)


def scope(app, path="/v1/depth", headers=()):
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"output=float32", "root_path": "", "server": ("localhost", 80),
        "client": ("127.0.0.1", 1), "headers": [(b"host", b"localhost"), *headers], "app": app,
    }  # fmt: skip


async def until(holds, seconds=10.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.005)


def test_a_body_that_is_announced_too_long_is_not_read():
    app = served(settings=Settings(max_bytes=1000))
    asked, sent = [], []

    async def receive():
        asked.append(1)
        return {"type": "http.request", "body": b"x", "more_body": len(asked) < 5}

    async def send(message):
        sent.append((message, len(asked)))

    headers = [(b"content-type", b"image/png"), (b"content-length", b"5000")]
    asyncio.run(app(scope(app, headers=headers), receive, send))
    assert sent[0][0]["status"] == 413
    assert b"1000" in sent[1][0]["body"]


def test_a_body_that_grows_too_long_is_refused_while_it_streams():
    taken = []

    def stream():
        for _ in range(50):
            taken.append(1)
            yield b"\x89PNG" * 250

    reply = client(settings=Settings(max_bytes=3000)).post("/v1/depth", content=stream(), headers=PNG)
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


def test_no_body_and_no_length_is_asked_for_one():
    app = served()
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope(app, headers=[(b"content-type", b"image/png")]), receive, send))
    assert sent[0]["status"] == 411


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "image/gif"}, 415),
        ({"Content-Type": "image/svg+xml"}, 415),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({}, 415),
        ({"Content-Type": "image/jpeg"}, 415),  # the bytes are PNG
        ({**PNG, "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "multipart/form-data"}, 400),
    ],
)
def test_a_type_that_is_not_taken_is_refused(headers, status):
    assert client().post("/v1/depth", content=png(ramp()), headers=headers).status_code == status


def test_an_empty_body_is_no_picture():
    assert client().post("/v1/depth", content=b"", headers={**PNG, "Content-Length": "0"}).status_code == 422


def test_a_full_queue_answers_429_at_once_and_the_rest_is_answered_in_full():
    async def ask():
        predictor = Slow()
        app = served(predictor, Settings(queue=2))
        async with direct(app) as at:
            first = [
                asyncio.create_task(at.post("/v1/depth", content=png(ramp()), headers=PNG))
                for _ in range(app.state.queue.workers)
            ]
            await until(lambda: app.state.queue.busy == app.state.queue.workers)
            waiting = [asyncio.create_task(at.post("/v1/depth", content=png(ramp()), headers=PNG)) for _ in range(2)]
            await until(lambda: app.state.queue.waiting == 2)
            refused = await at.post("/v1/depth", content=png(ramp()), headers=PNG)
            predictor.let_go.set()
            replies = await asyncio.gather(*first, *waiting)
        return refused, replies

    refused, replies = asyncio.run(ask())
    assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
    assert int(refused.headers["Retry-After"]) >= 1
    assert [reply.status_code for reply in replies] == [200] * len(replies)


def test_bodies_of_all_requests_together_are_limited():
    async def ask():
        predictor = Slow()
        body = png(ramp((200, 300)))
        app = served(predictor, Settings(max_bytes=len(body) + 10, queue=64))
        async with direct(app) as at:
            tasks = [asyncio.create_task(at.post("/v1/depth", content=body, headers=PNG)) for _ in range(12)]
            await until(lambda: sum(task.done() for task in tasks) >= 4)
            refused = [task.result() for task in tasks if task.done()]
            predictor.let_go.set()
            replies = await asyncio.gather(*tasks)
            again = await at.post("/v1/depth", content=body, headers=PNG)
        return refused, replies, again

    refused, replies, again = asyncio.run(ask())
    assert {(reply.status_code, reply.json()["code"]) for reply in refused} == {(429, "busy")}
    assert sum(reply.status_code == 200 for reply in replies) == 8
    assert again.status_code == 200


def test_what_takes_too_long_is_504_and_its_result_is_lost():
    predictor = Slow()
    at = client(predictor, Settings(max_seconds=0.3))
    reply = at.post("/v1/depth", content=png(ramp()), headers=PNG)
    assert (reply.status_code, reply.json()["code"]) == (504, "too_slow")
    predictor.let_go.set()
    assert 'leadline_abandoned_total{reason="timeout"} 1' in at.get("/metrics").text


@pytest.mark.parametrize("busy", [True, False])
def test_a_client_that_goes_away_is_dropped_and_counted(busy):
    """While it waits its work never begins; while the network runs, its result is thrown away."""

    async def ask():
        predictor = Slow()
        app = served(predictor)
        body, sent = png(ramp()), []
        gone = asyncio.Event()
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if parts:
                return parts.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        queue = app.state.queue
        async with direct(app) as at:
            holding = []
            if busy:
                holding = [asyncio.create_task(at.post("/v1/depth", content=body, headers=PNG)) for _ in range(queue.workers)]
                await until(lambda: queue.busy == queue.workers)
            headers = [(b"content-type", b"image/png"), (b"content-length", str(len(body)).encode())]
            leaver = asyncio.create_task(app(scope(app, headers=headers), receive, send))
            await until(lambda: queue.waiting == 1 if busy else queue.busy == 1)
            gone.set()
            await leaver
            predictor.let_go.set()
            replies = await asyncio.gather(*holding)
            await until(lambda: queue.busy == 0 and queue.waiting == 0)
            text = (await at.get("/metrics")).text
        return predictor, queue, replies, text, sent

    predictor, queue, replies, text, sent = asyncio.run(ask())
    assert [reply.status_code for reply in replies] == [200] * len(replies)
    assert len(predictor.pictures) == (queue.workers if busy else 1)
    assert 'leadline_abandoned_total{reason="client_gone"} 1' in text
    assert 'leadline_requests_total{route="/v1/depth",status="499"} 1' in text
    assert sent[0]["status"] == 499


def test_a_client_that_goes_away_mid_upload_leaves_nothing():
    app = served()
    parts = [{"type": "http.disconnect"}, {"type": "http.request", "body": png(ramp())[:50], "more_body": True}]

    async def receive():
        return parts.pop()

    async def send(message):
        pass

    headers = [(b"content-type", b"image/png"), (b"content-length", b"900")]
    asyncio.run(app(scope(app, headers=headers), receive, send))
    assert app.state.metrics.in_flight == 0
    assert app.state.queue.busy == 0


def test_while_the_server_closes_new_requests_are_told_to_come_back():
    app = served()
    at = client()
    at.app.state.queue.closing = True
    for path, reply in (("depth", at.post("/v1/depth", content=png(ramp()), headers=PNG)), ("ready", at.get("/readyz"))):
        assert (reply.status_code, reply.json()["code"]) == (503, "shutting_down"), path
        assert int(reply.headers["Retry-After"]) >= 1
    assert at.get("/healthz").status_code == 200
    assert app.state.queue.closing is False
