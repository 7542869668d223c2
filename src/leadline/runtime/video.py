"""Depth of videos and webcams: steady scale, steady colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.image import Photo
from leadline.io.preview import colourise, robust_range
from leadline.io.video import VideoFrame, VideoReader, VideoWriter, iter_camera
from leadline.predictor import Predictor
from leadline.runtime.outputs import OutputOptions, write_outputs
from leadline.runtime.pipeline import run_pipeline
from leadline.runtime.sizing import resize_picture
from leadline.runtime.stabilise import CutDetector, RangeSmoother, ScaleSmoother

# Frames that a first pass looks at for a fixed colour range.
_RANGE_FRAMES = 16
_WEBCAM_FPS = 30.0


@dataclass(frozen=True, eq=False)
class DepthFrame:
    """One frame with its map.

    Attributes:
        frame: as read.
        depth: (h, w) map of the frame.
        value_range: (low, high) for its colours, in the map's own numbers.
        cut: whether a new scene begins here.
    """

    frame: VideoFrame
    depth: DepthMap
    value_range: tuple[float, float]
    cut: bool


def iter_depth(
    frames: Iterable[VideoFrame],
    predictor: Predictor,
    *,
    smooth: bool = True,
    value_range: tuple[float, float] | None = None,
    make_camera: Callable[[tuple[int, int]], Camera] | None = None,
) -> Iterator[DepthFrame]:
    """Predict the maps of frames, in their order, several at a time; memory is O(threads) frames.

    Args:
        frames: of a `VideoReader` or `iter_camera`.
        predictor: of any kind.
        smooth: fit each frame's scale and shift to the frames before; scenes start afresh.
        value_range: of the colours; None for a smoothed one.
        make_camera: the camera of frames of a size (height, width), if it is known.

    Raises:
        LeadlineError: a frame can't be decoded or predicted.
    """

    def read(frame: VideoFrame) -> Photo:
        hw = frame.pixels.shape[0], frame.pixels.shape[1]
        return Photo(frame.pixels, hw, make_camera(hw) if make_camera else None)

    is_cut, scale, colours = CutDetector(), ScaleSmoother(), RangeSmoother()
    before_s = 0.0
    results = run_pipeline(frames, predictor, lambda _, __, prediction: prediction.depth, read=read, ahead=1)
    for result in results:
        frame, depth = result.item, result.value
        if depth is None:
            raise LeadlineError(f"frame {frame.index}: {result.error}")
        step_s, before_s = frame.time_s - before_s, frame.time_s
        cut = is_cut(frame.pixels)
        if cut:
            scale.reset()
            colours.reset()
        if smooth:
            depth = scale(depth, step_s)
        yield DepthFrame(frame, depth, value_range or colours(depth, step_s), cut)


def predict_video(
    source: str | PathLike[str],
    predictor: Predictor,
    stem: Path,
    options: OutputOptions | None = None,
    *,
    smooth: bool = True,
    colours: Literal["smooth", "fixed"] = "smooth",
    make_camera: Callable[[tuple[int, int]], Camera] | None = None,
    say: Callable[[str], None] = lambda _: None,
    on_frame: Callable[[DepthFrame], None] = lambda _: None,
) -> list[Path]:
    """Write the depth of a video or webcam: a preview video and, if asked for, files for each frame.

    The preview (``stem.preview.mp4``) appears whole or not at all; the other formats make a folder ``stem/`` with
    ``000000.npz``, ``000001.npz`` and so on. A webcam is recorded until Ctrl-C, which ends its preview properly.

    Args:
        source: a video file, or the number of a webcam.
        predictor: of any kind.
        stem: path of the outputs without suffix.
        options: formats ("preview" and those of pictures), colour map and range.
        smooth: fit each frame's scale and shift to the frames before.
        colours: "smooth" follows the scene slowly; "fixed" looks at some frames of the video first. `options.value_range` wins.
        make_camera: the camera of frames of a size (height, width), if it is known.
        say: is told in sentences what is not as asked.
        on_frame: is told of each frame that is done.

    Returns:
        The preview and the folder of frames, as far as they were asked for.

    Raises:
        LeadlineError: the source can't be read, a frame can't be predicted, or an output can't be written.
    """
    options = options or OutputOptions(("preview",))
    webcam = str(source).isdecimal() and not Path(source).exists()
    frames: Iterable[VideoFrame] = iter_camera(int(str(source))) if webcam else VideoReader(source)
    value_range = options.value_range
    fps = _WEBCAM_FPS
    if isinstance(frames, VideoReader):
        fps = frames.fps
        if colours == "fixed" and value_range is None:
            value_range = _range_of_some(frames, predictor)
    elif colours == "fixed" and value_range is None:
        raise LeadlineError("a webcam has no fixed colour range to be found beforehand: give --range, or leave colours smooth")
    formats = tuple(name for name in options.formats if name != "preview")
    preview = stem.with_name(stem.name + ".preview.mp4") if "preview" in options.formats else None
    with ExitStack() as stack:
        writer: VideoWriter | None = None
        try:
            for done in iter_depth(frames, predictor, smooth=smooth, value_range=value_range, make_camera=make_camera):
                if preview is not None:
                    picture = _preview(done, options)
                    if writer is None:
                        writer = stack.enter_context(VideoWriter(preview, fps, (picture.shape[0], picture.shape[1])))
                        for note in writer.notes:
                            say(note)
                    writer.write(picture, done.frame.time_s)
                if formats:
                    name = Path(f"{done.frame.index:06d}")
                    write_outputs(done.depth, done.frame.pixels, None, stem, name, replace(options, formats=formats))
                on_frame(done)
        except KeyboardInterrupt:
            if not webcam:
                raise
    return [*([preview] if preview else []), *([stem] if formats else [])]


def _preview(done: DepthFrame, options: OutputOptions) -> NDArray[np.uint8]:
    picture = colourise(done.depth, colormap=options.colormap, value_range=done.value_range)
    if not options.side_by_side:
        return picture
    return np.concatenate([resize_picture(done.frame.pixels, done.depth.hw), picture], axis=1)


def _range_of_some(reader: VideoReader, predictor: Predictor) -> tuple[float, float]:
    """Return the range of the maps of some frames, evenly spread over a video."""
    count = reader.frame_count or sum(1 for _ in reader)
    every = max(1, count // _RANGE_FRAMES)
    ranges = [robust_range(predictor(frame.pixels).depth) for frame in reader if frame.index % every == 0]
    return min(low for low, _ in ranges), max(high for _, high in ranges)
