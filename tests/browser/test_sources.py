"""The other ways in: camera, clipboard, drop."""

from __future__ import annotations

import base64

import pytest

from tests.browser.visit import SAMPLES, expect

STREET = SAMPLES / "street.jpg"
# A file in a DataTransfer, as the browser hands over what is dropped or pasted.
AS_TRANSFER = """(base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "street.jpg", { type: "image/jpeg" }));
    return transfer;
}"""


def transfer(tab):
    return tab.page.evaluate_handle(AS_TRANSFER, base64.b64encode(STREET.read_bytes()).decode())


def test_a_photo_from_the_camera_is_predicted(visit, shipped):
    tab = visit(shipped)
    tab.get("take-photo").click()
    shoot = tab.page.get_by_role("button", name="Take the photo")
    expect(shoot).to_be_enabled()

    shoot.click()

    expect(tab.get("result-name")).to_have_text("camera.jpg")
    expect(tab.get("facts")).to_contain_text("disparity/affine_invariant")
    expect(tab.page.get_by_role("dialog")).to_have_count(0)


def test_the_cameras_dialog_can_be_closed_without_a_photo(visit, shipped):
    tab = visit(shipped)
    tab.get("take-photo").click()
    tab.page.get_by_role("button", name="Cancel").click()
    expect(tab.page.get_by_role("dialog")).to_have_count(0)
    expect(tab.get("dropzone")).to_be_visible()


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_photo_that_is_dropped_or_pasted_is_predicted(visit, shipped, event):
    tab = visit(shipped)
    key, kind = {"drop": ("dataTransfer", "DragEvent"), "paste": ("clipboardData", "ClipboardEvent")}[event]
    tab.page.evaluate(
        f"(given) => dispatchEvent(new {kind}('{event}', {{ {key}: given, bubbles: true, cancelable: true }}))", transfer(tab)
    )
    expect(tab.get("result-name")).to_have_text("street.jpg")
    expect(tab.get("facts")).to_contain_text("disparity/affine_invariant")


def test_the_paste_button_takes_the_clipboards_picture_and_says_when_there_is_none(visit, shipped):
    tab = visit(shipped)
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.page.evaluate("navigator.clipboard.writeText('no picture')")
    tab.get("paste-photo").click()
    expect(tab.page.get_by_role("alert")).to_contain_text("no picture on the clipboard")

    tab.page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(96, 64);
            canvas.getContext("2d").fillRect(0, 0, 48, 64);
            await navigator.clipboard.write([new ClipboardItem({ "image/png": await canvas.convertToBlob() })]);
        }"""
    )
    tab.get("paste-photo").click()
    expect(tab.get("result-name")).to_have_text("pasted.png")
