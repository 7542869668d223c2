"""The options of each address, checked before anything is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from leadline.server.errors import Refusal

Output = Literal["float32", "png16", "npz", "exr", "pfm", "tiff", "preview", "ply", "glb"]
Colormap = Literal["inferno", "magma", "plasma", "viridis", "cividis", "turbo", "grey"]
MOST_KNOWN = 200  # points; more would be a depth file's


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(None, max_length=200, description="a network's name from /v1/models; the default one if left out")
    output: Output = Field("png16", description="the format of the reply")
    colormap: Colormap = Field("inferno", description="of output=preview")


class KnownPoint(BaseModel):
    """A pixel of the picture as shown, after EXIF's rotation, and its distance along the view axis."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    x: float = Field(ge=0, allow_inf_nan=False)
    y: float = Field(ge=0, allow_inf_nan=False)
    metres: float = Field(ge=1e-6, le=1e6, allow_inf_nan=False)


class DepthOptions(_Options):
    """Of POST /v1/depth."""

    focal_px: float | None = Field(
        None, ge=0.1, le=1e7, allow_inf_nan=False, description="focal length in pixels of the picture; else EXIF's"
    )
    fov_deg: float | None = Field(
        None, ge=0.1, le=136, allow_inf_nan=False, description="horizontal field of view in degrees, instead of focal_px"
    )
    longest: int | None = Field(None, ge=16, le=100_000, description="the map's longer side at most; else the picture's")
    tom: Literal["none", "auto"] = Field("none", description="auto finds glass and mirrors; a file `mask` marks them itself")
    tom_colours: int = Field(5, ge=1, le=20, description="how many colours they are painted in")
    tom_merge: bool = Field(True, description="keep the plain prediction outside of them")
    known: Json[Annotated[list[KnownPoint], Field(min_length=1, max_length=MOST_KNOWN)]] | None = Field(
        None,
        description='places of known distance, JSON such as [{"x": 320, "y": 240, "metres": 2.5}]: the map is fitted to them',
    )


class StereoOptions(_Options):
    """Of POST /v1/stereo."""

    focal_px: float | None = Field(None, ge=0.1, le=1e7, allow_inf_nan=False, description="of both pictures; with baseline_m")
    baseline_m: float | None = Field(
        None,
        ge=1e-6,
        le=1e5,
        allow_inf_nan=False,
        description="distance of the cameras in metres; with focal_px the map is depth",
    )
    offset_px: float = Field(
        0.0, ge=-1e5, le=1e5, allow_inf_nan=False, description="how far right of the left principal point the right one is"
    )
    fill: bool = Field(False, description="fill holes from the background (sgm alone)")


class MaskOptions(BaseModel):
    """Of POST /v1/mask: there are none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Options = TypeVar("Options", bound=BaseModel)


def parse_options(sort: type[Options], query: list[tuple[str, str]], form: Mapping[str, str] | None = None) -> Options:
    """Return the options of a request.

    Args:
        sort: which.
        query: of the address.
        form: the form's fields.

    Raises:
        Refusal: 400: an unknown or repeated option, or a value out of its range.
    """
    given = dict(form or {})
    for name, text in query:
        if name in given:
            raise Refusal(400, "bad_option", f"option {name[:60]!r} comes twice: expected it once")
        given[name] = text
    try:
        return sort.model_validate(given)
    except ValidationError as error:
        raise Refusal(400, "bad_option", _sentence(error, sort)) from None


def openapi_parameters(sort: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the options as an OpenAPI document lists them."""
    found = []
    for name, schema in sort.model_json_schema()["properties"].items():
        described = {key: value for key, value in schema.items() if key not in ("title", "description")}
        if name == "known":  # text in an address, JSON inside
            described = {"type": "string", "contentMediaType": "application/json", "maxLength": 20_000}
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": False, "schema": described}
        found.append({**parameter, "description": schema["description"]} if "description" in schema else parameter)
    return found


def _sentence(error: ValidationError, sort: type[BaseModel]) -> str:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(step) for step in first["loc"])[:80]
    if first["type"] == "extra_forbidden":
        known = ", ".join(sort.model_fields) or "none"
        return f"unknown option {name!r}: expected some of {known}"
    wanted = first["msg"].replace("Input should be", "expected")
    return f"{name} {str(first['input'])[:80]!r}: {wanted}; see /docs"
