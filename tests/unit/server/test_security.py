from __future__ import annotations

import pytest
from tests.unit.server.predictors import client, png, ramp

from leadline.errors import LeadlineError
from leadline.server.settings import Settings

PNG = {"Content-Type": "image/png"}


@pytest.mark.parametrize("path", ["/", "/v1/about", "/docs", "/nowhere", "/metrics"])
def test_every_reply_tells_the_browser_to_load_nothing_from_elsewhere(path):
    headers = client().get(path).headers
    policy = dict(rule.strip().split(" ", 1) for rule in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "http" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"].startswith("camera=(self)")


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1", "[::1]:8765"])
def test_this_machines_names_are_answered(host):
    assert client().get("/v1/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "[::1"])
def test_a_foreign_name_for_this_machine_is_refused(host):
    """DNS rebinding: a page of evil.example whose name now resolves to 127.0.0.1."""
    reply = client().get("/v1/about", headers={"Host": host})
    assert (reply.status_code, reply.json()["code"]) == (403, "host")


def test_a_server_for_others_answers_to_any_name():
    assert client(settings=Settings(host="0.0.0.0")).get("/v1/about", headers={"Host": "depth.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://localhost:9"}],
)
def test_another_page_cannot_post(headers):
    reply = client().post("/v1/depth", content=png(ramp()), headers={**PNG, **headers})
    assert (reply.status_code, reply.json()["code"]) == (403, "origin")


def test_the_servers_own_page_can_post():
    headers = {**PNG, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client().post("/v1/depth", content=png(ramp()), headers=headers).status_code == 200


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Basic secret", "secret", "Bearer secret2", "Bearer "])
def test_without_the_token_nothing_under_v1_but_about_answers(given):
    at = client(settings=Settings(token="secret"))
    headers = {} if given is None else {"Authorization": given}
    for reply in (at.get("/v1/models", headers=headers), at.post("/v1/depth", content=png(ramp()), headers={**PNG, **headers})):
        assert (reply.status_code, reply.json()["code"]) == (401, "token")
        assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_the_token_opens_and_the_page_needs_none():
    at = client(settings=Settings(token="secret"))
    assert at.get("/v1/models", headers={"Authorization": "Bearer secret"}).status_code == 200
    assert at.get("/v1/about").json()["token_required"] is True  # so that the page asks its user first
    assert at.get("/").status_code == 200
    assert at.get("/healthz").status_code == 200


def test_the_token_is_not_shown():
    assert "secret" not in repr(Settings(token="secret"))


@pytest.mark.parametrize(
    "wrong", [{"token": "a\nb"}, {"token": " "}, {"token": "ä"}, {"port": 70000}, {"queue": 0}, {"models": ()}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(LeadlineError):
        Settings(**wrong)
