"""What /openapi.json says beyond the routes' names: bodies, options, replies, examples."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from leadline.server.encode import TYPES
from leadline.server.options import DepthOptions, MaskOptions, StereoOptions, openapi_parameters
from leadline.server.pictures import TYPES as PICTURE_TYPES

ABOUT = (
    "Depth from pictures, with what its numbers mean: every reply that carries a map states kind, unit, scale, camera, model "
    "and version in its headers. Errors are JSON: one sentence and a short code."
)
_ERRORS = {
    400: "an option that can't be used",
    401: "no token, or a wrong one",
    403: "a request under a foreign name or from a foreign page",
    404: "no such model, or what the option needs is not installed",
    411: "no Content-Length",
    413: "too many bytes or pixels",
    415: "not a type of picture that is taken",
    422: "a picture that can't be decoded, or nothing to fit",
    429: "the queue is full; see Retry-After",
    503: "the server is shutting down; see Retry-After",
    504: "it took too long",
}
_BINARY = {"type": "string", "format": "binary"}
_MAP_HEADERS = {
    "Leadline-Kind": ("QUANTITY/AMBIGUITY", "disparity/affine_invariant"),
    "Leadline-Unit": ("m, 1/m, px or none", "none"),
    "Leadline-Scale": ("what stored integers are multiplied with; 1 for floats", "3.1e-05"),
    "Leadline-Offset": ("what is added then; 0 for floats", "0.01"),
    "Leadline-Size": ("HEIGHTxWIDTH", "480x640"),
    "Leadline-Camera": ("JSON; focal length in pixels of the map", '{"focal_px": 520.0, "fov_deg": 63.2, "source": "exif"}'),
    "Leadline-Model": ("the network's card name", "leadline-s.v1"),
    "Leadline-Version": ("leadline's", "0.1.0"),
    "Leadline-Notes": ("JSON list of sentences", "[]"),
    "Leadline-Seconds": ("JSON", '{"queue": 0.0, "decode": 0.01, "predict": 0.1, "encode": 0.02}'),
    "Leadline-Colours": ("of output=preview alone: JSON", '{"colormap": "inferno", "low": 0.1, "high": 0.9}'),
    "Leadline-Fit": (
        "with known distances alone: JSON; residual in metres",
        '{"space": "disparity", "scale": 0.5, "shift": 0.02, "residual": 0.01, "used": 2}',
    ),
}
_MASK_HEADERS = ("Leadline-Model", "Leadline-Version", "Leadline-Size", "Leadline-Seconds")


class Problem(BaseModel):
    """An error."""

    error: str
    code: str


def responses(what: str, types: list[str], headers: list[str], *errors: int) -> dict[int | str, dict[str, Any]]:
    """Return the declared replies of an address."""
    found: dict[int | str, dict[str, Any]] = {status: {"model": Problem, "description": _ERRORS[status]} for status in errors}
    content = {kind: {"schema": _BINARY} for kind in dict.fromkeys(types)}
    found[200] = {"description": what, "content": content, "headers": {name: _header(name) for name in headers}}
    return found


def json_responses(what: str, example: Any, *errors: int) -> dict[int | str, dict[str, Any]]:
    """Return the declared replies of an address that answers in JSON."""
    found = responses(what, [], [], *errors)
    found[200] = {"description": what, "content": {"application/json": {"example": example}}}
    return found


def depth_replies() -> dict[int | str, dict[str, Any]]:
    """Return the replies of POST /v1/depth and /v1/stereo."""
    return responses("the map, in the format of `output`", list(TYPES.values()), list(_MAP_HEADERS), *_ERRORS)


def mask_replies() -> dict[int | str, dict[str, Any]]:
    """Return the replies of POST /v1/mask."""
    what = "8-bit PNG: 0 opaque, 1 transparent, 2 mirror, 3 sky"
    return responses(what, ["image/png"], list(_MASK_HEADERS), *_ERRORS)


def depth_request() -> dict[str, Any]:
    """Return the options and bodies of POST /v1/depth."""
    files = {
        "image": {**_BINARY, "description": "the picture"},
        "mask": {**_BINARY, "description": "not 0 on glass and mirrors"},
    }
    return _request(DepthOptions, files, ["image"], raw=True)


def mask_request() -> dict[str, Any]:
    """Return the bodies of POST /v1/mask."""
    return _request(MaskOptions, {"image": {**_BINARY, "description": "the picture"}}, ["image"], raw=True)


def stereo_request() -> dict[str, Any]:
    """Return the options and the body of POST /v1/stereo."""
    files = {"left": {**_BINARY, "description": "left picture"}, "right": {**_BINARY, "description": "right picture"}}
    return _request(StereoOptions, files, ["left", "right"], raw=False)


def _request(options: type[BaseModel], files: dict[str, Any], required: list[str], *, raw: bool) -> dict[str, Any]:
    parameters = openapi_parameters(options)
    fields = {parameter["name"]: parameter["schema"] for parameter in parameters}
    form = {
        "schema": {"type": "object", "properties": {**files, **fields}, "required": required, "additionalProperties": False}
    }
    content: dict[str, Any] = {"multipart/form-data": form}
    if raw:
        content = {**{kind: {"schema": _BINARY} for kind in PICTURE_TYPES}, **content}
    body = {"required": True, "description": "a picture, or a form with files and options", "content": content}
    return {"parameters": parameters, "requestBody": body}


def _header(name: str) -> dict[str, Any]:
    about, example = _MAP_HEADERS[name]
    return {"description": about, "schema": {"type": "string"}, "example": example}
