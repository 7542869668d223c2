"""``leadline predict``: depth for pictures, folders, videos and webcams."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from leadline.camera import Camera
    from leadline.cli.inputs import Input
    from leadline.data.mask_files import MaskSource
    from leadline.io.image import Photo
    from leadline.labels.tom_predictor import TomPredictor
    from leadline.predictor import Prediction, Predictor
    from leadline.runtime.outputs import OutputOptions

Positive = Annotated[float | None, Parameter(validator=validators.Number(gt=0))]
Flag = Annotated[bool, Parameter(negative=())]


def predict(
    *inputs: Annotated[str, Parameter(required=True, negative=())],
    model: str = "leadline-s",
    out: Path = Path("leadline_out"),
    write: str | None = None,
    focal_px: Positive = None,
    fov_deg: Positive = None,
    kind: str | None = None,
    engine: Literal["auto", "openvino", "onnxruntime"] = "auto",
    precision: Literal["auto", "fp32", "bf16"] = "auto",
    colormap: str = "inferno",
    range_: Annotated[tuple[float, float] | None, Parameter(name="--range")] = None,
    side_by_side: Flag = False,
    tiles: bool | None = None,
    flip: Flag = False,
    smooth: bool = True,
    fixed_colours: Flag = False,
    tom: str | None = None,
    tom_mask: Path | None = None,
    tom_classes: str | None = None,
    tom_colours: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 5,
    tom_merge: bool = True,
    json: Flag = False,
) -> int:
    """Predict depth for photos, folders of photos, videos and webcams.

    Each picture A.jpg becomes OUT/A.depth.png, OUT/A.preview.png and whatever else --write names. The default model gives
    disparity up to scale and shift: larger is closer, no metres. A picture that can't be read is reported and counted, the
    rest is done, and the exit code is 1.

    Parameters
    ----------
    inputs
        Pictures, videos, folders (searched deep) or webcam numbers.
    model
        A shipped network (leadline models list), an ONNX file, or a transformers model such as owner/name.
    out
        Folder for the outputs; a folder's structure is kept in it.
    write
        Comma-separated: png16, npz, npy, exr, pfm, tiff, preview, ply, glb. By default png16,preview, and for videos preview
        alone; other formats write one file a frame.
    focal_px
        Focal length in pixels of the pictures as they are, for point clouds; by default from EXIF.
    fov_deg
        Or the horizontal field of view in degrees.
    kind
        What an ONNX file's numbers mean if it has no card: for instance disparity/affine_invariant or depth/metric.
    engine
        openvino on CPUs and onnxruntime elsewhere, by default.
    precision
        fp32, or bf16 where the processor has it: faster, a little less exact.
    colormap
        Of previews: inferno, magma, viridis, cividis, turbo, grey.
    range_
        Fixed colour range in the map's own numbers, instead of each picture's own.
    side_by_side
        Previews show the photo beside its depth.
    tiles
        Refine very large pictures tile by tile; by default off.
    flip
        Average with the prediction for the mirrored picture: twice the work, a little better.
    smooth
        Videos: fit each frame's scale and shift to the frames before.
    fixed_colours
        Videos: one colour range for all frames, from a first look at some of them.
    tom
        Glass and mirrors: auto finds them (a network that ships with leadline), as does the name of another segmenter: an
        ONNX file, or hf:OWNER/NAME of transformers. They are treated as those of --tom-mask.
    tom_mask
        Glass and mirrors: a mask (not black there), or a folder of masks by the pictures' names. They are painted over in
        random colours and the median of the predictions is taken there: six times the work of a prediction by default.
    tom_classes
        With --tom hf:...: which of its labels count, windowpane=transparent,mirror=mirror; by default by their names.
    tom_colours
        How many colours.
    tom_merge
        Lay the result into the prediction inside the mask only; --no-tom-merge takes it for the whole picture.
    json
        Print one JSON object per input: path, kind, unit, outputs, seconds, error, notes.
    """
    from dataclasses import replace

    from leadline.cli.inputs import find_inputs
    from leadline.errors import LeadlineError
    from leadline.runtime.malloc import keep_freed_memory
    from leadline.runtime.outputs import OutputOptions

    if tom is not None and tom_mask is not None:
        raise LeadlineError(f"--tom {tom} and --tom-mask {tom_mask} both say where the glass is: give one")
    if tom_classes is not None and tom is None:
        raise LeadlineError(f"--tom-classes {tom_classes} without --tom: expected --tom hf:OWNER/NAME")
    if focal_px is not None and fov_deg is not None:
        raise LeadlineError(f"--focal-px {focal_px:g} and --fov-deg {fov_deg:g} both say the field of view: give one")
    keep_freed_memory()
    options = OutputOptions(_formats(write, "png16,preview"), colormap, range_, side_by_side)
    video_options = replace(options, formats=_formats(write, "preview"))
    found = find_inputs(inputs)
    pictures = [item for item in found if item.medium == "picture"]
    predictor = _load(model, kind, engine, precision, throughput=len(pictures) > 1)
    if flip:
        from leadline.runtime.averaging import AveragedPredictor

        predictor = AveragedPredictor([predictor])
    if tiles:
        from leadline.runtime.tiling import TiledPredictor

        predictor = TiledPredictor(predictor)

    glass = _tom(tom_mask, predictor, tom_colours, tom_merge, found)
    if tom is not None:
        glass = _tom_by_segmenter(tom, tom_classes, predictor, tom_colours, tom_merge)
    report = _Report(json, str(predictor.card.kind), predictor.card.kind.unit, len(found))
    make_camera = _field_of_view(focal_px, fov_deg)
    colours: Literal["fixed", "smooth"] = "fixed" if fixed_colours else "smooth"
    _predict_pictures(pictures, predictor, glass, out, options, make_camera, report)
    for item in found:
        if item.medium != "picture":
            steady = glass.for_video() if glass else predictor
            _predict_video(item, steady, out, video_options, smooth, colours, make_camera, report)
    report.close(out)
    return 1 if report.failed else 0


def _formats(write: str | None, default: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in (write or default).split(",") if name.strip()))


class _Report:
    """Says what becomes of each input: JSON lines on stdout, or words and a progress bar on stderr."""

    def __init__(self, as_json: bool, kind: str, unit: str, total: int) -> None:
        self.as_json, self.kind, self.unit, self.total = as_json, kind, unit, total
        self.done = self.failed = self.noted = 0
        self._bar: Any = None
        if total > 1 and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("predicting", total=total)
            self._bar.start()

    def add(self, path: Path, outputs: list[Path], seconds: float, error: str | None, notes: tuple[str, ...] = ()) -> None:
        from leadline.cli.progress import say

        self.done += error is None
        self.failed += error is not None
        self.noted += bool(notes)
        if self.as_json:
            import json

            row = {
                "path": str(path),
                "kind": self.kind if error is None else None,
                "unit": self.unit if error is None else None,
                "outputs": [str(output) for output in outputs],
                "seconds": round(seconds, 4),
                "error": error,
                "notes": list(notes),
            }
            print(json.dumps(row, ensure_ascii=False), flush=True)
        if error is not None:
            message = error if path.name in error else f"{path}: {error}"
            self._print(f"leadline: {message}")
        elif not self.as_json and (self.total <= 20):
            say(f"{path} -> {', '.join(str(output) for output in outputs)}  [{seconds:.2f} s]")
            for note in notes:
                say(f"leadline: {path}: {note}")
        if self._bar is not None:
            self._bar.advance(self._task)

    def close(self, out: Path) -> None:
        if self._bar is not None:
            self._bar.stop()
        unit = f"in {self.unit}" if self.unit else "no unit"
        noted = f", {self.noted} with notes (--json shows them)" if self.noted and self.total > 20 else ""
        text = f"{self.done} of {self.total} done, {self.failed} failed{noted}; {self.kind} ({unit}) in {out}"
        if not self.as_json or self.failed:
            self._print(text)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _print(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)


def _load(model: str, kind: str | None, engine: str, precision: str, *, throughput: bool) -> Predictor:
    from leadline.runtime.predictor import LoadRequest, load_predictor, predictor_sources

    def from_transformers(request: LoadRequest) -> Predictor | None:
        if "/" not in request.name:
            return None
        from leadline.models.hf import load_hf_predictor

        options = request.options
        return load_hf_predictor(request.name, kind=request.kind, precision=options.precision, device=options.device)

    predictor_sources.append(from_transformers)
    return load_predictor(model, kind=kind, engine=engine, precision=precision, throughput=throughput)


def _field_of_view(focal_px: float | None, fov_deg: float | None) -> Any:
    """Return a function from a picture's (height, width) to its camera, or None to use the file's own."""
    from leadline.camera import Camera

    if focal_px is not None:
        return lambda hw: Camera.from_focal_px(focal_px, hw)
    if fov_deg is not None:
        Camera.from_fov_deg(fov_deg, (100, 100))  # refuse a wrong angle before any picture is read
        return lambda hw: Camera.from_fov_deg(fov_deg, hw)
    return None


class _Tom:
    """The masks of glass and mirrors, None where the predictor finds them itself, and the predictor that heeds them.

    `least_px` is the longer side of a picture that finding them takes.
    """

    def __init__(self, predictor: TomPredictor, masks: MaskSource | None, least_px: int = 0) -> None:
        self.predictor, self.masks, self.least_px = predictor, masks, least_px

    def masked(self, item: Input, photo: Photo) -> Photo:
        from leadline.labels.tom_predictor import MaskedPhoto

        if self.masks is None:
            return photo
        surfaces = self.masks.read(item.path, item.stem)
        return MaskedPhoto(photo.pixels, photo.hw_full, photo.camera, None if surfaces is None else surfaces.regions)

    def predict(self, item: Input, photo: Photo) -> Prediction:
        return self.predictor.predict_photo(photo, item.stem.as_posix())

    def for_video(self) -> Predictor:
        """Return a predictor that applies the only mask to every frame, or finds one in each."""
        from leadline.labels.tom_predictor import TomPredictor

        if self.masks is None:
            return self.predictor
        surfaces = self.masks.read(self.masks.path, Path(self.masks.path.stem))
        assert surfaces is not None  # one mask for all
        tom = self.predictor
        return TomPredictor(tom.predictor, surfaces.regions, merge=tom.merge, options=tom.options)


def _tom(path: Path | None, predictor: Predictor, colours: int, merge: bool, found: list[Input]) -> _Tom | None:
    """Return what --tom-mask asks for.

    Raises:
        LeadlineError: no such masks, none of them is of a picture, or a folder of masks for a video.
    """
    if path is None:
        return None
    from leadline.data.mask_files import MaskSource
    from leadline.errors import LeadlineError
    from leadline.labels.tom_predictor import TomPredictor, at_inference

    masks = MaskSource(path)
    if not masks.is_for_all:
        if moving := next((item for item in found if item.medium != "picture"), None):
            raise LeadlineError(f"--tom-mask {path} for the {moving.medium} {moving.path}: expected one mask for all frames")
        if not any(masks.has(item.path, item.stem) for item in found):
            raise LeadlineError(f"--tom-mask {path} has no mask for any picture: expected {found[0].stem}.png or the like")
    return _Tom(TomPredictor(predictor, merge=merge, options=at_inference(colours)), masks)


def _tom_by_segmenter(name: str, classes: str | None, predictor: Predictor, colours: int, merge: bool) -> _Tom:
    """Return what --tom asks for."""
    from leadline.cli.segmenter import named_segmenter
    from leadline.labels.tom_predictor import TomPredictor, at_inference

    segmenter = named_segmenter(name, classes)
    tom = TomPredictor(predictor, segmenter.surfaces, merge=merge, options=at_inference(colours))
    return _Tom(tom, None, 2 * segmenter.card.input_size)


def _predict_pictures(
    pictures: list[Input],
    predictor: Predictor,
    tom: _Tom | None,
    out: Path,
    options: OutputOptions,
    make_camera: Any,
    report: _Report,
) -> None:
    from dataclasses import replace

    from leadline.io.image import read_image
    from leadline.runtime.outputs import write_outputs
    from leadline.runtime.pipeline import AnySizePredictor, run_pipeline

    reducible = isinstance(predictor, AnySizePredictor) and not options.needs_full_photo
    at_least = predictor.longer_side_needed() if reducible and isinstance(predictor, AnySizePredictor) else None
    if tom and at_least:
        at_least = max(at_least, tom.least_px)

    def read(item: Input) -> Photo:
        photo = read_image(item.path, at_least=at_least)
        camera: Camera | None = make_camera(photo.hw_full) if make_camera else photo.camera
        photo = replace(photo, camera=camera)
        return tom.masked(item, photo) if tom else photo

    def write(item: Input, photo: Photo, prediction: Prediction) -> tuple[list[Path], tuple[str, ...]]:
        return write_outputs(prediction.depth, photo.pixels, photo.camera, out, item.stem, options), prediction.notes

    predict = tom.predict if tom else None
    results = run_pipeline(pictures, predictor, write, read=read, predict=predict, full_size=options.needs_full_photo)
    try:
        for result in results:
            outputs, notes = result.value or ([], ())
            report.add(result.item.path, outputs, sum(result.seconds.values()), result.error, notes)
    except BaseException:
        report.stop()
        raise


def _predict_video(
    item: Input,
    predictor: Predictor,
    out: Path,
    options: OutputOptions,
    smooth: bool,
    colours: Literal["fixed", "smooth"],
    make_camera: Any,
    report: _Report,
) -> None:
    import time

    from leadline.cli.progress import say
    from leadline.errors import LeadlineError
    from leadline.runtime.video import predict_video

    start = time.perf_counter()
    try:
        outputs = predict_video(
            item.path, predictor, out / item.stem, options, smooth=smooth, colours=colours, make_camera=make_camera, say=say
        )
    except LeadlineError as error:
        report.add(item.path, [], time.perf_counter() - start, str(error))
    except BaseException:
        report.stop()
        raise
    else:
        report.add(item.path, outputs, time.perf_counter() - start, None)
