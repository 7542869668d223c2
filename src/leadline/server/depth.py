"""POST /v1/depth: a picture to its map."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.io.image import Photo
from leadline.io.points import ASSUMED_FOV_DEG
from leadline.labels.tom_predictor import TomPredictor, at_inference
from leadline.predictor import Prediction, Predictor
from leadline.runtime.pipeline import AnySizePredictor
from leadline.runtime.sizing import resize_map, resize_picture
from leadline.server.encode import CLOUDS, encode_map
from leadline.server.errors import Refusal
from leadline.server.known import fit_known
from leadline.server.limits import Patience
from leadline.server.models import Models
from leadline.server.options import DepthOptions
from leadline.server.pictures import decode_mask, decode_picture
from leadline.server.queue import InferenceQueue
from leadline.server.replies import Answer


@dataclass(frozen=True)
class Upload:
    """The bytes of a picture, and their checked content type."""

    data: bytes
    content_type: str


class Stopwatch:
    """Seconds of a request's stages; "queue" runs until the first of them and while the network is taken."""

    def __init__(self, patience: Patience) -> None:
        self.seconds = {"queue": 0.0}
        self._patience = patience
        self._since = time.monotonic()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count a block as a stage, and what has passed since the last one as waiting.

        Raises:
            Abandoned: nobody waits for the result any more.
        """
        self._patience.check()
        start = time.monotonic()
        self.seconds["queue"] += start - self._since
        try:
            yield
        finally:
            self._since = time.monotonic()
            self.seconds[name] = self.seconds.get(name, 0.0) + self._since - start


def answer_depth(
    upload: Upload,
    mask: Upload | None,
    options: DepthOptions,
    models: Models,
    queue: InferenceQueue,
    watch: Stopwatch,
    max_pixels: int,
) -> Answer:
    """Decode, predict, fit and encode; runs in a worker.

    Raises:
        Refusal: the picture, the mask or the options can't be used.
    """
    check_view(options)
    plain = models.predictor(options.model)
    predictor, least_px = _with_glass(plain, mask, options, models)
    with watch.stage("decode"):
        at_least = None
        if isinstance(plain, AnySizePredictor) and options.output not in CLOUDS:
            at_least = max(plain.longer_side_needed(), least_px)
        photo = decode_picture(upload.data, upload.content_type, max_pixels, at_least)
        marked = decode_mask(mask.data, mask.content_type, max_pixels) if mask else None
    map_hw = fitted_size(photo.hw_full, options.longest)
    camera, source = _camera(photo, options)
    with queue.network(), watch.stage("predict"):
        prediction = _predict(predictor, photo, marked, camera, map_hw)
    with watch.stage("encode"):
        depth, notes, fit = prediction.depth, prediction.notes, None
        if options.known is not None:
            depth, fit, more = fit_known(depth, options.known, photo.hw_full)
            notes = (*notes, *more)
        pixels = resize_picture(photo.pixels, map_hw) if options.output in CLOUDS else None
        encoded = encode_map(depth, options.output, pixels, options.colormap)
        if depth.camera is None and options.output in CLOUDS:  # as `leadline.io.points.cloud_of` does, and says in the file
            depth, source = replace_map(depth, camera=Camera.from_fov_deg(ASSUMED_FOV_DEG, map_hw)), "assumed"
            notes = (*notes, f"no focal length is known: a horizontal view of {ASSUMED_FOV_DEG:g} degrees is assumed")
    return Answer(depth, encoded, options.output, plain.card.name, source, notes, watch.seconds, fit, options.colormap)


def check_view(options: DepthOptions) -> None:
    """Refuse a field of view that is said twice."""
    if options.focal_px is not None and options.fov_deg is not None:
        raise Refusal(400, "bad_option", "focal_px and fov_deg both say the field of view: give one")


def fitted_size(hw: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """Return a map's size: the picture's, or with `longest` as its longer side if that is smaller."""
    if longest is None or longest >= max(hw):
        return hw
    return max(1, round(hw[0] * longest / max(hw))), max(1, round(hw[1] * longest / max(hw)))


def resized_map(depth: DepthMap, hw: tuple[int, int]) -> DepthMap:
    """Return a map at another size; a pixel is valid where all that it is mixed from is."""
    if depth.hw == hw:
        return depth
    camera = None if depth.camera is None else depth.camera.resize(hw)
    valid = None if depth.valid.all() else resize_map(depth.valid.astype(np.float32), hw) > 1 - 1e-6
    return DepthMap(resize_map(depth.values, hw), valid, depth.kind, camera, depth.source)


def _with_glass(
    plain: Predictor, mask: Upload | None, options: DepthOptions, models: Models
) -> tuple[Predictor | TomPredictor, int]:
    """Return the predictor that heeds glass and mirrors if asked for, and the longer side of a picture that it needs."""
    if mask is None and options.tom == "none":
        return plain, 0
    virtual = at_inference(options.tom_colours)
    if mask is not None:
        return TomPredictor(plain, merge=options.tom_merge, options=virtual), 0
    if models.segmenter is None:
        raise Refusal(404, "no_segmenter", "tom=auto needs the segmenter's weights, which are not here: send a file `mask`")
    segmenter = models.segmenter
    tom = TomPredictor(plain, segmenter.surfaces, merge=options.tom_merge, options=virtual)
    return tom, 2 * segmenter.card.input_size


def _predict(
    predictor: Predictor | TomPredictor,
    photo: Photo,
    marked: NDArray[np.bool_] | None,
    camera: Camera | None,
    map_hw: tuple[int, int],
) -> Prediction:
    """Return the prediction at the map's size.

    Raises:
        Refusal: 422: a mask of another shape, or one of everything.
    """
    if isinstance(predictor, TomPredictor):
        try:
            prediction = predictor(photo.pixels, camera, mask=marked, output_hw=map_hw)
        except LeadlineError as error:
            raise Refusal(422, "no_mask", str(error)) from None
    elif isinstance(predictor, AnySizePredictor):
        prediction = predictor(photo.pixels, camera, output_hw=map_hw)
    else:
        prediction = predictor(photo.pixels, camera)
    depth = resized_map(prediction.depth, map_hw)
    if depth.camera is None and camera is not None:
        depth = replace_map(depth, camera=camera.resize(map_hw))
    return replace(prediction, depth=depth, uncertainty=None)


def _camera(photo: Photo, options: DepthOptions) -> tuple[Camera | None, str]:
    """Return the camera of the whole picture, and where it is from.

    Raises:
        Refusal: 400: a focal length in millimetres, or the like.
    """
    try:
        if options.focal_px is not None:
            return Camera.from_focal_px(options.focal_px, photo.hw_full), "given"
        if options.fov_deg is not None:
            return Camera.from_fov_deg(options.fov_deg, photo.hw_full), "given"
    except LeadlineError as error:
        message = str(error).replace("use --fov-deg", "use fov_deg")
        raise Refusal(400, "bad_option", message) from None
    return photo.camera, "exif" if photo.camera else "none"
