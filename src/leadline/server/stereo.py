"""POST /v1/stereo: a rectified pair to its disparity, or with a known rig to depth."""

from __future__ import annotations

from leadline.camera import Camera
from leadline.errors import LeadlineError
from leadline.io.image import Photo
from leadline.runtime.stereo import check_pair, depth_from_pair
from leadline.server.depth import Stopwatch, Upload
from leadline.server.encode import CLOUDS, encode_map
from leadline.server.errors import Refusal
from leadline.server.models import Models
from leadline.server.options import StereoOptions
from leadline.server.pictures import decode_picture
from leadline.server.queue import InferenceQueue
from leadline.server.replies import Answer


def answer_stereo(
    left: Upload,
    right: Upload,
    options: StereoOptions,
    models: Models,
    queue: InferenceQueue,
    watch: Stopwatch,
    max_pixels: int,
) -> Answer:
    """Decode, look whether it is a rectified pair, match and encode; runs in a worker.

    Raises:
        Refusal: the pictures or the options can't be used, or nothing matches.
    """
    check_rig(options)
    name, matcher = models.matcher(options.model, options.fill)
    with watch.stage("decode"):
        photos = [decode_picture(part.data, part.content_type, max_pixels) for part in (left, right)]
        try:
            check_pair(photos[0].pixels, photos[1].pixels)
        except LeadlineError as error:
            raise Refusal(422, "no_pair", str(error)) from None
    camera, source = _camera(options, photos[0])
    with queue.network(), watch.stage("predict"):
        warnings = rectification_warnings(photos[0], photos[1])
        try:
            prediction = matcher(photos[0].pixels, photos[1].pixels, camera)
        except LeadlineError as error:
            raise Refusal(422, "no_pair", str(error)) from None
    with watch.stage("encode"):
        depth = prediction.depth
        if not depth.valid.any():
            warning = f" ({warnings[0]})" if warnings else ""
            raise Refusal(422, "no_match", f"no pixel has a match: expected two views of one scene, left and right{warning}")
        if options.baseline_m is not None and camera is not None:
            depth = depth_from_pair(depth, options.baseline_m, options.offset_px)
        pixels = photos[0].pixels if options.output in CLOUDS else None
        encoded = encode_map(depth, options.output, pixels, options.colormap)
    notes = (*warnings, *prediction.notes)
    return Answer(depth, encoded, options.output, name, source, notes, watch.seconds, None, options.colormap)


def check_rig(options: StereoOptions) -> None:
    """Refuse a rig that is known by half, and clouds without one.

    Raises:
        Refusal: 400.
    """
    if (options.focal_px is None) != (options.baseline_m is None):
        given, missing = ("focal_px", "baseline_m") if options.baseline_m is None else ("baseline_m", "focal_px")
        raise Refusal(400, "bad_option", f"{given} alone gives no depth: expected {missing} too, or neither")
    if options.output in CLOUDS and options.baseline_m is None:
        raise Refusal(400, "bad_option", f"output {options.output} needs distances: give focal_px and baseline_m")


def rectification_warnings(left: Photo, right: Photo) -> tuple[str, ...]:
    """Return what matching points say against a pair: not rectified, or swapped."""
    from leadline.data.checks.finding import Look
    from leadline.data.checks.stereo import Stereo
    from leadline.data.datasets.stereo_pair import StereoPair

    check = Stereo()
    check.see(Look(StereoPair("pair", left.pixels, right=right.pixels)))
    return tuple(f"{found.mistake}: {found.evidence}; {found.remedy}" for found in check.findings())


def _camera(options: StereoOptions, photo: Photo) -> tuple[Camera | None, str]:
    if options.focal_px is None:
        return None, "none"
    try:
        return Camera.from_focal_px(options.focal_px, photo.hw_full), "given"
    except LeadlineError as error:
        raise Refusal(400, "bad_option", str(error).partition("; give pixels")[0] + "; give pixels") from None
