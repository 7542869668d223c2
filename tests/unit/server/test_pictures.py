from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from tests.unit.server.predictors import png, ramp, saved

from leadline.server.errors import Refusal
from leadline.server.pictures import check_type, decode_mask, decode_picture, sniffed_type


def bomb(width, height):
    """A PNG of a few bytes that claims so many pixels."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("format", "content_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("TIFF", "image/tiff"), ("BMP", "image/bmp")],
)
def test_every_type_is_known_by_its_first_bytes_and_decoded(format, content_type):
    data = saved(ramp(), format)
    assert check_type(data, content_type) == content_type
    assert check_type(data, "application/octet-stream", part=True) == content_type
    pixels = decode_picture(data, content_type, 10_000).pixels
    assert pixels.shape == (24, 32, 3)
    if format not in ("JPEG", "WEBP"):
        np.testing.assert_array_equal(pixels, ramp())


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", saved(ramp(), "PNG")[:20], saved(ramp(), "JPEG")[:20], b"II*\0"])
def test_a_damaged_picture_is_said_in_words_and_not_in_pythons(data):
    with pytest.raises(Refusal) as refusal:
        decode_picture(data, sniffed_type(data), 10_000)
    assert refusal.value.status == 422
    assert "<" not in str(refusal.value)
    assert "send a whole picture" in str(refusal.value)


def test_a_heic_picture_is_decoded_and_limited():
    heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra heic")
    stream = io.BytesIO()
    heif.from_pillow(Image.fromarray(ramp((64, 96)))).save(stream)
    data = stream.getvalue()
    for claimed in ("image/heic", "image/heif"):
        assert check_type(data, claimed) == "image/heic"
    assert decode_picture(data, "image/heic", 10_000).pixels.shape == (64, 96, 3)
    with pytest.raises(Refusal):
        decode_picture(data, "image/heic", 1000)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + b"\0" * 50,
        b"%PDF-1.7",
        b"PK\3\4",
        b"\0" * 100,
        b"%!PS-Adobe EPSF",
    ],
)
def test_other_types_are_refused_by_their_bytes(data):
    assert sniffed_type(data) is None
    with pytest.raises(Refusal) as refused:
        check_type(data, "image/png")
    assert refused.value.status == 415


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (1, 200_000_000)])
def test_a_bomb_is_refused_by_its_header(size):
    with pytest.raises(Refusal) as refused:
        decode_picture(bomb(*size), "image/png", 64_000_000)
    assert refused.value.status in (413, 422)


def test_a_file_that_begins_like_one_type_is_not_opened_as_another():
    """A TGA has no signature: Pillow's other readers would have a go at what its JPEG reader refuses."""
    for data in (
        b"\xff\xd8\xff" + saved(ramp(), "TGA"),
        b"\x89PNG\r\n\x1a\n" + saved(ramp(), "GIF"),
        b"BM" + saved(ramp(), "ICO"),
    ):
        kind = sniffed_type(data)
        with pytest.raises(Refusal) as refused:
            decode_picture(data, kind, 10_000)
        assert refused.value.status == 422


def test_what_follows_a_picture_is_not_looked_at():
    data = saved(ramp(), "PNG") + b"PK\3\4" + saved(ramp(), "GIF")
    np.testing.assert_array_equal(decode_picture(data, "image/png", 10_000).pixels, ramp())


def test_of_an_animation_the_first_frame_is_taken():
    first, second = ramp(), 255 - ramp()
    for format, kind in (("PNG", "image/png"), ("TIFF", "image/tiff")):
        data = saved(first, format, save_all=True, append_images=[Image.fromarray(second)])
        np.testing.assert_array_equal(decode_picture(data, kind, 10_000).pixels, first)


def test_a_mask_is_marked_where_it_is_not_zero():
    mask = np.zeros((4, 6), np.uint8)
    mask[1, 2], mask[3, 3] = 1, 255
    for data in (png(mask), png((mask > 0).astype(np.uint8) * 7), png(mask.astype(np.uint16) * 256)):
        np.testing.assert_array_equal(decode_mask(data, "image/png", 100), mask > 0)


def test_a_palettes_first_colour_is_not_marked_whatever_it_is():
    image = Image.new("P", (5, 5))
    image.putpalette([200, 200, 200, 10, 10, 10])
    image.putpixel((2, 1), 1)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    found = decode_mask(stream.getvalue(), "image/png", 100)
    assert found.sum() == 1
    assert found[1, 2]
