"""Video in and out through PyAV, and webcams. Sound is dropped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write

VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".mts", ".m2ts", ".3gp", ".flv",
)  # fmt: skip

# Best first; builds of FFmpeg without x264 exist for their licence's sake.
_CODECS = ("libx264", "libopenh264", "h264_videotoolbox", "mpeg4")
# MPEG-4 allows no more than 65,535; a multiple of 24, 25, 30 and 60.
_TICKS_PER_SECOND = 60_000
# ITU-T H.273 codes.
_BT709, _UNSPECIFIED, _LIMITED_RANGE = 1, 2, 1
# Players and encoders take untagged video of at least this height for BT.709, smaller for BT.601.
_HD_HEIGHT = 720


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One picture of a video.

    Attributes:
        index: 0 for the first.
        time_s: when it is shown, in seconds after the first.
        pixels: (h, w, 3) uint8 RGB, upright.
    """

    index: int
    time_s: float
    pixels: NDArray[np.uint8]


class VideoReader:
    """The frames of a video file, upright (rotation metadata applied), with their own times (variable rates are kept).

    May be iterated several times; each pass opens the file anew.

    Attributes:
        hw: height and width in pixels, upright.
        fps: average frames a second.
        frame_count: as the file's header says; None where it doesn't, and not to be relied on.

    Raises:
        LeadlineError: the file is missing, no video, or has no frames; while iterating: it is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with _Opened(self.path) as (_, stream):
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            self.fps = float(rate)
            self.frame_count: int | None = stream.frames or None
        first = next(iter(self), None)
        if first is None:
            raise LeadlineError(f"{str(self.path)!r} has no frames: expected a video with at least one picture")
        self.hw: tuple[int, int] = (first.pixels.shape[0], first.pixels.shape[1])

    def __iter__(self) -> Iterator[VideoFrame]:
        """Decode the frames in the order they are shown."""
        import av

        with _Opened(self.path) as (container, stream):
            stream.thread_type = "AUTO"
            start: float | None = None
            try:
                for index, frame in enumerate(container.decode(stream)):
                    time_s = index / self.fps if frame.time is None else frame.time
                    start = time_s if start is None else start
                    yield VideoFrame(index, time_s - start, _upright_rgb(frame))
            except av.FFmpegError as error:
                raise LeadlineError(
                    f"{str(self.path)!r} is damaged ({error.strerror}): its frames can't all be decoded"
                ) from None


class _Opened:
    """The container and video stream of a file, open within a block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple[Any, Any]:
        import av

        try:
            self._container = av.open(str(self._path))
        except (av.FFmpegError, OSError) as error:
            reason = error.strerror or type(error).__name__
            raise LeadlineError(
                f"can't read the video {str(self._path)!r} ({reason}): expected a file such as .mp4 or .mov"
            ) from None
        if not self._container.streams.video:
            self._container.close()
            raise LeadlineError(f"{str(self._path)!r} has no pictures in it: expected a video, not sound or an empty recording")
        return self._container, self._container.streams.video[0]

    def __exit__(self, *error: object) -> None:
        self._container.close()


def _upright_rgb(frame: Any) -> NDArray[np.uint8]:
    untagged_hd = frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT
    pixels = frame.to_ndarray(format="rgb24", **({"src_colorspace": "ITU709"} if untagged_hd else {}))
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            # Columns (a, c) and (b, d) of the matrix: x' = a x + c y, y' = b x + d y, in multiples of quarter turns and flips.
            a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5]
            swapped = abs(c) > abs(a)
            if swapped:
                pixels = pixels.swapaxes(0, 1)
            if (c if swapped else a) < 0:
                pixels = pixels[:, ::-1]
            if (b if swapped else d) < 0:
                pixels = pixels[::-1]
    upright: NDArray[np.uint8] = np.ascontiguousarray(pixels)
    return upright


