"""A stereo network in an ONNX file as a StereoPredictor, on ONNX Runtime."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import PIXEL_DISPARITY
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard
from leadline.runtime.engine import one_line
from leadline.runtime.onnx_header import read_metadata
from leadline.runtime.predictor import CARD_KEY, load_card
from leadline.runtime.sizing import resize_map, resize_picture
from leadline.runtime.stereo import StereoPrediction, check_pair, compare_views, make_prediction, mirrored

INPUTS = ("left", "right")
LEAST = 64  # pixels: smaller pictures are padded to it
# A network answers everywhere; what it says of a point and of its partner may differ so much and still be one surface.
LARGEST_DIFFERENCE_PX = 3.0


def is_stereo_file(path: Path) -> bool:
    """Whether an ONNX file's card, beside it or inside, says that it gives a pixel_disparity."""
    beside = path.with_suffix(".json")
    text = beside.read_text("utf-8") if beside.is_file() else read_metadata(path).get(CARD_KEY, "{}")
    try:
        return bool(json.loads(text).get("kind") == str(PIXEL_DISPARITY))
    except (json.JSONDecodeError, AttributeError):
        return False


class OnnxStereoPredictor:
    """A network with inputs ``left`` and ``right``, (n, 3, h, w) normalised by its card, and one (n, h, w) pixel_disparity.

    Pictures are padded at the right and at the bottom to the card's size multiple, both alike, by repeating the rim, and the
    map is cropped back. Pictures with a longer side than the card's `input_size` are shrunk first, and the disparities
    enlarged. A network answers for every pixel, also for those that one camera alone sees, so all finite answers are valid; the
    confidence comes from a second run on the mirrored pair, and is 0 where the two disagree.

    Args:
        path: the file; its card is beside it or inside it.
        check: do the second run, which doubles the time; without it the confidence is None.

    Raises:
        LeadlineError: the file can't be loaded, or is no stereo network.
    """

    def __init__(self, path: str | PathLike[str], *, check: bool = True) -> None:
        import onnxruntime

        self._path, self._check = Path(path), check
        self._card = load_card(self._path, kind=None)
        if self._card.kind != PIXEL_DISPARITY:
            raise LeadlineError(
                f"{self._path.name} gives {self._card.kind}: expected a stereo network's {PIXEL_DISPARITY}; "
                "networks of one picture are for leadline predict"
            )
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(self._path), settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no base but Exception
            raise LeadlineError(f"ONNX Runtime can't load {str(path)!r} ({one_line(error)}): export it again") from None
        names = tuple(port.name for port in self._session.get_inputs())
        if set(names) != set(INPUTS):
            raise LeadlineError(f"{self._path.name} takes {', '.join(names)}: expected the inputs left and right")

    @property
    def card(self) -> ModelCard:
        """Who it is and what its maps mean."""
        return self._card

    def __call__(self, left: NDArray[np.uint8], right: NDArray[np.uint8], camera: Camera | None = None) -> StereoPrediction:
        """Match a pair; see `leadline.runtime.stereo.StereoPredictor`.

        Raises:
            LeadlineError: the pictures are no pair, or the network fails on their size.
        """
        check_pair(left, right)
        hw = left.shape[0], left.shape[1]
        scale = min(1.0, self._card.input_size / max(hw))
        small = max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))
        if small != hw:
            left, right = resize_picture(left, small), resize_picture(right, small)
        values = self._run(left, right)
        valid = np.isfinite(values)
        notes = () if valid.all() else ("some of the network's numbers are not finite: those pixels are not valid",)
        confidence = None
        if self._check:
            back = mirrored(self._run(mirrored(right), mirrored(left)))
            confidence = compare_views(values, back, valid, np.isfinite(back), LARGEST_DIFFERENCE_PX).confidence
        if small != hw:
            values = resize_map(np.where(valid, values, np.float32(0)), hw) * np.float32(hw[1] / small[1])
            valid = resize_map(valid.astype(np.float32), hw) > 1 - 1e-6
            confidence = None if confidence is None else resize_map(confidence, hw)
        return make_prediction(self._card, values, valid, confidence, camera, notes)

    def _run(self, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = left.shape[:2]
        multiple = self._card.size_multiple
        padded = [max(LEAST, -(-side // multiple) * multiple) for side in (height, width)]
        feed = {name: self._planes(view, padded) for name, view in zip(INPUTS, (left, right), strict=True)}
        try:
            output: Any = self._session.run(None, feed)[0]
        except Exception as error:  # see above
            raise LeadlineError(
                f"{self._path.name} failed on a pair of {width} x {height} ({one_line(error)}): give smaller pictures"
            ) from None
        if output.shape != (1, *padded):
            raise LeadlineError(f"{self._path.name} gave a map of shape {output.shape}: expected {(1, *padded)}")
        return np.ascontiguousarray(output[0, :height, :width], dtype=np.float32)

    def _planes(self, picture: NDArray[np.uint8], padded: list[int]) -> NDArray[np.float32]:
        margins = [(0, whole - side) for whole, side in zip(padded, picture.shape, strict=False)]
        wide = np.pad(picture, [*margins, (0, 0)], mode="edge").astype(np.float32)
        mean, std = (np.array(numbers, np.float32) for numbers in (self._card.mean, self._card.std))
        return np.ascontiguousarray(((wide - mean) / std).transpose(2, 0, 1)[None])
