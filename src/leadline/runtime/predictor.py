"""From a network's name to a Predictor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from os import PathLike
from pathlib import Path

from leadline.depth_map import Kind
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Predictor
from leadline.runtime.engine import EngineOptions
from leadline.runtime.onnx_header import read_metadata
from leadline.runtime.onnx_predictor import OnnxPredictor
from leadline.runtime.segmenter_card import is_segmenter_card
from leadline.runtime.window import in_its_window

DEFAULT_MODEL = "leadline-s"
# Where an ONNX file holds its card, as JSON.
CARD_KEY = "leadline_card"
# What most public depth networks were trained with; stands in when a file comes without a card.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class LoadRequest:
    """What the user asked for, as a predictor source sees it.

    Attributes:
        name: what was given for the model.
        kind: what its numbers mean if it doesn't say itself, or None.
        options: engine, precision and device; a source may not know the engine.
    """

    name: str
    kind: Kind | None
    options: EngineOptions


# Other places to get a predictor from, asked in turn for names that are neither shipped nor an ONNX file. A source returns
# None for names that are not its business. The command line adds transformers' networks here; nothing here imports torch.
predictor_sources: list[Callable[[LoadRequest], Predictor | None]] = []


def load_predictor(
    name: str | PathLike[str] = DEFAULT_MODEL,
    *,
    kind: Kind | str | None = None,
    engine: str = "auto",
    precision: str = "auto",
    device: str | None = None,
    throughput: bool = False,
) -> Predictor:
    """Load a network by name, ready to be called.

    Args:
        name: one that `list_models` gives, or an ONNX file, or a leadline server's address (``"http://HOST:PORT"``, with
            ``#MODEL`` for one of its models), or whatever `predictor_sources` know (``"owner/name"``).
        kind: what an ONNX file's numbers mean, ``"disparity/affine_invariant"``; needed if the file has no card, and
            believed over the card. A card is read from the JSON file beside it, else from its metadata.
        engine: "auto", "openvino" or "onnxruntime".
        precision: "auto" (fp32), "fp32" or "bf16".
        device: None for automatic, "cpu", "cuda", ...: see `leadline.runtime.engine.EngineOptions`.
        throughput: for many pictures through `leadline.runtime.pipeline`: several at once, on few threads each.

    Raises:
        LeadlineError: no such network, a damaged file, a file that is no depth network, or an engine that is not here.
    """
    asked = Kind.parse(kind) if isinstance(kind, str) else kind
    if _is_address(name):
        return _at_server(str(name), asked)
    options = EngineOptions(engine, precision, device, throughput)
    path = _find(name)
    if path is not None:
        return in_its_window(OnnxPredictor(path, _card(path, asked), options))
    request = LoadRequest(str(name), asked, options)
    for source in predictor_sources:
        predictor = source(request)
        if predictor is not None:
            return in_its_window(predictor)
    raise _unknown(str(name))


def load_card(name: str | PathLike[str], *, kind: Kind | str | None = None) -> ModelCard:
    """Return the card of a shipped network, an ONNX file or a server's model without loading it; see `load_predictor`."""
    if _is_address(name):
        return _at_server(str(name), Kind.parse(kind) if isinstance(kind, str) else kind).card
    path = _find(name)
    if path is None:
        raise _unknown(str(name))
    return _card(path, Kind.parse(kind) if isinstance(kind, str) else kind)


def list_models() -> list[tuple[ModelCard, Path]]:
    """Return the card and the file of every depth network that ships with the package, by name.

    Segmenters lie beside them: `leadline.runtime.segmenter.list_segmenters`.
    """
    found = [(path.with_name(f"{path.stem}.json").read_text("utf-8"), path) for path in sorted(weights_folder().glob("*.onnx"))]
    return [(ModelCard.from_json(text), path) for text, path in found if not is_segmenter_card(text)]


def find_shipped(name: str) -> Path | None:
    """Return the ONNX file of a network that ships with the package, None if none has the name.

    Args:
        name: with its tag, ``"leadline-s.v1"``, or without, ``"leadline-s"``, for the last one.
    """
    files = sorted(weights_folder().glob("*.onnx"))
    shipped = [file for file in files if name in (file.stem, file.stem.rpartition(".")[0])]
    return shipped[-1] if shipped else None


def weights_folder() -> Path:
    """Return the folder of the networks that ship with the package."""
    return Path(str(resources.files("leadline"))) / "weights"


def _is_address(name: str | PathLike[str]) -> bool:
    return str(name).startswith(("http://", "https://"))


def _at_server(address: str, kind: Kind | None) -> Predictor:
    """Return the client of a server that is there, and says that it has the model."""
    from leadline.client.client import DepthClient

    client = DepthClient.from_address(address)
    if kind not in (None, client.card.kind):
        raise LeadlineError(f"--kind {kind} for {address}, whose maps are {client.card.kind}: leave it out")
    return client


def _find(name: str | PathLike[str]) -> Path | None:
    """Return the ONNX file that a name stands for, or None."""
    path = Path(name)
    return path if path.suffix.lower() == ".onnx" or path.is_file() else find_shipped(str(name))


def _unknown(name: str) -> LeadlineError:
    shipped = ", ".join(card.name for card, _ in list_models()) or "none are shipped"
    if "/" in name:
        return LeadlineError(
            f"no file {name!r}, and networks of transformers are loaded by the command line or by leadline.models.hf: "
            "pip install 'leadline[train]', or give an .onnx file"
        )
    return LeadlineError(f"no network {name!r}: expected one of those shipped ({shipped}) or an .onnx file")


def _card(path: Path, kind: Kind | None) -> ModelCard:
    metadata = read_metadata(path)
    beside = path.with_suffix(".json")
    text = beside.read_text("utf-8") if beside.is_file() else metadata.get(CARD_KEY)
    if text is not None:
        if is_segmenter_card(text):
            raise LeadlineError(
                f"{path.name} says what is glass, mirror and sky, not how far it is: use it as --tom {path.stem}"
            )
        try:
            card = ModelCard.from_json(text)
        except LeadlineError as error:
            raise LeadlineError(f"the card of {path.name}: {error}") from None
        if card.sha256 and _sha256(path, path.stat().st_mtime_ns) != card.sha256:
            raise LeadlineError(f"{str(path)!r} is not the file of its card (another sha256): install or download it again")
        return card if kind is None else replace(card, kind=kind)
    if kind is None:
        raise LeadlineError(
            f"{path.name} does not say what its numbers mean: give --kind, for instance disparity/affine_invariant, "
            f"or put a card beside it ({beside.name})"
        )
    return ModelCard(path.stem, kind, mean=IMAGENET_MEAN, std=IMAGENET_STD)


@lru_cache(maxsize=32)
def _sha256(path: Path, changed_ns: int) -> str:
    """Return the checksum of a file, computed once for each state of it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
