"""What was sent for a job, told by its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from leadline.errors import LeadlineError
from leadline.io.video import VideoReader

# Offset and bytes that a container begins with. FFmpeg knows more formats, and among them lists of other files, by path and
# by address, that it would open: what is not named here never reaches it.
_CONTAINERS = (
    (4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free"), (4, b"skip"),  # MP4, MOV, 3GP
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (0, b"\x00\x00\x01\xba"), (0, b"\x00\x00\x01\xb3"),  # MPEG program stream and video
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # WMV
    (0, b"FLV\x01"), (0, b"OggS"),
)  # fmt: skip
_PACKET, _SYNC = 188, 0x47  # of an MPEG transport stream; those of cameras have four more bytes before each packet


def kind_of_file(path: Path) -> Literal["video", "zip"]:
    """Return what a file is.

    Raises:
        LeadlineError: neither a video nor a zip.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if any(head[at : at + len(mark)] == mark for at, mark in _CONTAINERS) or _is_transport_stream(head):
        return "video"
    raise LeadlineError(f"a file that starts with {head[:12]!r}: expected a video (MP4, MOV, MKV, WebM, AVI, ...) or a zip")


def open_video(path: Path, most_pixels: int) -> VideoReader:
    """Return the reader of a video, after a look at the size of its frames.

    Raises:
        LeadlineError: it can't be read, or its frames are larger than allowed.
    """
    import av

    try:
        with av.open(str(path)) as container:
            streams = container.streams.video
            size = (streams[0].codec_context.width, streams[0].codec_context.height) if streams else (0, 0)
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise LeadlineError(f"the video can't be read ({reason}): it is damaged or cut off; send a whole one") from None
    if size[0] * size[1] > most_pixels:
        raise LeadlineError(
            f"a video of {size[0]} x {size[1]}: expected at most {most_pixels / 1e6:g} million pixels a frame; shrink it"
        )
    return VideoReader(path)


def _is_transport_stream(head: bytes) -> bool:
    return any(
        len(head) > start + 3 * _PACKET and all(head[start + i * (_PACKET + start)] == _SYNC for i in range(4))
        for start in (0, 4)
    )
