from __future__ import annotations

import pytest

from leadline.server.errors import Refusal
from leadline.server.form import parse_form

TYPE = "multipart/form-data; boundary=XX"


def part(name, data, more=b"", extra=b""):
    return b'--XX\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n" + extra + b"\r\n" + data + b"\r\n"


IMAGE = part(b"image", b"\x00\r\n--X\r\nbytes", b'; filename="../../etc/passwd"', b"Content-Type: image/png\r\n")
END = b"--XX--\r\n"


def read(body, content_type=TYPE):
    return parse_form(content_type, body, ("image",), ("output", "longest"))


def test_files_and_fields_are_told_apart_and_bytes_are_kept():
    form = read(IMAGE + part(b"output", b"npz") + END)
    assert bytes(form.files["image"].data) == b"\x00\r\n--X\r\nbytes"
    assert form.files["image"].content_type == "image/png"
    assert form.files["image"].is_file
    assert form.options == {"output": "npz"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (IMAGE + IMAGE + END, "twice"),
        (part(b"output", b"a") * 2 + END, "twice"),
        (part(b"nonsense", b"a") + END, "nonsense"),
        (part(b"output", b"a" * 200_000) + END, "bytes"),
        (part(b"output", b"\xff\xfe") + END, "UTF-8"),
        (IMAGE, "cut off"),
        (IMAGE[:40], "cut off"),
        (b"", "cut off"),
        (b"no form at all", "can't be read"),
        (part(b"output", b"a", extra=b"X: " + b"y" * 9000 + b"\r\n") + END, "header"),
        (b"".join(part(b"p%d" % i, b"") for i in range(40)) + END, "parts"),
    ],
)
def test_a_form_that_is_not_as_asked_is_refused(body, says):
    with pytest.raises(Refusal, match=says) as refused:
        read(body)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 300]
)
def test_a_form_without_a_boundary_is_refused(content_type):
    with pytest.raises(Refusal, match="boundary"):
        read(IMAGE + END, content_type)
