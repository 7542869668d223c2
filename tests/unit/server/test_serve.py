"""A real process on a real socket."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.unit.server.predictors import png, ramp, values_of

from leadline.errors import LeadlineError
from leadline.server.serve import listen
from leadline.server.settings import Settings

ROOT = Path(__file__).parents[3]


class Process:
    """The slow server, and its port."""

    def __init__(self, seconds):
        command = [sys.executable, "-m", "tests.unit.server.slow_server", str(seconds)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, method, path, body=None, line=None):
        if line is None:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as line:
                return self.ask(method, path, body, line)
        line.request(method, path, body, {"Content-Type": "image/png"} if body else {})
        reply = line.getresponse()
        return reply.status, reply.read()

    def in_hand(self):
        """How many pictures are being worked on or wait."""
        _, text = self.ask("GET", "/metrics")
        return sum(
            int(re.search(rf"^leadline_{name} (\d+)$", text.decode(), re.MULTILINE)[1])
            for name in ("queue_length", "workers_busy")
        )

    def until(self, count):
        end = time.monotonic() + 20
        while self.in_hand() != count:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_kill_term_under_load_loses_no_accepted_request():
    pictures = [np.roll(ramp(), 3 * n, axis=1) for n in range(8)]
    with Process(0.15) as server, ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(server.ask, "POST", "/v1/depth?output=float32", png(picture)) for picture in pictures]
        server.until(8)
        server.process.send_signal(signal.SIGTERM)
        for picture, reply in zip(pictures, asked, strict=True):
            status, body = reply.result(30)
            assert status == 200
            np.testing.assert_array_equal(np.frombuffer(body, "<f4"), values_of(picture).ravel())
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.process.stderr.read()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", server.port), timeout=2)


def test_clients_that_hang_up_in_the_middle_do_no_harm():
    body = png(np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8))
    head = (
        f"POST /v1/depth HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    with Process(0.2) as server:
        for sent in (len(body) // 2, len(body)):  # in the middle of the upload, and of the prediction
            for _ in range(5):
                with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
                    line.sendall(head + body[:sent])
        server.until(0)
        status, _ = server.ask("POST", "/v1/depth", body)
        assert status == 200
        _, text = server.ask("GET", "/metrics")
        assert b"leadline_requests_in_flight 1\n" in text  # this one
        assert b'leadline_requests_total{route="/v1/depth",status="499"} 10' in text


def test_a_connection_serves_one_request_after_the_other():
    with Process(0.001) as server, closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as line:
        assert [server.ask("POST", "/v1/depth", png(ramp()), line)[0] for _ in range(5)] == [200] * 5
        assert server.ask("POST", "/v1/depth", b"no picture at all", line)[0] == 415
        assert server.ask("GET", "/healthz", None, line)[0] == 200


def test_a_taken_port_is_told_in_one_line():
    with listen(Settings(port=0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(LeadlineError, match=f"port {port} is taken"):
            listen(Settings(port=port))


def test_an_address_of_another_machine_is_told_in_one_line():
    with pytest.raises(LeadlineError, match=r"can't listen on 192\.0\.2\.1"):
        listen(Settings(host="192.0.2.1", port=0))
