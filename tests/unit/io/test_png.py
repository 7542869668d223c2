"""Our own PNG writer makes files that other decoders read; our reader notices damage."""

import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from leadline.errors import LeadlineError
from leadline.io import png
from leadline.io.png import decode_png, encode_png


def noise(shape, dtype) -> np.ndarray:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (301, 17), (40, 30, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("level", [0, 1, 6])
def test_opencv_reads_what_we_write(shape, dtype, level):
    pixels = noise(shape, dtype)
    decoded = cv2.imdecode(np.frombuffer(encode_png(pixels, {"kind": "x"}, level), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded[..., ::-1] if pixels.ndim == 3 else decoded, pixels)


def test_pillow_reads_what_we_write_and_its_text():
    pixels = noise((20, 30), np.uint16)
    texts = {"kind": "depth/metric", "source": "Модель 2 – 深度", "author": "Åse"}
    picture = Image.open(io.BytesIO(encode_png(pixels, texts)))
    np.testing.assert_array_equal(np.asarray(picture), pixels)
    assert picture.text == texts


def test_a_picture_of_many_strips_is_the_same_as_one_of_few(monkeypatch):
    pixels = noise((64, 33), np.uint16)
    whole = decode_png(encode_png(pixels))[0]
    monkeypatch.setattr(png, "STRIP_BYTES", 200)
    data = encode_png(pixels)
    assert data.count(b"IDAT") > 10
    np.testing.assert_array_equal(decode_png(data)[0], whole)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), whole)


def test_a_strided_view_is_written_as_it_looks():
    pixels = noise((20, 30), np.uint16)[::-2, ::3]
    np.testing.assert_array_equal(decode_png(encode_png(pixels))[0], pixels)


def test_compressed_and_translated_texts_of_other_programs_are_read():
    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    data = encode_png(noise((2, 2), np.uint8))
    end = data.index(b"IEND") - 4
    extra = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"packed")) + chunk(
        b"iTXt", b"b\0\1\0de\0B\0" + zlib.compress("größe".encode())
    )
    extra += chunk(b"zTXt", b"c\0\0broken")
    assert decode_png(data[:end] + extra + data[end:])[1] == {"a": "packed", "b": "größe"}


@pytest.mark.parametrize("where", [20, 60, -20])
def test_a_flipped_bit_is_noticed(where):
    data = bytearray(encode_png(noise((40, 40), np.uint16), {"kind": "depth/metric"}))
    data[where] ^= 4
    with pytest.raises(LeadlineError, match="checksum"):
        decode_png(bytes(data))


@pytest.mark.parametrize("keep", [8, 20, 100, -13, -1])
def test_a_file_that_is_cut_off_is_noticed(keep):
    with pytest.raises(LeadlineError, match="cut off"):
        decode_png(encode_png(noise((40, 40), np.uint16))[:keep])


@pytest.mark.parametrize("pixels", [np.zeros((2, 2), np.float32), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2), np.uint8)])
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(LeadlineError, match="for a PNG"):
        encode_png(pixels)
