"""Replies that carry a map: the bytes, and headers that say what they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from leadline.depth_map import DepthMap
from leadline.server.encode import NAMES, TYPES, Encoded

_CHUNK = 256 << 10
_CHUNK_S = 30.0  # a client that takes no bytes for so long has gone
_LONGEST_NOTES = 4000  # characters; clients limit a header's length


class BytesReply(Response):
    """Bytes sent in parts, so that a client which stops reading is noticed and does not hold them for ever."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = memoryview(self.body)
        for start in range(0, max(1, len(body)), _CHUNK):
            part = {"type": "http.response.body", "body": bytes(body[start : start + _CHUNK])}
            await asyncio.wait_for(send({**part, "more_body": start + _CHUNK < len(body)}), _CHUNK_S)


@dataclass
class Answer:
    """What a request's work gives.

    Attributes:
        depth: the map, for its headers.
        encoded: its bytes.
        output: their format.
        model: the card's name.
        camera_source: "given", "exif", "assumed" or "none".
        notes: what the user should know, in sentences.
        seconds: of the stages "queue", "decode", "predict", "encode".
        fit: of known distances, or None.
        colormap: of a preview.
    """

    depth: DepthMap
    encoded: Encoded
    output: str
    model: str
    camera_source: str
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    fit: Mapping[str, Any] | None = None
    colormap: str = "inferno"


def map_reply(answer: Answer) -> Response:
    """Return the reply of an answer."""
    from leadline import __version__

    depth, encoded = answer.depth, answer.encoded
    camera = depth.camera
    headers = {
        "Leadline-Kind": str(depth.kind),
        "Leadline-Unit": depth.unit or "none",
        "Leadline-Scale": repr(encoded.scale),
        "Leadline-Offset": repr(encoded.offset),
        "Leadline-Size": size_text(depth.hw),
        "Leadline-Camera": as_json({
            "focal_px": camera and round(camera.fx, 6),
            "fov_deg": camera and round(camera.fov_deg[0], 6),
            "source": answer.camera_source,
        }),
        "Leadline-Model": ascii_text(answer.model),
        "Leadline-Version": __version__,
        "Leadline-Notes": notes_json(answer.notes),
        "Leadline-Seconds": as_json({stage: round(seconds, 4) for stage, seconds in answer.seconds.items()}),
        "Content-Disposition": f'inline; filename="{NAMES[answer.output]}"',
        "Cache-Control": "no-store",
    }  # fmt: skip
    if encoded.colour_range is not None:
        low, high = encoded.colour_range
        headers["Leadline-Colours"] = as_json({"colormap": answer.colormap, "low": low, "high": high})
    if answer.fit is not None:
        headers["Leadline-Fit"] = as_json(answer.fit)
    return BytesReply(encoded.body, headers=headers, media_type=TYPES[answer.output])


def as_json(value: Any) -> str:
    """Return ASCII JSON on one line, as headers carry it."""
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


def ascii_text(text: str) -> str:
    """Return text as a header can carry it."""
    return " ".join(text.split()).encode("ascii", "replace").decode()


def size_text(hw: tuple[int, int]) -> str:
    """Return a size as ``"HEIGHTxWIDTH"``."""
    return f"{hw[0]}x{hw[1]}"


def notes_json(notes: tuple[str, ...]) -> str:
    """Return notes as a JSON list, each once, no more than a header may hold."""
    kept = list(dict.fromkeys(notes))
    while len(text := as_json(kept)) > _LONGEST_NOTES:
        kept = [*kept[:-2], "more notes were left out"]
    return text