class VideoWriter:
    """Writes RGB frames as H.264 (MPEG-4 where FFmpeg has no H.264 encoder), yuv420p, BT.709; use it in a ``with`` block.

    The file appears under its name when the block ends well and not at all when it fails.

    Attributes:
        codec: FFmpeg's name of the encoder.
        notes: what is not as asked: an odd height or width is made even by repeating the last row or column.

    Args:
        path: its suffix chooses the container.
        fps: nominal frames a second.
        hw: height and width of the frames in pixels.
        crf: constant rate factor of x264; lower is better and larger.

    Raises:
        LeadlineError: an unknown suffix, a size that can't be encoded, or a folder that can't be written.
    """

    def __init__(self, path: str | os.PathLike[str], fps: float, hw: tuple[int, int], *, crf: int = 18) -> None:
        import av

        if not 0 < fps <= 1000 or min(hw) < 1:
            raise LeadlineError(f"a video of {hw[1]} x {hw[0]} at {fps:g} frames a second: expected a size and rate above 0")
        self.path = Path(path)
        self.codec = next((name for name in _CODECS if name in av.codec.codecs_available), "mpeg4")
        height, width = hw
        self._hw = hw
        self._even_hw = (height + height % 2, width + width % 2)
        self.notes: tuple[str, ...] = ()
        if self._even_hw != hw:
            self.notes = (f"{width} x {height} was made {self._even_hw[1]} x {self._even_hw[0]}: the codec needs even sizes",)
        self._fps = Fraction(fps).limit_denominator(1001)
        self._crf = crf
        self._last_tick = -1
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        import av

        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_write(self.path))
            try:
                self._container = stack.enter_context(av.open(str(temporary), "w"))
                options = {"crf": str(self._crf), "preset": "veryfast"} if self.codec == "libx264" else {}
                stream: Any = self._container.add_stream(self.codec, rate=self._fps, options=options)
            except (av.FFmpegError, ValueError) as error:
                raise self._failed(error) from None
            stream.height, stream.width = self._even_hw
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.time_base = Fraction(1, _TICKS_PER_SECOND)
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED_RANGE
            self._stream = stream
            self._stack = stack.pop_all()
        return self

    def write(self, pixels: NDArray[np.uint8], time_s: float | None = None) -> None:
        """Append an (h, w, 3) uint8 RGB frame, shown at `time_s` after the first (by default at the nominal rate).

        Raises:
            LeadlineError: the frame has another size, or comes before its predecessor.
        """
        import av

        if pixels.shape != (*self._hw, 3) or pixels.dtype != np.uint8:
            raise LeadlineError(
                f"a video frame of {pixels.dtype} {pixels.shape}: expected uint8 {(*self._hw, 3)}, as the first"
            )
        step = int(_TICKS_PER_SECOND / self._fps)
        tick = round(time_s * _TICKS_PER_SECOND) if time_s is not None else max(0, self._last_tick + step)
        if self._last_tick < 0 and time_s is None:
            tick = 0
        if tick <= self._last_tick:
            raise LeadlineError(
                f"a video frame at {time_s} s: expected a time after {self._last_tick / _TICKS_PER_SECOND:.3f} s"
            )
        self._last_tick = tick
        bottom, right = self._even_hw[0] - self._hw[0], self._even_hw[1] - self._hw[1]
        even = (
            np.pad(pixels, ((0, bottom), (0, right), (0, 0)), mode="edge") if bottom or right else np.ascontiguousarray(pixels)
        )
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        frame.pts, frame.time_base = tick, Fraction(1, _TICKS_PER_SECOND)
        self._encode(frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:  # renames the file, or removes it if finishing fails
            self._finish()

    def _finish(self) -> None:
        import av

        if self._last_tick < 0:
            raise LeadlineError(f"no frames for {str(self.path)!r}: a video needs at least one")
        self._encode(None)
        try:
            self._container.close()  # writes the index; a full disk shows here
        except av.FFmpegError as error:
            raise self._failed(error) from None

    def _encode(self, frame: Any) -> None:
        import av

        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, ValueError) as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> LeadlineError:
        reason = getattr(error, "strerror", None) or error
        return LeadlineError(
            f"can't write the video {str(self.path)!r} ({reason}): try a name ending in .mp4, or another folder"
        )


def iter_camera(index: int, *, hw: tuple[int, int] | None = None) -> Iterator[VideoFrame]:
    """Yield the frames of a webcam until it is unplugged or the caller stops.

    Args:
        index: 0 for the first camera.
        hw: the size to ask for; the camera may give another.

    Raises:
        LeadlineError: there is no such camera.
    """
    import time

    import cv2

    # OpenCV would print a warning for each way in which it failed to open the camera.
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(index)
    finally:
        cv2.utils.logging.setLogLevel(before)
    if not capture.isOpened():
        raise LeadlineError(f"no camera {index}: expected the number of a webcam that is plugged in and free, usually 0")
    try:
        if hw is not None:
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, hw[0])
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, hw[1])
        start, frame_index = time.monotonic(), 0
        while True:
            good, pixels = capture.read()
            if not good:
                return
            rgb = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            yield VideoFrame(frame_index, time.monotonic() - start if frame_index else 0.0, rgb)
            frame_index += 1
    finally:
        capture.release()
