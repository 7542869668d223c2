"""Point clouds as binary PLY and GLB, with colour; the header says whether they are in metres."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.header import software
from leadline.io.points import Cloud, cloud_of

_PLY_POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")])
_GLB_POINT = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "<u2"), ("green", "<u2"), ("blue", "<u2"), ("alpha", "<u2")]
)
_CAMERA_FRAME = "x right, y down, z forward, origin at the camera"
_Y_UP_FRAME = "x right, y up, z towards the viewer, origin at the camera"
# glTF 2.0, sections 3.6.2 and 4.4: the numbers of WebGL.
_FLOAT, _UNSIGNED_SHORT, _ARRAY_BUFFER, _POINTS = 5126, 5123, 34962, 0
_LARGEST_GLB = 2**32 - 1


def write_ply(
    path: str | os.PathLike[str],
    depth: DepthMap,
    pixels: NDArray[np.uint8] | None = None,
    *,
    max_points: int | None = None,
    max_slope_deg: float | None = None,
    baseline_m: float | None = None,
    y_up: bool = False,
) -> int:
    """Write a map's points as binary little-endian PLY: float32 x, y, z and 8-bit red, green, blue.

    The frame is the camera's (x right, y down, z forward), in which depth is z; `y_up` turns it for viewers that expect y to
    be up. Comments in the header state kind, unit, axes and source, and in a sentence whether coordinates are metric.

    Args:
        path: the file, written whole or not at all.
        depth: the map.
        pixels: (h, w, 3) uint8 sRGB at the map's size, or None for a colour map of the depth.
        max_points, max_slope_deg, baseline_m: see `leadline.io.points.cloud_of`.
        y_up: x right, y up, z towards the viewer.

    Returns:
        The number of points.

    Raises:
        LeadlineError: nothing to write, a size that doesn't match, or the file can't be written.
    """
    cloud = cloud_of(depth, pixels, max_points=max_points, max_slope_deg=max_slope_deg, baseline_m=baseline_m)
    comments = {**_facts(depth, cloud), "axes": _Y_UP_FRAME if y_up else _CAMERA_FRAME}
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        # PLY is ASCII, and a line break would end the comment.
        *(f"comment {name}: {' '.join(text.split())}".encode("ascii", "replace").decode() for name, text in comments.items()),
        f"element vertex {cloud.count}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {colour}" for colour in ("red", "green", "blue")),
        "end_header",
    ]
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join([*lines, ""]).encode())
        for points in cloud.records(_PLY_POINT, None, y_up):
            file.write(points.view(np.uint8).data)
    return cloud.count


def write_glb(
    path: str | os.PathLike[str],
    depth: DepthMap,
    pixels: NDArray[np.uint8] | None = None,
    *,
    max_points: int | None = None,
    max_slope_deg: float | None = None,
    baseline_m: float | None = None,
) -> int:
    """Write a map's points as binary glTF 2.0, which browsers and AR viewers open: x right, y up, z towards the viewer.

    ``asset.extras`` holds kind, unit, source and the sentence that says whether coordinates are metric. Colours are converted
    to linear light, as the standard has them, in 16 bits.

    Args:
        path: the file, written whole or not at all.
        depth: the map.
        pixels: (h, w, 3) uint8 sRGB at the map's size, or None for a colour map of the depth.
        max_points, max_slope_deg, baseline_m: see `leadline.io.points.cloud_of`. A browser is comfortable with a million
            points (20 MB).

    Returns:
        The number of points.

    Raises:
        LeadlineError: nothing to write, more than the 4 GB that the format can hold, or the file can't be written.
    """
    cloud = cloud_of(depth, pixels, max_points=max_points, max_slope_deg=max_slope_deg, baseline_m=baseline_m)
    size = cloud.count * _GLB_POINT.itemsize
    if size > _LARGEST_GLB - (1 << 16):
        raise LeadlineError(
            f"{cloud.count} points need {size / 1e9:.1f} GB: a GLB holds at most 4.3; give max_points or write PLY"
        )
    strips = [points for points in cloud.records(_GLB_POINT, _linear_light(), y_up=True) if points.size]
    document = json.dumps(_gltf(depth, cloud, strips), separators=(",", ":")).encode()
    document += b" " * (-len(document) % 4)  # chunks are multiples of 4 bytes; records of 20 are, anyway
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(document) + 8 + size))
        file.write(struct.pack("<I4s", len(document), b"JSON") + document)
        file.write(struct.pack("<I4s", size, b"BIN\0"))
        for points in strips:
            file.write(points.view(np.uint8).data)
    return cloud.count


def _facts(depth: DepthMap, cloud: Cloud) -> dict[str, str]:
    facts = {"software": software(), "source": depth.source, "kind": str(depth.kind), "unit": cloud.unit, "note": cloud.note}
    return {name: text for name, text in facts.items() if text}


def _gltf(depth: DepthMap, cloud: Cloud, strips: list[NDArray[Any]]) -> dict[str, Any]:
    bounds = {
        how.__name__: [float(how([how(points[axis]) for points in strips])) for axis in "xyz"] for how in (np.min, np.max)
    }  # the standard requires the bounds of positions
    shared = {"bufferView": 0, "count": cloud.count}
    return {
        "asset": {"version": "2.0", "generator": software(), "extras": {**_facts(depth, cloud), "axes": _Y_UP_FRAME}},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "depth"}],
        "meshes": [{"primitives": [{"mode": _POINTS, "attributes": {"POSITION": 0, "COLOR_0": 1}, "material": 0}]}],
        # A photo carries its own light. Viewers that don't know the extension treat points without normals the same way.
        "materials": [{"extensions": {"KHR_materials_unlit": {}}, "pbrMetallicRoughness": {"metallicFactor": 0}}],
        "extensionsUsed": ["KHR_materials_unlit"],
        "accessors": [
            {**shared, "componentType": _FLOAT, "type": "VEC3", "min": bounds["min"], "max": bounds["max"]},
            {**shared, "componentType": _UNSIGNED_SHORT, "type": "VEC4", "normalized": True, "byteOffset": 12},
        ],
        "bufferViews": [
            {
                "buffer": 0,
                "byteLength": cloud.count * _GLB_POINT.itemsize,
                "byteStride": _GLB_POINT.itemsize,
                "target": _ARRAY_BUFFER,
            }
        ],
        "buffers": [{"byteLength": cloud.count * _GLB_POINT.itemsize}],
    }


def _linear_light() -> NDArray[np.uint16]:
    """Return (256,) the linear 16-bit level of each sRGB level (IEC 61966-2-1)."""
    encoded = np.arange(256) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    levels: NDArray[np.uint16] = np.rint(linear * 65535).astype(np.uint16)
    return levels
