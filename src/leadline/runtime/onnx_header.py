"""What an ONNX file says of itself, read without loading its weights."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import BinaryIO

from leadline.errors import LeadlineError

# Field numbers of ModelProto and StringStringEntryProto (onnx.proto3) and wire types of protocol buffers.
_GRAPH, _METADATA = 7, 14
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def read_metadata(path: str | PathLike[str]) -> dict[str, str]:
    """Return the metadata_props of an ONNX file; the weights are skipped, so a file of gigabytes answers at once.

    Engines answer a text file with pages of complaints, some of them printed past Python; this check comes first.

    Raises:
        LeadlineError: the file is missing or unreadable, is cut short, or is not ONNX.
    """
    path = Path(path)
    metadata: dict[str, str] = {}
    has_graph = False
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while file.tell() < size:
                field, wire = divmod(_varint(file), 8)
                if wire == _BYTES:
                    length = _varint(file)
                    if file.tell() + length > size:
                        raise EOFError
                    has_graph |= field == _GRAPH
                    if field == _METADATA:
                        key, value = _string_pair(file, file.tell() + length)
                        metadata[key] = value
                    else:
                        file.seek(length, 1)
                else:
                    _skip(file, wire)
    except OSError as error:
        raise LeadlineError(f"can't read the model {str(path)!r}: {error.strerror or error}; give an .onnx file") from None
    except EOFError:
        has_graph = False
    if not has_graph:
        raise LeadlineError(f"{str(path)!r} is not an ONNX model, or is cut short: export or download it again")
    return metadata


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise EOFError


def _string_pair(file: BinaryIO, end: int) -> tuple[str, str]:
    texts = {1: "", 2: ""}
    while file.tell() < end:
        field, wire = divmod(_varint(file), 8)
        if wire != _BYTES:
            raise EOFError
        texts[field] = file.read(_varint(file)).decode("utf-8", errors="replace")
    return texts[1], texts[2]


def _skip(file: BinaryIO, wire: int) -> None:
    match wire:
        case int(w) if w == _VARINT:
            _varint(file)
        case int(w) if w == _EIGHT_BYTES:
            file.seek(8, 1)
        case int(w) if w == _FOUR_BYTES:
            file.seek(4, 1)
        case _:
            raise EOFError
