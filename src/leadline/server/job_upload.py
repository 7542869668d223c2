"""A form with a file, written to a job's folder as it comes: no part of it is held in memory, and its names are not used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from leadline.server.errors import Refusal

FILE_FIELD = "file"
_MOST_FIELDS = 16
_LONGEST_FIELD = 4096


async def receive_form(
    pieces: AsyncIterator[bytes], content_type: str, path: Path, most_bytes: int, patience_s: float
) -> tuple[str, dict[str, str]]:
    """Write the file of a form to `path`; return the name that its sender gave it, and the other fields.

    Args:
        pieces: of the body.
        content_type: of the body, with the boundary.
        path: where to.
        most_bytes: the largest body.
        patience_s: how long to wait for the next piece.

    Raises:
        Refusal: 400 for a form that is damaged, has no file or too much beside it; 413; 415; 504 for one that stalls.
    """
    sort, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary")
    if sort != b"multipart/form-data" or not boundary:
        raise Refusal(415, "type", f"a body of type {content_type[:60]!r}: expected multipart/form-data with a field 'file'")
    size = 0
    with _Form(path, boundary) as form:
        iterator = aiter(pieces)
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    piece = await anext(iterator)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise Refusal(504, "stalled", f"nothing came for {patience_s:g} s: send the file again") from None
            size += len(piece)
            if size > most_bytes:
                raise Refusal(413, "too_large", f"more than {most_bytes:,} bytes: send a shorter video or fewer pictures")
            if piece:
                await asyncio.to_thread(form.write, piece)
        return form.finish()


class _Form:
    """Parses a form piece by piece; open within a block."""

    def __init__(self, path: Path, boundary: bytes) -> None:
        self._file = path.open("xb")
        self._fields: dict[str, str] = {}
        self._file_name: str | None = None
        self._header = b""
        self._headers: dict[bytes, bytes] = {}
        self._key = ""
        self._value = bytearray()
        self._ended = False
        callbacks: Any = {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            self._file.close()
            raise _damaged(str(error)) from None
        self._name, self._content = bytearray(), bytearray()

    def __enter__(self) -> _Form:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, piece: bytes) -> None:
        """Take the next piece."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _damaged(str(error)) from None
        except OSError as error:
            raise Refusal(503, "disk_full", f"the server can't store the file ({error.strerror}): try later", 30) from None

    def finish(self) -> tuple[str, dict[str, str]]:
        """Return the file's name and the fields."""
        if not self._ended:
            raise _damaged("it is cut off")
        if self._file_name is None:
            raise Refusal(400, "no_file", f"a form without the file field {FILE_FIELD!r}: expected a video or zip of pictures")
        return self._file_name, self._fields

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._content)
        self._name.clear()
        self._content.clear()

    def _on_headers_finished(self) -> None:
        _, parameters = parse_options_header(self._headers.get(b"content-disposition"))
        self._key = parameters.get(b"name", b"").decode("utf-8", "replace")
        self._value.clear()
        if self._key == FILE_FIELD:
            if self._file_name is not None:
                raise Refusal(400, "two_files", f"two fields {FILE_FIELD!r}: send one file, several pictures as a zip")
            self._file_name = parameters.get(b"filename", b"").decode("utf-8", "replace")
        elif self._key in self._fields or len(self._fields) >= _MOST_FIELDS:
            raise Refusal(400, "bad_option", f"field {self._key[:40]!r} comes twice, or too many do: expected each option once")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._key == FILE_FIELD:
            self._file.write(data[start:end])
        else:
            self._value += data[start:end]
            if len(self._value) > _LONGEST_FIELD:
                raise Refusal(400, "bad_option", f"field {self._key[:40]!r} is longer than {_LONGEST_FIELD} bytes: shorten it")

    def _on_part_end(self) -> None:
        if self._key != FILE_FIELD:
            self._fields[self._key] = self._value.decode("utf-8", "replace")

    def _on_end(self) -> None:
        self._ended = True


def _damaged(reason: str) -> Refusal:
    return Refusal(400, "bad_form", f"the form can't be read ({reason[:120]}): expected multipart/form-data with field 'file'")
