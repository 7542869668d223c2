"""The client and servers that are busy, broken, gone or not leadline."""

import json
import time

import numpy as np
import pytest
from tests.unit.client.scripted_server import scripted_server

from leadline.client import DepthClient
from leadline.client import transport as transport_module
from leadline.errors import LeadlineError

IMAGE = np.zeros((2, 3, 3), np.uint8)
HEADERS = {"Leadline-Size": "2x3", "Leadline-Kind": "depth/metric", "Leadline-Model": "m.v1"}
GOOD = (200, HEADERS, np.arange(6, dtype="<f4").tobytes())


def refusal(status, **headers):
    return status, headers, json.dumps({"error": "come again: later", "code": "queue_full"}).encode()


def busy(seconds="0"):
    return refusal(429, **{"Retry-After": seconds})


def no_leadline():
    return pytest.raises(LeadlineError, match="is this a leadline server")


@pytest.fixture
def naps(monkeypatch):
    slept = []
    monkeypatch.setattr(transport_module.time, "sleep", slept.append)
    return slept


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(naps, status):
    with (
        scripted_server(refusal(status, **{"Retry-After": "3"}), refusal(status), GOOD) as server,
        DepthClient(server.url) as client,
    ):
        assert client(IMAGE).depth.values.tolist() == [[0, 1, 2], [3, 4, 5]]
        assert naps == [3, 2]  # as it says; and twice the first pause where it does not
        assert len(server.asked) == 3
        assert len({body for *_, body in server.asked}) == 1


@pytest.mark.parametrize("header", ["soon", "nan", "-5", "inf", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_retry_after_that_is_no_number_is_not_waited_for(naps, header):
    with scripted_server(busy(header), GOOD) as server, DepthClient(server.url) as client:
        client(IMAGE)
    assert naps == [1]


def test_a_server_that_stays_busy_is_given_up(naps):
    with scripted_server(busy("100000")) as server, DepthClient(server.url, retries=3) as client:
        with pytest.raises(LeadlineError, match=r"come again: later \(after 4 tries\)"):
            client(IMAGE)
        assert len(server.asked) == 4
    assert naps == [60, 60, 60]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 500, 504])
def test_a_refusal_is_not_asked_again_and_says_the_servers_sentence(naps, status):
    with scripted_server(refusal(status)) as server, DepthClient(server.url) as client:
        with pytest.raises(LeadlineError, match=r"refused: come again: later$"):
            client(IMAGE)
        assert len(server.asked) == 1
    assert naps == []


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}, b"<html>nginx</html>"),
        (200, {}, b"<html>hello</html>"),
        (200, {**HEADERS, "Leadline-Size": "2x4"}, GOOD[2]),
        (200, {**HEADERS, "Leadline-Kind": "colour"}, GOOD[2]),
        (200, {**HEADERS, "Leadline-Notes": "{"}, GOOD[2]),
        (500, {}, b'["error"]'),
    ],
)
def test_what_is_no_leadline_server_is_said_to_be_none(answer):
    with (
        scripted_server(answer) as server,
        DepthClient(server.url) as client,
        pytest.raises(LeadlineError, match="is this a leadline"),
    ):
        client(IMAGE)


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"models": 3}', b'{"models": [{"name": "a"}]}'])
def test_a_list_of_models_that_is_none_is_said_to_be_none(body):
    with scripted_server((200, {}, body)) as server, DepthClient(server.url) as client, no_leadline():
        client.card  # noqa: B018


def test_no_server_says_how_to_start_one():
    with scripted_server(GOOD) as server:
        url = server.url
    with pytest.raises(LeadlineError, match=r"no server at http://127.0.0.1:\d+: start one with leadline serve"):
        DepthClient(url)(IMAGE)


def test_a_server_that_never_answers_is_given_up_in_time():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = DepthClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        start = time.monotonic()
        with pytest.raises(LeadlineError, match=r"did not answer within 0\.2 s"):
            client(IMAGE)
        assert time.monotonic() - start < 3
        client.close()


