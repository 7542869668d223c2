"""Bodies that no honest client sends: each is answered with a declared status, and nothing is left behind."""

from __future__ import annotations

import asyncio
import io
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from tests.unit.server.predictors import LOCAL, png, ramp, saved, served

from leadline.server.settings import Settings

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "WEBP": "image/webp", "BMP": "image/bmp"}
DECLARED = {200, 400, 413, 415, 422}
OUTPUTS = ("float32", "png16", "npz", "exr", "tiff", "preview", "ply", "glb")
BOUNDARY = b"some-boundary"


def chunk(name, body, checksum=None):
    return (
        struct.pack(">I", len(body))
        + name
        + body
        + struct.pack(">I", zlib.crc32(name + body) if checksum is None else checksum)
    )


def png_of(width, height, data, depth=8, colour=2, *more):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bmp_of(width, height, size):
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", size, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def zipped(*sizes):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, size in enumerate(sizes):
            archive.writestr(f"../../{number}.png", b"\0" * size)
    return stream.getvalue()


def seeds():
    """Honest pictures of each type, in their several ways of storing."""
    rgb, tags = ramp((40, 56)), Image.Exif()
    tags[0x0112] = 6
    tags.get_ifd(0x8769)[0xA405] = 28
    grey16 = (rgb[..., 0].astype(np.uint16) * 257).astype(np.uint16)
    return [
        ("JPEG", saved(rgb, "JPEG", exif=tags)), ("JPEG", saved(rgb, "JPEG", progressive=True, quality=30)),
        ("JPEG", saved(rgb[..., 0], "JPEG")), ("PNG", png(rgb)), ("PNG", png(grey16)), ("PNG", png(rgb[..., 0] > 99)),
        ("PNG", png(np.dstack([rgb, rgb[..., :1]]))), ("TIFF", saved(rgb, "TIFF")), ("TIFF", saved(grey16, "TIFF")),
        ("TIFF", saved(rgb, "TIFF", compression="tiff_lzw")), ("TIFF", saved(rgb, "TIFF", compression="tiff_adobe_deflate")),
        ("TIFF", saved(rgb.astype(np.float32)[..., 0], "TIFF")), ("WEBP", saved(rgb, "WEBP")), ("BMP", saved(rgb, "BMP")),
    ]  # fmt: skip


def hand_made():
    """What people who mean harm send, as (content type, body)."""
    rgb = ramp()
    jpeg, tiny = saved(rgb, "JPEG"), png(rgb)
    bomb = zlib.compress(b"\0" * 30_000_000, 9)
    svg = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    text = b"Comment\0\0" + zlib.compress(b"\0" * 80_000_000, 9)
    bodies = [
        b"", b"\0", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*\0\0\0\x08", b"RIFF\0\0\0\0WEBP", b"BM", svg,
        b"\0" * 5000,
        zipped(50_000_000), zipped(*[10] * 200), tiny + zipped(1000), zipped(1000) + tiny, jpeg + b"<script>alert(1)</script>",
        b"GIF89a" + jpeg, b"GIF89a" + b"\0" * 100, jpeg[:2] + tiny, tiny[:8] + jpeg, b"\xff\xd8\xff" + saved(rgb, "TGA"),
        png_of(2**31 - 1, 2**31 - 1, b""), png_of(100_000, 100_000, bomb), png_of(0, 0, b""), png_of(1, 2**31 - 1, bomb),
        png_of(16, 16, bomb), png_of(3000, 3000, bomb), png_of(16, 16, zlib.compress(b"")), png_of(16, 16, b"not deflated"),
        png_of(16, 16, bomb[:200], 8, 2, chunk(b"zTXt", text)), png_of(16, 16, bomb, 8, 2, chunk(b"iCCP", b"p\0\0" + bomb)),
        png_of(16, 16, bomb, 3, 9), bmp_of(60_000, 60_000, 10**9), bmp_of(8, -(2**31), 70),
        b"II*\0" + struct.pack("<IH", 8, 65535), b"II*\0" + struct.pack("<I", 4), b"%PDF-1.7", b"%!PS\n(x) print", svg + tiny,
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x18ftypmif1" + b"\xff" * 300, saved(rgb, "GIF"), saved(rgb, "ICO"),
    ]  # fmt: skip
    return [
        (kind, body) for body in bodies for kind in ("image/png", "image/jpeg", "image/tiff", "image/heic", "image/svg+xml")
    ]


