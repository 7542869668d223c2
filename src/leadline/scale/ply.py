"""The positions of a PLY cloud: ASCII or binary, of either byte order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.errors import LeadlineError
from leadline.scale.observations import Numbers

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


def read_ply_points(path: Path) -> Numbers:
    """Return the (n, 3) positions of a cloud's vertices.

    Raises:
        LeadlineError: the file can't be read, is no PLY, is cut off, or its vertices don't come first or have no x, y, z.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LeadlineError(f"can't read {path}: {error.strerror or error}") from None
    end = data.find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise LeadlineError(f"{path.name} is no PLY cloud: expected a header from 'ply' to 'end_header'")
    body = data.find(b"\n", end) + 1
    order, count, fields = _layout(path.name, data[:end].decode("latin-1"))
    if not {"x", "y", "z"} <= {name for name, _ in fields}:
        raise LeadlineError(f"{path.name}: vertices of {', '.join(n for n, _ in fields) or 'nothing'}: expected x, y and z")
    try:
        if order == "ascii":
            rows = data[body:].split(b"\n")[:count]
            table = np.array([[float(word) for word in row.split()[: len(fields)]] for row in rows], dtype=np.float64)
            columns = [table[:, [name for name, _ in fields].index(axis)] for axis in "xyz"]
        else:
            dtype = np.dtype([(name, _ORDERS[order] + _TYPES[sort]) for name, sort in fields])
            vertices = np.frombuffer(data, dtype, count, body)
            columns = [vertices[axis].astype(np.float64) for axis in "xyz"]
    except (ValueError, IndexError):
        raise LeadlineError(f"{path.name}: fewer than its {count} vertices; get a whole copy") from None
    if len(columns[0]) != count:
        raise LeadlineError(f"{path.name}: {len(columns[0])} of {count} vertices; get a whole copy")
    return np.stack(columns, axis=1)


def _layout(name: str, header: str) -> tuple[str, int, list[tuple[str, str]]]:
    """Return format, number of vertices, and (name, type) of their properties."""
    order, count, element = "", 0, ""
    fields: list[tuple[str, str]] = []
    for words in map(str.split, header.splitlines()):
        match words:
            case ["format", sort, *_]:
                order = sort
            case ["element", "vertex", number] if not element and number.isdecimal():
                element, count = "vertex", int(number)
            case ["element", other, *_]:
                if not element:
                    raise LeadlineError(f"{name}: its first element is {other!r}: expected vertices first; save it as a cloud")
                element = other
            case ["property", sort, field] if element == "vertex" and sort in _TYPES:
                fields.append((field, sort))
            case ["property", *rest] if element == "vertex":
                raise LeadlineError(f"{name}: a vertex property {' '.join(rest)!r}: expected plain numbers; save it as a cloud")
    if order not in _ORDERS or count == 0:
        raise LeadlineError(f"{name}: format {order or 'unknown'!r} with {count} vertices: expected a PLY cloud with points")
    return order, count, fields
