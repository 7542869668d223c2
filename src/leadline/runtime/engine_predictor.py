"""A running network as a Predictor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction
from leadline.runtime.engine import Engine
from leadline.runtime.sizing import fitted_hw, network_hw, network_input, resize_map

# Pictures in one call of the network. More gain nothing on a CPU and cost memory.
MOST_IN_A_BATCH = 8


class _Size(NamedTuple):
    """The size that a picture gets, and that of the input in whose top-left corner it lies."""

    picture_hw: tuple[int, int]
    frame_hw: tuple[int, int]


class EnginePredictor:
    """A network on an engine.

    Pictures keep their aspect ratio: see `leadline.runtime.sizing.network_hw`. A network that allows one size only gets the
    picture fitted into it, its last row and column repeated into the rest, and the map cropped accordingly. Maps come back
    at the picture's size, bilinear between half-pixel centres. May be called from several threads.

    When the answer in bf16 arithmetic is not finite, the fp32 engine takes over, once and for all; predictions say so in
    their notes.

    Attributes:
        engine: what runs the network.

    Args:
        engine: see there.
        card: what the network wants and what its map means.
        make_exact: returns the engine at fp32, if `engine` is at less.
    """

    def __init__(self, engine: Engine, card: ModelCard, make_exact: Callable[[], Engine] | None = None) -> None:
        self.engine = engine
        self._card = card
        self._make_exact = make_exact
        self._notes: tuple[str, ...] = ()
        self._lock = Lock()

    @property
    def card(self) -> ModelCard:
        """Who the network is and what its maps mean."""
        return self._card

    @property
    def streams(self) -> int:
        """How many calls run at the same time without waiting for each other."""
        return self.engine.streams

    def longer_side_needed(self) -> int:
        """Return how many pixels of a picture's longer side the network can make use of, for decoding at a reduced size.

        Where the card does not speak of that side it is twice `input_size`: enough for pictures twice as long as wide, or four
        times where it speaks of the area.
        """
        if self.engine.input_hw is not None:
            return max(self.engine.input_hw)
        return self._card.input_size * (1 if self._card.resize_side == "longer" else 2)

    def __call__(
        self, image: NDArray[np.uint8], camera: Camera | None = None, *, output_hw: tuple[int, int] | None = None
    ) -> Prediction:
        """Predict the map of one picture.

        Args:
            image: (h, w, 3) uint8 sRGB.
            camera: the picture's, kept in the map; at the size of the picture or of the map.
            output_hw: the map's size; that of the picture by default. For pictures that were decoded at a reduced size.

        Raises:
            LeadlineError: the picture has another shape or type, or the network can't take its size.
        """
        return self.predict_many([image], [camera], [output_hw])[0]

    def predict_many(
        self,
        images: Sequence[NDArray[np.uint8]],
        cameras: Sequence[Camera | None] | None = None,
        output_hws: Sequence[tuple[int, int] | None] | None = None,
    ) -> list[Prediction]:
        """Predict the maps of several pictures, those of one network size in batches; see `__call__`."""
        for image in images:
            check_picture(image)
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        wanted = [hw or size for hw, size in zip(output_hws or [None] * len(images), sizes, strict=True)]
        groups: dict[_Size, list[int]] = defaultdict(list)
        for index, hw in enumerate(wanted):  # of the whole picture: a reduced one is rounded
            groups[self._size(hw)].append(index)
        predictions: dict[int, Prediction] = {}
        for size, members in groups.items():
            for start in range(0, len(members), MOST_IN_A_BATCH):
                part = members[start : start + MOST_IN_A_BATCH]
                batch = np.stack([network_input(images[i], size.picture_hw, self._card, size.frame_hw) for i in part])
                for index, values in zip(part, self._run(batch), strict=True):
                    camera = cameras[index] if cameras else None
                    predictions[index] = self._prediction(values, size, camera, wanted[index])
        return [predictions[index] for index in range(len(images))]

    def _size(self, hw: tuple[int, int]) -> _Size:
        frame = self.engine.input_hw
        if frame is not None:
            return _Size(fitted_hw(hw, frame), frame)
        free = network_hw(hw, self._card)
        return _Size(free, free)

    def _run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        engine = self.engine
        maps = engine.run(batch)
        if engine.precision == "fp32" or self._make_exact is None or np.isfinite(maps).all():
            return maps
        with self._lock:
            if self.engine is engine:  # else another thread has been here
                self.engine = self._make_exact()
                self._notes = (f"{engine.precision} arithmetic gave numbers that are not finite: fp32 was used instead",)
        return self.engine.run(batch)

    def _prediction(self, values: NDArray[np.float32], size: _Size, camera: Camera | None, hw: tuple[int, int]) -> Prediction:
        if size.picture_hw != size.frame_hw:  # the map may be smaller than the input: crop the same share of it
            sides = zip(values.shape, size.picture_hw, size.frame_hw, strict=True)
            rows, columns = (max(1, round(n * part / whole)) for n, part, whole in sides)
            values = values[:rows, :columns]
        finite = np.isfinite(values)
        notes = self._notes
        if finite.all():
            valid = None
            resized = resize_map(values, hw)
        else:  # a pixel is valid where all that it was mixed from is
            valid = resize_map(finite.astype(np.float32), hw) > 1 - 1e-6
            resized = resize_map(np.where(finite, values, np.float32(0)), hw)
            notes = (*notes, "some of the network's numbers are not finite: those pixels are not valid")
        if camera is not None and camera.hw != hw:
            camera = camera.resize(hw)
        return Prediction(DepthMap(resized, valid, self._card.kind, camera, self._card.name), notes=notes)


def check_picture(image: Any) -> None:
    """Raise LeadlineError unless it is an (h, w, 3) uint8 array."""
    if not isinstance(image, np.ndarray):
        found = type(image).__name__
    elif image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
        return
    else:
        found = f"{image.dtype} {image.shape}"
    raise LeadlineError(f"a picture of {found}: expected a NumPy array (height, width, 3) of uint8; see leadline.read_image")