def mutated(data, rng):
    """Bytes flipped, cut, doubled, moved, or a number of the header blown up."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, max(1, len(data))))
        match int(rng.integers(0, 6)):
            case 0:
                for place in rng.integers(0, max(1, min(len(data), 200)), 3):
                    data[place : place + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                data[at : at + 1] = bytes([int(rng.integers(0, 256))])
            case 2:
                del data[at:]
            case 3:
                data[at:at] = data[: int(rng.integers(1, 400))]
            case 4:
                del data[at : at + int(rng.integers(1, 30))]
            case _:
                early = int(rng.integers(0, max(1, min(len(data), 64))))
                data[early : early + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0"])
    return bytes(data)


def form(rng, parts):
    body = b""
    for name, kind, data in parts:
        body += b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="../x"\r\n' % (BOUNDARY, name)
        body += b"Content-Type: %b\r\n\r\n%b\r\n" % (kind.encode(), data)
    body += b"--%b--\r\n" % BOUNDARY
    return body if rng.random() < 0.5 else mutated(body, rng)


def bodies(count, seed=0):
    """Yield (path, headers, body) of so many requests."""
    rng, honest, made = np.random.default_rng(seed), seeds(), hand_made()
    for number in range(count):
        output = OUTPUTS[number % len(OUTPUTS)]
        if number < len(made):
            kind, body = made[number]
            yield f"/v1/depth?output={output}", {"Content-Type": kind}, body
            continue
        (format, data), (other, mask) = (honest[int(i)] for i in rng.integers(0, len(honest), 2))
        if number % 5:
            path = f"/v1/depth?output={output}" if number % 3 else "/v1/mask"
            yield path, {"Content-Type": TYPES[format]}, mutated(data, rng)
            continue
        parts = [(b"image", TYPES[format], data), (b"mask", TYPES[other], mutated(mask, rng))]
        if number % 2:
            parts = [(b"left", TYPES[format], data), (b"right", TYPES[other], mutated(mask, rng))]
        path = "/v1/stereo" if number % 2 else "/v1/depth?tom_colours=1"
        yield path, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}, form(rng, parts)


def send_all(count, tmp_path, monkeypatch, seed=0):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    app = served(settings=Settings(max_bytes=2_000_000, max_pixels=1_000_000, job_dir=tmp_path / "jobs"))
    found: Counter[int] = Counter()

    async def send():
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=LOCAL, timeout=60) as at:
            for number, (path, headers, body) in enumerate(bodies(count, seed)):
                reply = await at.post(path, content=body, headers=headers)
                found[reply.status_code] += 1
                assert reply.status_code in DECLARED, (number, path, headers, body[:80], reply.text)
                if reply.status_code >= 400:
                    assert set(reply.json()) == {"error", "code"}
            health = await at.get("/healthz")
            assert health.status_code == 200

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged tags
        asyncio.run(send())
    app.state.queue.close(10)
    assert app.state.metrics.in_flight == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    return found


def descriptors():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_a_thousand_bodies_that_mean_harm_get_declared_statuses_and_leave_nothing(tmp_path, monkeypatch):
    send_all(2, tmp_path, monkeypatch)  # what is loaded once
    before = descriptors()
    found = send_all(1000, tmp_path, monkeypatch)
    assert descriptors() <= before
    assert found[200] > 50  # some mutations hurt nothing
    assert found[415] > 100
    assert found[422] > 100
    assert found[413] > 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_eight_thousand_more(seed, tmp_path, monkeypatch):
    assert sum(send_all(1000, tmp_path, monkeypatch, seed).values()) == 1000
