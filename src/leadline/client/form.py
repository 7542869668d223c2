"""Multipart bodies (RFC 7578) of known length; files are read while they are sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from leadline.client.transport import Body
from leadline.errors import LeadlineError

_PIECE = 1 << 18


def make_form(files: Mapping[str, tuple[str, str, bytes | Path]]) -> tuple[Body, str]:
    """Return a body and its content type.

    Args:
        files: by field: name, content type, and the bytes or the path of a file.

    Raises:
        LeadlineError: a file can't be read, now or while it is sent.
    """
    edge = secrets.token_hex(16)
    parts: list[tuple[bytes, bytes | Path, int]] = []
    for field, (name, sort, content) in files.items():
        # RFC 7578, section 4.2, and what browsers do: quotes and line ends in names are percent-encoded.
        quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{quoted}"\r\nContent-Type: {sort}\r\n\r\n'
        )
        parts.append((head.encode(), content, _size(content)))
    tail = f"--{edge}--\r\n".encode()
    length = sum(len(head) + size + 2 for head, _, size in parts) + len(tail)

    def pieces() -> Iterator[bytes]:
        for head, content, size in parts:
            yield head
            yield from _pieces(content, size)
            yield b"\r\n"
        yield tail

    def body() -> tuple[Iterable[bytes], int]:
        return pieces(), length

    return body, f"multipart/form-data; boundary={edge}"


def _size(content: bytes | Path) -> int:
    if isinstance(content, bytes):
        return len(content)
    with _opened(content):
        return content.stat().st_size


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise LeadlineError(f"can't read {str(path)!r} ({error.strerror}): expected a video or a zip of pictures") from None


def _pieces(content: bytes | Path, size: int) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    left = size
    with _opened(content) as file:
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
    if left:
        raise LeadlineError(f"{str(content)!r} became shorter while it was sent: try again when it is complete")
