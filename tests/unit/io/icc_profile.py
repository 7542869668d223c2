"""A matrix-and-gamma ICC profile (ICC.1:2001-04), written byte by byte, so that the tests need no file."""

import struct

import numpy as np

# Columns: the XYZ of red, green and blue of Adobe RGB (1998), adapted to D50, as its own profile states them.
ADOBE_XYZ_FROM_RGB = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
# The same of sRGB.
SRGB_XYZ_FROM_RGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
D50 = (0.9642, 1.0, 0.8249)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _description(text: bytes) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(4 + 4 + 2 + 1 + 67)


def rgb_profile(name: str, xyz_from_rgb: np.ndarray, gamma: float) -> bytes:
    """Return the bytes of a display profile with one gamma for all channels."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {
        b"desc": _description(name.encode()),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(D50),
        **{tag: _xyz(xyz_from_rgb[:, i]) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    body, table = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I", size) + bytes(4) + b"\x02\x40\0\0" + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    header += b"".join(_fixed(value) for value in D50)
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + table + body
