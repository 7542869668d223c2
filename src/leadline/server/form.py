"""Multipart bodies, in memory: nothing is written to disk, and nothing is taken that was not asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from leadline.server.errors import Refusal

_MOST_TEXT = 100_000  # bytes of a field that is no file
_MOST_PARTS = 32
_MOST_HEADER = 4_000


@dataclass
class Part:
    """A part of a form: a file, or the text of an option.

    Attributes:
        name: of the field.
        is_file: whether it came with a file name.
        content_type: as the client claims, "" if it does not.
        data: the bytes.
    """

    name: str = ""
    is_file: bool = False
    content_type: str = ""
    data: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Form:
    """The parts of a form.

    Attributes:
        files: by name.
        options: texts by name.
    """

    files: dict[str, Part]
    options: dict[str, str]


def parse_form(content_type: str, body: bytes, files: Collection[str], options: Collection[str]) -> Form:
    """Read a multipart/form-data body.

    Args:
        content_type: the header, with the boundary.
        body: all of it.
        files: the names of files that are expected; each may come once.
        options: the names of other fields; each may come once.

    Raises:
        Refusal: 400: not such a body, cut off, an unknown or repeated field, or too long a text.
    """
    parts = _parts(content_type, body)
    found = Form({}, {})
    for part in parts:
        known = files if part.name in files else options
        if part.name not in known:
            expected = ", ".join((*files, *options))
            raise Refusal(400, "bad_option", f"unknown field {part.name[:60]!r}: expected some of {expected}")
        if part.name in found.files or part.name in found.options:
            raise Refusal(400, "bad_option", f"field {part.name!r} comes twice: expected it once")
        if known is files:
            found.files[part.name] = part
            continue
        if len(part.data) > _MOST_TEXT:
            raise Refusal(400, "bad_option", f"field {part.name!r} of {len(part.data)} bytes: expected at most {_MOST_TEXT}")
        try:
            found.options[part.name] = part.data.decode()
        except UnicodeDecodeError:
            raise Refusal(400, "bad_option", f"field {part.name!r} is no UTF-8 text: expected an option's value") from None
    return found


def _parts(content_type: str, body: bytes) -> list[Part]:
    from python_multipart.exceptions import MultipartParseError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise Refusal(400, "bad_form", "a multipart body without a boundary: let your HTTP library write the Content-Type")
    parts: list[Part] = []
    header, value = bytearray(), bytearray()
    ended = False

    def begin() -> None:
        if len(parts) >= _MOST_PARTS:
            raise Refusal(400, "bad_form", f"more than {_MOST_PARTS} parts: expected a picture and a few options")
        parts.append(Part())

    def add_to(store: bytearray, data: bytes, start: int, end: int) -> None:
        store += data[start:end]
        if len(store) > _MOST_HEADER:
            raise Refusal(400, "bad_form", f"a header of a part is longer than {_MOST_HEADER} bytes")

    def header_ends() -> None:
        kind, fields = parse_options_header(bytes(value))
        match bytes(header).lower():
            case b"content-disposition":
                parts[-1].name = fields.get(b"name", b"").decode("utf-8", "replace")
                parts[-1].is_file = b"filename" in fields
            case b"content-type":
                parts[-1].content_type = kind.decode("latin-1").lower()
            case _:
                pass
        header.clear()
        value.clear()

    def data_comes(data: bytes, start: int, end: int) -> None:
        parts[-1].data += memoryview(data)[start:end]

    def end_comes() -> None:
        nonlocal ended
        ended = True

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin,
            "on_part_data": data_comes,
            "on_header_field": lambda data, start, end: add_to(header, data, start, end),
            "on_header_value": lambda data, start, end: add_to(value, data, start, end),
            "on_header_end": header_ends,
            "on_end": end_comes,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except MultipartParseError as error:
        raise Refusal(400, "bad_form", f"a multipart body that can't be read ({error}): expected multipart/form-data") from None
    if not ended:
        raise Refusal(400, "bad_form", "a multipart body that is cut off: send it whole")
    return parts
