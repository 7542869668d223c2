"""What goes wrong is a sentence; a server with a token asks for it."""

from __future__ import annotations

import re

import pytest

from tests.browser import rooms as room
from tests.browser.visit import SAMPLES, expect

TOKEN = "a-token-for-this-test"


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("noise.jpg", b"this is no picture at all" * 20, 415),
        ("cut.jpg", (SAMPLES / "street.jpg").read_bytes()[:9000], 422),
    ],
)
def test_a_broken_picture_is_told_in_a_sentence(visit, shipped, name, body, status):
    tab = visit(shipped)
    tab.watch.allow(f"status {status}: POST|the server responded with a status of {status}")

    tab.choose_photo({"name": name, "mimeType": "image/jpeg", "buffer": body}, wait=False)

    error = tab.get("error")
    expect(error).to_be_visible()
    expect(error).to_have_role("alert")
    sentence = error.inner_text()
    assert re.search("[:;]", sentence), f"no next step in {sentence!r}"
    assert len(sentence) < 300
    assert not re.search(r"BytesIO|Traceback|0x[0-9a-f]{4}|/tmp", sentence), sentence
    expect(tab.get("dropzone")).to_be_visible()
    error.get_by_role("button", name="Close").click()
    expect(error).to_have_count(0)


def test_a_file_that_is_no_picture_is_refused_by_the_page_itself(visit, rooms):
    tab = visit(rooms)

    tab.choose_photo({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}, wait=False)

    expect(tab.get("error")).to_contain_text("notes.txt is neither a picture nor a video")


def test_an_error_goes_away_with_the_next_success(visit, rooms):
    tab = visit(rooms)
    tab.choose_photo({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}, wait=False)
    expect(tab.get("error")).to_be_visible()

    tab.choose_photo(room.png())

    expect(tab.get("error")).to_have_count(0)


@pytest.fixture(scope="module")
def guarded(browser, serve):
    from tests.browser.rooms import predictors

    return serve(predictors(), token=TOKEN)


def test_a_server_with_a_token_asks_for_it_and_then_works(visit, guarded):
    tab = visit(guarded)
    expect(tab.page.get_by_role("dialog", name="Token")).to_be_visible()
    expect(tab.get("token")).to_be_focused()

    tab.get("token").fill(TOKEN)
    tab.get("token").press("Enter")

    expect(tab.page.get_by_role("dialog")).to_have_count(0)
    knows_its_models(tab)
    tab.choose_photo(room.png())
    tab.page.reload()
    knows_its_models(tab)  # the token is kept until the tab is closed
    assert tab.page.get_by_role("dialog").count() == 0


def test_a_wrong_token_is_asked_for_again(visit, guarded):
    tab = visit(guarded)
    tab.watch.allow("status 401: GET|the server responded with a status of 401")
    tab.get("token").fill("wrong")
    tab.get("token").press("Enter")
    expect(tab.page.get_by_role("dialog")).to_contain_text("That isn't the server's token")

    tab.get("token").fill(TOKEN)
    tab.get("token").press("Enter")

    knows_its_models(tab)


def knows_its_models(tab):
    expect(tab.get("model").locator("option")).to_have_count(3)
