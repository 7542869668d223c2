"""From a server's reply to a map that says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from leadline.camera import Camera
from leadline.client.transport import Reply
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.predictor import Prediction

# Where the focal length is a fact and not a guess.
_KNOWN = ("given", "exif")


def prediction_from(reply: Reply, camera: Camera | None = None) -> Prediction:
    """Return the prediction that a reply with ``output=float32`` holds.

    Args:
        reply: of POST /v1/depth or /v1/stereo.
        camera: of the picture, if the caller knows it; else a focal length that the picture stated is taken.

    Raises:
        LeadlineError: the reply is not what a leadline server sends.
    """
    headers = reply.headers
    try:
        height, width = (int(part) for part in headers["leadline-size"].split("x"))
        kind = Kind.parse(headers["leadline-kind"])
        values = np.frombuffer(reply.body, "<f4").reshape(height, width)
        notes = tuple(str(note) for note in json.loads(headers.get("leadline-notes", "[]")))
        if camera is None:
            camera = _camera_in(headers, (height, width))
    except (KeyError, ValueError, TypeError) as error:
        raise LeadlineError(f"an answer without a map ({error!s:.100}): is this a leadline server of this version?") from None
    if camera is not None and camera.hw != (height, width):
        camera = camera.resize((height, width))
    return Prediction(DepthMap(values, None, kind, camera, headers.get("leadline-model", "")), notes=notes)


def _camera_in(headers: Mapping[str, str], hw: tuple[int, int]) -> Camera | None:
    stated = json.loads(headers.get("leadline-camera", "{}"))
    focal_px = stated.get("focal_px")
    if focal_px is None or stated.get("source") not in _KNOWN:
        return None
    return Camera(hw[1], hw[0], float(focal_px), float(focal_px), hw[1] / 2, hw[0] / 2)
