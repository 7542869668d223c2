"""``leadline scale fit|apply``: metres from what a user has measured, or from a data set with truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators

from leadline.cli.inputs import find_maps, map_stem

if TYPE_CHECKING:
    from leadline.camera import Camera
    from leadline.depth_map import DepthMap
    from leadline.predictor import Predictor
    from leadline.scale.factor import Factor
    from leadline.scale.points import MetricPoints

app = App(name="scale", help="Metres for relative maps: fit a factor to what you have measured, and apply it.")

Positive = Annotated[float | None, Parameter(validator=validators.Number(gt=0))]
Flag = Annotated[bool, Parameter(negative=())]
Words = Annotated[tuple[str, ...], Parameter(negative=())]
Estimator = Literal["median_of_ratios", "pooled_median", "least_squares", "theil_sen", "ransac"]


@app.command
def fit(
    *maps: Annotated[Path, Parameter(required=True, negative=())],
    point: Words = (),
    along_ray: Flag = False,
    sparse: Path | None = None,
    sparse_kind: str | None = None,
    convention: str | None = None,
    colmap: Path | None = None,
    colmap_image: str | None = None,
    colmap_unit_m: Positive = None,
    object_: Annotated[tuple[str, ...], Parameter(name="--object", negative=())] = (),
    camera_height: Annotated[float | None, Parameter(name="--camera-height")] = None,
    baseline_m: Positive = None,
    model: str | None = None,
    kind: str | None = None,
    focal_px: Positive = None,
    fov_deg: Positive = None,
    estimator: Estimator | None = None,
    assume_zero_shift: Flag = False,
    out: Path = Path("factor.json"),
    report: Path | None = None,
    json: Flag = False,
) -> int:
    """Fit the factor that turns maps into metres, and say how far it can be trusted.

    Give one of --point, --sparse, --colmap, --object, --camera-height, --baseline-m. Maps known up to scale need one
    measurement; those known up to scale and shift (the default model's) two points at different distances, better five. Several
    maps get one factor, from --sparse FOLDER with a file for each. A line DOUBT says why the factor may not help.

    Parameters
    ----------
    maps
        Depth files that leadline has written, or pictures with --model; or folders of them (searched deep).
    point
        X,Y=DISTANCE: pixel and distance, such as 320,240=2.4m (m, cm or mm); give it again for more points.
    along_ray
        Distances of --point are from the camera to the place (tape, laser), not depth along the viewing axis.
    sparse
        Depth file of the map's size, .npz with xy and depth, or .ply cloud in the camera's frame; for several maps a folder
        with files of their names.
    sparse_kind
        What the numbers of --sparse files (.npy, .pfm) are if they don't say it: depth/metric for metres.
    convention
        Or what their integers mean: kitti, nyu, ...
    colmap
        Folder of a COLMAP model (cameras, images, points3D as .bin or .txt).
    colmap_image
        The picture's name in it, by default that of the map.
    colmap_unit_m
        Metres of one unit of the reconstruction; COLMAP does not know it.
    object_
        X1,Y1:X2,Y2=LENGTH: both ends of an object and its length, such as 100,200:100,420=1.96m; needs a camera.
    camera_height
        Metres from the ground to the lens; the ground must show in the lower half; needs a camera.
    baseline_m
        Distance of a stereo rig's cameras in metres, for a map of pixel_disparity, or for that of --sparse.
    model
        Predict pictures with this network first (leadline models list).
    kind
        What the numbers of a map file mean if it does not say so.
    focal_px
        Focal length in pixels, if the map does not know its camera.
    fov_deg
        Or the horizontal field of view in degrees.
    estimator
        By default theil_sen, and for one map known up to scale median_of_ratios.
    assume_zero_shift
        Take an unknown shift for zero: a guess, mostly worse than no map.
    out
        The factor's JSON file.
    report
        Several maps: folder for a page on how linear they are in the truth.
    json
        Print the factor as JSON.
    """
    from leadline.errors import LeadlineError
    from leadline.scale.factor import write_factor
    from leadline.scale.hints import fit_baseline, fit_camera_height, fit_images, fit_lengths, fit_points
    from leadline.scale.points import parse_lengths, parse_points

    chosen = _one_of(point, sparse, colmap, object_, camera_height, baseline_m)
    _refuse_stray(chosen, along_ray, sparse_kind, convention, colmap_image, colmap_unit_m, estimator)
    loaded = _Maps(maps, model, kind, focal_px, fov_deg)
    if len(loaded.found) > 1 and chosen != "--sparse":
        raise LeadlineError(f"{chosen} for {len(loaded.found)} maps: expected one map, or several with --sparse FOLDER")
    if report is not None and len(loaded.found) == 1:
        raise LeadlineError("--report for one map: expected several, to see whether one factor fits them")
    name, path = loaded.found[0]
    if len(loaded.found) > 1:
        assert sparse is not None
        triples = []
        for (each, file), truth in zip(loaded.found, _truths([each for each, _ in loaded.found], sparse), strict=True):
            depth = loaded.read(file)
            triples.append((each, depth, _read_points(truth, depth, baseline_m, sparse_kind, convention)))
        factor = fit_images(triples, estimator=estimator or "theil_sen", zero_shift=assume_zero_shift)
        if report is not None:
            _write_report(report, triples, factor, assume_zero_shift)
    else:
        depth = loaded.read(path)
        match chosen:
            case "--object":
                factor = fit_lengths(depth, parse_lengths(object_), zero_shift=assume_zero_shift, name=name)
            case "--camera-height":
                factor = fit_camera_height(depth, camera_height or 0.0, zero_shift=assume_zero_shift, name=name)
            case "--baseline-m":
                factor = fit_baseline(depth, baseline_m or 0.0, name=name)
            case _:
                if chosen == "--point":
                    points = parse_points(point, along_ray)
                elif colmap is not None:
                    points = _colmap(colmap, colmap_image or name + path.suffix, depth, colmap_unit_m)
                else:
                    assert sparse is not None
                    points = _read_points(_truths([name], sparse)[0], depth, baseline_m, sparse_kind, convention)
                factor = fit_points(depth, points, estimator=estimator, zero_shift=assume_zero_shift, name=name)
    write_factor(out, factor)
    print(factor.to_json() if json else f"{factor}\n{out}")
    return 0


@app.command
def apply(
    *maps: Annotated[Path, Parameter(required=True, negative=())],
    factor: Path,
    out: Path = Path("leadline_out"),
    write: str = "png16,preview",
    cap_m: Positive = None,
    model: str | None = None,
    kind: str | None = None,
    focal_px: Positive = None,
    fov_deg: Positive = None,
    json: Flag = False,
) -> int:
    """Turn maps into depth in metres by a factor that `leadline scale fit` has found.

    A.depth.png becomes OUT/A.metric.depth.png and whatever else --write names. A map that can't be used is reported and
    counted, the rest is done, and the exit code is 1.

    Parameters
    ----------
    maps
        Depth files of the kind that the factor was fitted on, or pictures with --model; or folders of them (searched deep).
    factor
        The JSON file.
    out
        Folder for the outputs.
    write
        Comma-separated: png16, npz, npy, exr, pfm, tiff, preview, ply, glb.
    cap_m
        The farthest distance in metres; without it, what the shift puts at infinity has no value.
    model
        Predict pictures with this network first.
    kind
        What the numbers of a map file mean if it does not say so.
    focal_px
        Focal length in pixels, if the map does not know its camera.
    fov_deg
        Or the horizontal field of view in degrees.
    json
        Print one JSON object a map: path, outputs, share of valid pixels, range, cautions, error.
    """
    from json import dumps

    from leadline.cli.progress import say
    from leadline.errors import LeadlineError
    from leadline.io.preview import colourise
    from leadline.runtime.outputs import OutputOptions, write_outputs
    from leadline.scale.factor import read_factor

    options = OutputOptions(tuple(dict.fromkeys(name.strip() for name in write.split(",") if name.strip())))
    found = read_factor(factor)
    loaded = _Maps(maps, model, kind, focal_px, fov_deg)
    failed = 0
    for name, path in loaded.found:
        outputs: list[Path] = []
        cautions: list[str] = []
        error = None
        share = low = high = 0.0
        try:
            depth = loaded.read(path)
            metric = found.apply(depth, cap_m)
            cautions = found.cautions(depth, name)
            values = metric.values[metric.valid]
            if values.size == 0:
                raise LeadlineError(f"{path}: no pixel has a distance by this factor: was it fitted on another picture?")
            share, low, high = float(metric.valid.mean()), float(values.min()), float(values.max())
            outputs = write_outputs(metric, colourise(metric), metric.camera, out, Path(f"{name}.metric"), options)
        except LeadlineError as problem:
            error, failed = str(problem), failed + 1
        if json:
            row = {
                "path": str(path), "outputs": [str(output) for output in outputs], "valid": round(share, 4),
                "range_m": [round(low, 4), round(high, 4)], "cautions": cautions, "error": error,
            }  # fmt: skip
            print(dumps(row, ensure_ascii=False))
        elif error is None:
            for output in outputs:
                print(output)
            say(f"{path}: {low:.2f} to {high:.2f} m, {share:.0%} of the pixels")
        for text in [error] if error else cautions:
            say(f"leadline: {text}" if path.name in text else f"leadline: {path}: {text}")
    return 1 if failed else 0


class _Maps:
    """Reads depth files, and predicts pictures where a model is given."""

    def __init__(
        self, paths: tuple[Path, ...], model: str | None, kind: str | None, focal_px: float | None, fov_deg: float | None
    ) -> None:
        from leadline.errors import LeadlineError

        if focal_px is not None and fov_deg is not None:
            raise LeadlineError(f"--focal-px {focal_px:g} and --fov-deg {fov_deg:g} both say the field of view: give one")
        self.model, self.kind, self.focal_px, self.fov_deg = model, kind, focal_px, fov_deg
        self.found = find_maps(paths, pictures=model is not None)
        self._predictor: Predictor | None = None

    def read(self, path: Path) -> DepthMap:
        """Return a map; a camera from the command line replaces that of its file."""
        from leadline.depth_map import replace_map

        if self.model is not None:
            return self._predicted(path)
        depth = self._stored(path)
        return replace_map(depth, camera=self._camera(depth.hw) or depth.camera)

    def _camera(self, hw: tuple[int, int]) -> Camera | None:
        """Return the camera that the command line speaks of, for a picture's size."""
        from leadline.camera import Camera

        if self.focal_px is not None:
            return Camera.from_focal_px(self.focal_px, hw)
        return None if self.fov_deg is None else Camera.from_fov_deg(self.fov_deg, hw)

    def _predicted(self, path: Path) -> DepthMap:
        from leadline.cli.load import load
        from leadline.cli.progress import say
        from leadline.depth_map import replace_map
        from leadline.io.image import read_image

        assert self.model is not None
        self._predictor = self._predictor or load(self.model, self.kind)
        photo = read_image(path)
        camera = self._camera((photo.pixels.shape[0], photo.pixels.shape[1])) or photo.camera
        prediction = self._predictor(photo.pixels, camera)
        for note in prediction.notes:
            say(f"leadline: {path}: {note}")
        return replace_map(prediction.depth, camera=prediction.depth.camera or camera)

    def _stored(self, path: Path) -> DepthMap:
        from leadline.errors import LeadlineError
        from leadline.io.depth import FORMATS, read_depth
        from leadline.io.image import IMAGE_SUFFIXES

        if path.suffix.lower() in IMAGE_SUFFIXES and path.suffix.lower() not in FORMATS:
            raise LeadlineError(f"{path} is a picture: give --model leadline-s to predict it first, or a depth file")
        return read_depth(path, kind=self.kind)


def _one_of(
    point: tuple[str, ...],
    sparse: Path | None,
    colmap: Path | None,
    object_: tuple[str, ...],
    camera_height: float | None,
    baseline_m: float | None,
) -> str:
    """Return the option that says what is known; a baseline beside --sparse belongs to that."""
    from leadline.errors import LeadlineError

    given = {
        "--point": bool(point),
        "--sparse": sparse is not None,
        "--colmap": colmap is not None,
        "--object": bool(object_),
        "--camera-height": camera_height is not None,
        "--baseline-m": baseline_m is not None and sparse is None,
    }
    chosen = [name for name, there in given.items() if there]
    if len(chosen) != 1:
        raise LeadlineError(f"{' and '.join(chosen) or 'nothing known in metres'}: expected one of {', '.join(given)}")
    return chosen[0]


def _refuse_stray(
    chosen: str,
    along_ray: bool,
    sparse_kind: str | None,
    convention: str | None,
    colmap_image: str | None,
    colmap_unit_m: float | None,
    estimator: str | None,
) -> None:
    """Refuse options that belong to another one: ignored, they would mislead."""
    from leadline.errors import LeadlineError

    for name, given, owners in (
        ("--along-ray", along_ray, ("--point",)),
        ("--sparse-kind", sparse_kind is not None, ("--sparse",)),
        ("--convention", convention is not None, ("--sparse",)),
        ("--colmap-image", colmap_image is not None, ("--colmap",)),
        ("--colmap-unit-m", colmap_unit_m is not None, ("--colmap",)),
        ("--estimator", estimator is not None, ("--point", "--sparse", "--colmap")),
    ):
        if given and chosen not in owners:
            raise LeadlineError(f"{name} is for {' and '.join(owners)}: leave it out with {chosen}")


def _truths(names: Sequence[str], sparse: Path) -> list[Path]:
    """Return the file with known distances of each map: of its name, in the folder of its name's folders."""
    from leadline.errors import LeadlineError

    if not sparse.is_dir():
        if len(names) > 1:
            raise LeadlineError(f"--sparse {sparse} for {len(names)} maps: expected a folder with a file for each")
        return [sparse]
    files: dict[str, list[Path]] = {}
    for path in sorted(sparse.rglob("*")):
        if path.suffix.lower() in _TRUTH_SUFFIXES and path.is_file() and not path.name.startswith("."):
            files.setdefault(path.relative_to(sparse).with_name(map_stem(path)).as_posix(), []).append(path)
    found = []
    for name in names:
        matches = files.get(name, [])
        if len(matches) != 1:
            problem = f"no file for {name}" if not matches else f"{matches[0].name} and {matches[1].name} for {name}"
            raise LeadlineError(
                f"--sparse {sparse}: {problem}; expected one of the map's name, such as {name}.png or {name}.npz"
            )
        found.append(matches[0])
    return found


_TRUTH_SUFFIXES = (".png", ".npz", ".npy", ".exr", ".pfm", ".tif", ".tiff", ".ply")


def _read_points(
    path: Path, depth: DepthMap, baseline_m: float | None, kind: str | None, convention: str | None
) -> MetricPoints:
    from leadline.scale.points import read_points

    return read_points(path, depth.camera, baseline_m=baseline_m, kind=kind, convention=convention)


def _colmap(folder: Path, picture: str, depth: DepthMap, unit_m: float | None) -> MetricPoints:
    from leadline.cli.progress import say
    from leadline.scale.colmap import colmap_points, read_colmap

    if unit_m is None:
        say("leadline: the reconstruction's unit is taken for a metre; COLMAP does not know it: give --colmap-unit-m")
    return colmap_points(read_colmap(folder), picture, depth.hw, unit_m=unit_m or 1.0)


def _write_report(folder: Path, images: list[tuple[str, DepthMap, MetricPoints]], factor: Factor, zero_shift: bool) -> None:
    from leadline.depth_map import Quantity
    from leadline.scale.estimators import ESTIMATORS
    from leadline.scale.linearity import analyse, transfer
    from leadline.scale.points import observe
    from leadline.scale.report import write_linearity_report

    seen = [(name, observe(depth, points, zero_shift=zero_shift)[0]) for name, depth, points in images]
    moved = transfer(seen, factor.scale) if factor.space is Quantity.DEPTH and not factor.shift else None
    # A line through the origin says nothing of maps whose shift is unknown.
    found = analyse(seen, tuple(ESTIMATORS) if moved else ())
    write_linearity_report(folder, found, factor, moved)