def test_a_connection_is_kept_and_replaced_when_the_server_has_closed_it():
    closing = (200, {**HEADERS, "Connection": "close"}, GOOD[2])
    with scripted_server(GOOD, GOOD, closing, GOOD, GOOD) as server, DepthClient(server.url) as client:
        for _ in range(5):
            client(IMAGE)
        assert len(server.connections) == 2


def test_a_kept_connection_that_breaks_is_tried_once_more_and_a_new_one_is_not():
    with scripted_server(GOOD, (200, {}, None), GOOD, (200, {}, None)) as server, DepthClient(server.url) as client:
        for _ in range(2):
            client(IMAGE)  # the second call finds its connection cut
        assert len(server.asked) == 3
        with pytest.raises(LeadlineError, match="can't reach"):
            client(IMAGE)


def test_a_job_is_never_sent_twice(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"zip")
    with scripted_server(GOOD, (200, {}, None)) as server, DepthClient(server.url) as client:
        client(IMAGE)
        with pytest.raises(LeadlineError, match="can't reach"):
            client.submit(path)
        assert len(server.asked) == 2


def test_a_result_that_breaks_off_leaves_no_file(tmp_path):
    with scripted_server((200, {"Content-Length": "100"}, b"short")) as server, DepthClient(server.url) as client:
        with pytest.raises(LeadlineError, match="broke off"):
            client.job("abc").save(tmp_path / "result.zip")
        assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_events_that_break_off_are_followed_anew():
    def record(state, done):
        return {
            "id": "abc", "state": state, "kind": "zip", "total": 3, "done": done, "failed": 0, "seconds": 1,
            "expires_at": None, "message": None,
        }  # fmt: skip

    def events(*records):
        text = "".join(f": still here\n\nevent: {r['state']}\ndata: {json.dumps(r)}\n\n" for r in records)
        return 200, {"Content-Type": "text/event-stream", "Connection": "close"}, text.encode()

    first, second = events(record("running", 0), record("running", 1)), events(record("running", 2), record("done", 3))
    with scripted_server(first, (200, {}, b"event: progress\ndata: {"), second) as server, DepthClient(server.url) as client:
        heard = []
        assert client.job("abc").wait(heard.append).done == 3
    assert [r.done for r in heard] == [0, 1, 2, 3]


def test_events_that_always_break_off_are_given_up(naps):
    with scripted_server((200, {}, b"")) as server, DepthClient(server.url) as client:
        with pytest.raises(LeadlineError, match="break off"):
            client.job("abc").wait()
        assert len(server.asked) == 6


def test_the_token_is_sent_and_shown_nowhere():
    with scripted_server(refusal(401)) as server, DepthClient(server.url, "sesame") as client:
        with pytest.raises(LeadlineError) as caught:
            client(IMAGE)
        assert server.asked[0][2]["authorization"] == "Bearer sesame"
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8765", "ftp://host", "http://", "http://host:port", "http://host:99999", "http://h?x=1", ""]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(LeadlineError, match="expected an address such as"):
        DepthClient(url)


def test_a_token_that_no_header_carries_is_refused():
    with pytest.raises(LeadlineError, match="printable ASCII"):
        DepthClient("http://127.0.0.1:1", "two\r\nlines")


def test_an_address_may_have_a_path_and_a_model():
    with scripted_server(GOOD) as server, DepthClient.from_address(f"{server.url}/depth/#net.v1") as client:
        client(IMAGE)
        assert server.asked[0][1] == "/depth/v1/depth?output=float32&model=net.v1"


@pytest.mark.parametrize("id", ["", "../x", "a/b", "a b"])
def test_what_is_no_jobs_id_is_refused(id):
    with pytest.raises(LeadlineError, match="expected the id"):
        DepthClient("http://127.0.0.1:1").job(id)
