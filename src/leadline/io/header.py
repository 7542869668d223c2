"""What travels in a file's header beside the numbers, under the same names in every format.

``kind`` ("disparity/affine_invariant"), ``unit`` ("m", "1/m", "px"; left out of maps without one), ``scale`` and ``offset``
(of integer files: value = offset + scale * count), ``camera`` (JSON, see `Camera.to_dict`), ``source`` (the model with its
version) and ``software`` (leadline with its version).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError


@dataclass(frozen=True, eq=False)
class StoredMap:
    """What a file holds, before anyone has said what its numbers mean.

    Attributes:
        numbers: (h, w) floats, or the integer counts of a PNG or TIFF.
        valid: (h, w) bool, or None if the file marks missing pixels in the numbers alone (NaN, infinity, count 0).
        header: text by name; empty if the file has none.
    """

    numbers: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    header: Mapping[str, str] = field(default_factory=dict)


def header_of(depth: DepthMap, **more: str) -> dict[str, str]:
    """Return a map's header, with `more` fields of the format."""
    fields = {
        "kind": str(depth.kind),
        "unit": depth.unit,
        "camera": json.dumps(depth.camera.to_dict()) if depth.camera else "",
        "source": depth.source,
        "software": software(),
        **more,
    }
    return {name: text for name, text in fields.items() if text}


def kind_in(header: Mapping[str, str]) -> Kind | None:
    """Return the kind that a header states, or None; a file of another program may use these names for other things."""
    try:
        return Kind.parse(header.get("kind", ""))
    except LeadlineError:
        return None


def depth_from(values: NDArray[Any], valid: NDArray[np.bool_] | None, kind: Kind, header: Mapping[str, str]) -> DepthMap:
    """Return the map; camera and source are taken from a header that states its kind, and from no other."""
    if kind_in(header) is None:
        return DepthMap(values, valid, kind)
    camera = None
    if text := header.get("camera"):
        try:
            camera = Camera.from_dict(json.loads(text))
        except (json.JSONDecodeError, AttributeError):
            raise LeadlineError(f"a camera {text[:60]!r} in its header: expected JSON with the fields of Camera") from None
    return DepthMap(values, valid, kind, camera, header.get("source", ""))


def software() -> str:
    """Return ``"leadline"`` and its version."""
    from leadline import __version__  # here, because the package loads its parts on demand

    return f"leadline {__version__}"
