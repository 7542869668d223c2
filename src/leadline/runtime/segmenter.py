"""From a picture to where its glass, mirrors and sky are: segmenters by name, from ONNX files or other sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.runtime.engine import one_line
from leadline.runtime.engine_predictor import check_picture
from leadline.runtime.onnx_header import read_metadata
from leadline.runtime.predictor import CARD_KEY, weights_folder
from leadline.runtime.segmenter_card import CLASSES, MIRROR, OPAQUE, SKY, TRANSPARENT, SegmenterCard, is_segmenter_card
from leadline.runtime.sizing import network_hw, network_input, resize_map

DEFAULT_SEGMENTER = "leadline-tom-seg.v1"
SURE = 0.7
SMALLEST_SKY = 0.002  # of the picture
AUTO = "auto"  # on the command line: the default
HF = "hf:"


class ClassEngine(Protocol):
    """A network of classes that is ready to run. Calls from several threads at once are allowed."""

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, 4, h', w') probabilities of an (n, 3, h, w) batch of normalised pictures."""
        ...


class Segmenter:
    """Says of each pixel whether it is opaque, transparent, a mirror or sky.

    Attributes:
        card: who it is and what its network wants.
    """

    def __init__(self, engine: ClassEngine, card: SegmenterCard) -> None:
        self._engine, self.card = engine, card

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the likeliest class of each pixel, (h, w) numbers of `CLASSES`.

        Args:
            picture: (h, w, 3) uint8 sRGB.

        Raises:
            LeadlineError: the picture has another shape or type, or the network can't take its size.
        """
        small = self._run(picture)
        hw = picture.shape[0], picture.shape[1]
        best, likeliest = resize_map(small[0], hw), np.zeros(hw, np.uint8)
        for index in range(1, len(CLASSES)):  # one map after the other: four of a large photo would fill the memory
            probability = resize_map(small[index], hw)
            likeliest[probability > best] = index
            np.maximum(best, probability, out=best)
        return likeliest

    def probabilities(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the (4, h, w) probability of each class; they add up to 1."""
        small = self._run(picture)
        return np.stack([resize_map(plane, (picture.shape[0], picture.shape[1])) for plane in small])

    def surfaces(self, picture: NDArray[np.uint8], sure: float = SURE) -> NDArray[np.uint8]:
        """Return the (h, w) material of each pixel, a mask for `TomPredictor`: 0 opaque or sky, 1 transparent, 2 mirror.

        Args:
            picture: see above.
            sure: probability of glass and mirrors together above which a pixel is marked. What is painted by mistake costs more
                than what is missed gains (docs/how-to/glass.md).
        """
        small = self._run(picture)
        hw = picture.shape[0], picture.shape[1]
        marked = resize_map(small[TRANSPARENT] + small[MIRROR], hw) > sure
        mirror = resize_map(small[MIRROR] - small[TRANSPARENT], hw) > 0
        return np.where(marked, np.where(mirror, MIRROR, TRANSPARENT), OPAQUE).astype(np.uint8)

    def sky(self, picture: NDArray[np.uint8], smallest: float = SMALLEST_SKY) -> NDArray[np.bool_]:
        """Return the (h, w) mask of the sky.

        Args:
            picture: see above.
            smallest: share of the picture under which a region is no sky but a speck, as on bright walls.
        """
        import cv2

        sky = self(picture) == SKY
        _, regions, found, _ = cv2.connectedComponentsWithStats(sky.astype(np.uint8), connectivity=8)
        large = found[:, cv2.CC_STAT_AREA] >= smallest * sky.size
        large[0] = False  # what is no sky
        kept: NDArray[np.bool_] = large[regions]
        return kept

    def _run(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        check_picture(picture)
        hw = network_hw((picture.shape[0], picture.shape[1]), self.card)
        found = self._engine.run(network_input(picture, hw, self.card)[None])
        if found.ndim != 4 or found.shape[:2] != (1, len(CLASSES)):
            raise LeadlineError(
                f"{self.card.name} gave an output of shape {found.shape}: expected {len(CLASSES)} classes, "
                f"(1, {len(CLASSES)}, h, w); is it a network that leadline exported?"
            )
        probabilities: NDArray[np.float32] = found[0]
        return probabilities


class OnnxClassEngine:
    """An ONNX file with one input ``image`` and one output of probabilities, on ONNX Runtime.

    Raises:
        LeadlineError: the file can't be loaded, or has other inputs or another number of classes.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 3
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no base but Exception
            raise LeadlineError(f"ONNX Runtime can't load {str(path)!r} ({one_line(error)}): export it again") from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        classes = outputs[0].shape[1] if len(outputs) == 1 and len(outputs[0].shape) == 4 else None
        if len(inputs) != 1 or classes != len(CLASSES):
            found = f"{len(inputs)} inputs and {len(outputs)} outputs, the first {outputs[0].shape}"
            raise LeadlineError(
                f"{path.name} has {found}: expected one picture and one output (n, {len(CLASSES)}, h, w), "
                f"the probabilities of {', '.join(CLASSES)}"
            )
        self._path, self._input = path, inputs[0].name

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `ClassEngine`."""
        try:
            found: Any = self._session.run(None, {self._input: batch})[0]
        except Exception as error:  # see above
            raise LeadlineError(
                f"{self._path.name} failed on an input of {batch.shape} ({one_line(error)}): "
                "give its card the right input_size and size_multiple"
            ) from None
        return np.asarray(found, dtype=np.float32)


# Other places to get a segmenter from, asked in turn for names that are neither shipped nor an ONNX file; they get the name and
# the classes of its labels. The command line adds transformers' networks here; nothing here imports torch.
segmenter_sources: list[Callable[[str, Mapping[str, int] | None], Segmenter | None]] = []


def load_segmenter(name: str | PathLike[str] = DEFAULT_SEGMENTER, *, labels: Mapping[str, int] | None = None) -> Segmenter:
    """Load a segmenter, ready to be called.

    Args:
        name: ``"leadline-tom-seg.v1"``, which ships with leadline, or "auto" for the same; an ONNX file that leadline exported;
            or whatever `segmenter_sources` know: ``"hf:owner/name"``.
        labels: of a network of transformers: which of its labels are transparent (1), a mirror (2) or sky (3).

    Raises:
        LeadlineError: no such segmenter, a damaged file, one of other classes, or labels for a segmenter that needs none.
    """
    text = DEFAULT_SEGMENTER if str(name) == AUTO else str(name)
    for source in segmenter_sources:
        segmenter = source(text, labels)
        if segmenter is not None:
            return segmenter
    if labels is not None:
        raise LeadlineError(f"classes of labels for {text}, which knows {', '.join(CLASSES)}: leave them out")
    path = _find(text)
    card = load_segmenter_card(path)
    return Segmenter(OnnxClassEngine(path), card)


def load_segmenter_card(path: Path) -> SegmenterCard:
    """Return the card of a segmenter's ONNX file: the JSON file beside it, else that in its metadata.

    Raises:
        LeadlineError: the file is missing or damaged, is not that of its card, or has no card of a segmenter.
    """
    metadata = read_metadata(path)
    beside = path.with_suffix(".json")
    text = beside.read_text("utf-8") if beside.is_file() else metadata.get(CARD_KEY, "")
    if not is_segmenter_card(text):
        raise LeadlineError(f"{path.name} is no segmenter of {', '.join(CLASSES)}: expected a file that leadline export wrote")
    card = SegmenterCard.from_json(text)
    if card.sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != card.sha256:
        raise LeadlineError(f"{str(path)!r} is not the file of its card (another sha256): install or download it again")
    return card


def list_segmenters() -> list[tuple[SegmenterCard, Path]]:
    """Return the card and the file of every segmenter that ships with the package, by name."""
    found = []
    for path in sorted(weights_folder().glob("*.onnx")):
        text = path.with_suffix(".json").read_text("utf-8")
        if is_segmenter_card(text):
            found.append((SegmenterCard.from_json(text), path))
    return found


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix.lower() == ".onnx" or path.is_file():
        return path
    if name.startswith(HF) or "/" in name:
        raise LeadlineError(
            f"no file {name!r}, and networks of transformers are loaded by the command line or by "
            "leadline.models.hf_segmenter: pip install 'leadline[train]', or give an .onnx file"
        )
    shipped = list_segmenters()
    fits = [file for card, file in shipped if name in (card.name, card.name.rpartition(".")[0])]
    if fits:
        return fits[-1]
    if name == DEFAULT_SEGMENTER:
        raise LeadlineError(
            f"the weights of {name} are not in this install: train them (leadline train tom_segmenter; leadline export), or "
            "give an .onnx file, hf:OWNER/NAME or masks"
        )
    known = ", ".join(card.name for card, _ in shipped) or "none are shipped"
    raise LeadlineError(f"no segmenter {name!r}: expected one of those shipped ({known}), an .onnx file or hf:OWNER/NAME")
