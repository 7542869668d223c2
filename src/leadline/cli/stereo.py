"""``leadline stereo``: depth from two rectified pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from leadline.camera import Camera
    from leadline.data.datasets.pfm_pair import PairCalibration
    from leadline.io.image import Photo
    from leadline.runtime.outputs import OutputOptions
    from leadline.runtime.stereo import StereoPrediction, StereoPredictor

Positive = Annotated[float | None, Parameter(validator=validators.Number(gt=0))]
Flag = Annotated[bool, Parameter(negative=())]


def stereo(
    left: Path,
    right: Path,
    /,
    *,
    calib: Path | None = None,
    focal_px: Positive = None,
    baseline_m: Positive = None,
    model: str = "sgm",
    out: Path = Path("leadline_out"),
    write: str = "png16,preview",
    disparities: Annotated[tuple[float, float] | None, Parameter(name="--disparities")] = None,
    fill: Flag = False,
    unchecked: Flag = False,
    colormap: str = "inferno",
    side_by_side: Flag = False,
    json: Flag = False,
) -> int:
    """Match two rectified pictures: disparity in pixels, a confidence, and depth in metres if the rig is known.

    LEFT.jpg becomes OUT/LEFT.disparity.* (pixels: a point at x in the left picture is at x - disparity in the right one),
    OUT/LEFT.confidence.png (8 bits: 255 is surest, 0 is no match) and, with a calibration, OUT/LEFT.metric.* (metres).
    Pixels that only one camera sees, or that can't be matched safely, are not valid. A pair that is not rectified, or whose
    pictures are swapped or of different sizes, is refused, and so is one without any match.

    Parameters
    ----------
    left
        The left camera's picture.
    right
        The right camera's, of the same size and rectified with it.
    calib
        Calibration of the rectified pair: Middlebury's or ETH3D's calib.txt, or one of KITTI's files.
    focal_px
        Or the focal length in pixels of the pictures as they are; needs --baseline-m.
    baseline_m
        And the distance of the two cameras in metres.
    model
        sgm (semi-global matching), or an ONNX file of a stereo network.
    out
        Folder for the outputs.
    write
        Comma-separated: png16, npz, npy, exr, pfm, tiff, preview, and with a calibration ply, glb.
    disparities
        Smallest and largest disparity that sgm searches, in pixels; by default found from the pair.
    fill
        sgm: fill what has no match from the background beside it.
    unchecked
        Go on with a pair that looks swapped or not rectified.
    colormap
        Of previews: inferno, magma, viridis, cividis, turbo, grey.
    side_by_side
        Previews show the left picture beside its map.
    json
        Print one JSON object: kind, outputs, share of valid pixels, range, notes, seconds.
    """
    from time import perf_counter

    from leadline.cli.progress import say
    from leadline.errors import LeadlineError
    from leadline.io.image import read_image
    from leadline.runtime.stereo import check_pair

    rig = _asked_rig(calib, focal_px, baseline_m)
    disparity_options, depth_options = _options(write, colormap, side_by_side, metric=rig)
    matcher = _matcher(model, disparities, fill)
    photos = read_image(left), read_image(right)
    pictures = photos[0].pixels, photos[1].pixels
    check_pair(*pictures)
    notes = [] if unchecked else _check_rectified(left.stem, photos)
    for note in notes:
        say(f"leadline: {note}")
    calibration = _calibration(calib, focal_px, baseline_m, photos[0].hw_full)
    start = perf_counter()
    prediction = matcher(*pictures, calibration.camera if calibration else None)
    if not prediction.depth.valid.any():
        searched = f" within --disparities {disparities[0]:g} {disparities[1]:g}" if disparities else ""
        raise LeadlineError(
            f"no pixel of {left} has a match in {right}{searched}: expected two views of one scene; are they a pair?"
        )
    outputs = _write(prediction, photos[0], calibration, out, Path(left.stem), disparity_options, depth_options)
    _report(prediction, outputs, [*notes, *prediction.notes], perf_counter() - start, json)
    return 0


def _asked_rig(calib: Path | None, focal_px: float | None, baseline_m: float | None) -> bool:
    """Return whether the rig is known, before any work is done.

    Raises:
        LeadlineError: it is known by half, or twice.
    """
    from leadline.errors import LeadlineError

    if calib is not None and (focal_px is not None or baseline_m is not None):
        raise LeadlineError(f"--calib {calib} says focal length and baseline: leave --focal-px and --baseline-m out")
    if (focal_px is None) != (baseline_m is None):
        given, missing = ("--focal-px", "--baseline-m") if baseline_m is None else ("--baseline-m", "--focal-px")
        raise LeadlineError(f"{given} alone gives no depth: expected {missing} too, or neither for disparity alone")
    return calib is not None or focal_px is not None


def _options(write: str, colormap: str, side_by_side: bool, metric: bool) -> tuple[OutputOptions | None, OutputOptions | None]:
    """Return what to write of the disparity and, for a known rig, of the depth; clouds are of the depth alone."""
    from leadline.errors import LeadlineError
    from leadline.runtime.outputs import COLOURED, OutputOptions

    formats = tuple(dict.fromkeys(name.strip() for name in write.split(",") if name.strip()))
    asked = OutputOptions(formats, colormap, side_by_side=side_by_side)
    flat = tuple(name for name in formats if name not in COLOURED)
    if not metric and flat != formats:
        cloud = next(name for name in formats if name in COLOURED)
        raise LeadlineError(f"--write {cloud} needs distances: give --calib FILE, or --focal-px and --baseline-m")
    of_disparity = OutputOptions(flat, colormap, side_by_side=side_by_side) if flat else None
    return of_disparity, asked if metric else None


def _matcher(model: str, disparities: tuple[float, float] | None, fill: bool) -> StereoPredictor:
    from leadline.errors import LeadlineError
    from leadline.runtime.semi_global import SemiGlobalMatching
    from leadline.runtime.stereo import SEMI_GLOBAL, load_stereo_predictor

    if model == SEMI_GLOBAL:
        return SemiGlobalMatching(disparities, fill=fill)
    for name, given in (("--disparities", disparities is not None), ("--fill", fill)):
        if given:
            raise LeadlineError(
                f"{name} is for --model sgm: leave it out with {model!r}, whose map has neither range nor holes"
            )
    return load_stereo_predictor(model)


def _check_rectified(name: str, photos: tuple[Photo, Photo]) -> list[str]:
    """Return warnings about the pair.

    Raises:
        LeadlineError: it is swapped, or not rectified.
    """
    from leadline.data.checks.finding import Look
    from leadline.data.checks.stereo import Stereo
    from leadline.data.datasets.stereo_pair import StereoPair
    from leadline.errors import LeadlineError

    check = Stereo()
    check.see(Look(StereoPair(name, photos[0].pixels, right=photos[1].pixels)))
    warnings = []
    for finding in check.findings():
        text = f"{finding.mistake}: {finding.evidence}; {finding.remedy}"
        if finding.level == "error":
            raise LeadlineError(f"{text}, or go on as it is with --unchecked")
        warnings.append(text)
    return warnings


def _calibration(
    calib: Path | None, focal_px: float | None, baseline_m: float | None, hw: tuple[int, int]
) -> PairCalibration | None:
    from leadline.camera import Camera
    from leadline.data.datasets.pfm_pair import PairCalibration
    from leadline.data.stereo_rig import read_rig

    if calib is not None:
        return read_rig(calib, hw)
    if focal_px is None or baseline_m is None:
        return None
    return PairCalibration(Camera.from_focal_px(focal_px, hw), baseline_m, 0.0)


def _write(
    prediction: StereoPrediction,
    photo: Photo,
    calibration: PairCalibration | None,
    out: Path,
    stem: Path,
    disparity_options: OutputOptions | None,
    depth_options: OutputOptions | None,
) -> list[Path]:
    """Write disparity, confidence and, for a known rig, depth; return the files."""
    import numpy as np

    from leadline.io.atomic import atomic_write
    from leadline.io.png import encode_png
    from leadline.runtime.outputs import write_outputs
    from leadline.runtime.stereo import depth_from_pair

    camera: Camera | None = calibration.camera if calibration else None
    files: list[Path] = []
    if disparity_options is not None:
        named = stem.with_name(f"{stem.name}.disparity")
        files += write_outputs(prediction.depth, photo.pixels, camera, out, named, disparity_options)
    if prediction.confidence is not None:
        path = out / f"{stem.name}.confidence.png"
        # A match of the least confidence is still a match: 0 says that there is none.
        levels = (np.rint(prediction.confidence * 254) + 1) * prediction.depth.valid
        with atomic_write(path) as temporary:
            temporary.write_bytes(encode_png(levels.astype(np.uint8)))
        files.append(path)
    if calibration is not None and depth_options is not None:
        depth = depth_from_pair(prediction.depth, calibration.baseline_m, calibration.offset_px)
        named = stem.with_name(f"{stem.name}.metric")
        files += write_outputs(depth, photo.pixels, camera, out, named, depth_options)
    return files


def _report(prediction: StereoPrediction, outputs: list[Path], notes: list[str], seconds: float, as_json: bool) -> None:
    from leadline.cli.progress import say

    depth = prediction.depth
    share = float(depth.valid.mean())
    values = depth.values[depth.valid]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if as_json:
        import json

        row = {
            "kind": str(depth.kind),
            "unit": depth.unit,
            "outputs": [str(path) for path in outputs],
            "valid": round(share, 4),
            "range_px": [round(low, 3), round(high, 3)],
            "notes": notes,
            "seconds": round(seconds, 3),
        }
        print(json.dumps(row, ensure_ascii=False))
        return
    for note in prediction.notes:
        say(f"leadline: {note}")
    for path in outputs:
        print(path)
    say(f"{share:.0%} of the pixels matched, {low:.1f} to {high:.1f} px, {seconds:.1f} s; {depth.kind} ({depth.source})")
