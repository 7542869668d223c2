"""Networks as ONNX files with free batch, height and width."""

from __future__ import annotations

import copy
import hashlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.models.efficientnet_lite import ConvNorm
from leadline.models.hf_trainable import HfDepthNetwork
from leadline.models.resnet import ResNet
from leadline.predictor import ModelCard
from leadline.runtime.segmenter_card import SegmenterCard

CARD_KEY = "leadline_card"
OPSET = 18
# (batch, height, width): the first is traced, the others are other ratios, another batch, portrait and landscape. None is
# square: a square example may bake "height equals width" in.
SHAPES = ((1, 192, 256), (2, 256, 160), (1, 384, 288), (3, 64, 320))
# Largest difference to torch, relative to the spread of the map.
TOLERANCE = 1e-3
SMALLEST_SPREAD = 1e-3  # of a map, relative to its largest number
# Tensors with fewer numbers stay in single precision: they are biases, and they weigh nothing.
SMALLEST_HALVED = 1024


def export_onnx(network: nn.Module, card: ModelCard, path: Path | str, half: bool = False) -> Path:
    """Write `network` as ONNX with its card inside and beside it, after checking it against torch at several shapes.

    The file has one input ``image``, (N, 3, h, w) float32 normalised as the card says, and one output ``disparity`` or
    ``depth``, by the card's kind, (N, h, w) float32; N is free, h and w are free multiples of the card's size multiple. Batch
    normalisations are folded into their kernels.

    Args:
        network: in any mode; it is not changed.
        card: goes into the file's metadata under "leadline_card", and with the file's sha256 into PATH with suffix .json.
        path: ending in .onnx; appears, with its card, only after the check.
        half: store kernels and matrices in half precision. They are cast when the file is loaded: computing stays in single
            precision.

    Raises:
        LeadlineError: the file does not reproduce the network.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise LeadlineError(f"{path}: expected a name that ends in .onnx")
    network = folded(network)
    if half:
        round_to_half(network)
    model = traced(network, card.size_multiple, "disparity" if "disparity" in card.kind.quantity else "depth")
    if half:
        store_half(model)
    return write_checked(model, card, path, lambda file: verify_onnx(file, network, card.size_multiple))


def write_checked(model: Any, card: ModelCard | SegmenterCard, path: Path, check: Callable[[Path], object]) -> Path:
    """Write an ONNX model with its card inside and beside it; both appear only after `check` has raised nothing."""
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, replace(card, sha256="").to_json()
    model.doc_string = f"{card.name}: {card.kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.onnx")
    try:
        temporary.write_bytes(model.SerializeToString())
        check(temporary)
        checksum = hashlib.sha256(temporary.read_bytes()).hexdigest()
        card_file = temporary.with_suffix(".json")
        card_file.write_text(replace(card, sha256=checksum).to_json() + "\n", encoding="utf-8")
        card_file.replace(path.with_suffix(".json"))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        temporary.with_suffix(".json").unlink(missing_ok=True)
    return path


def verify_onnx(
    path: Path | str,
    network: nn.Module,
    multiple: int = 32,
    shapes: Sequence[tuple[int, int, int]] = SHAPES,
    engines: Sequence[str] = ("onnxruntime", "openvino"),
) -> dict[str, float]:
    """Compare a file with the network it came from; return the largest difference of each engine, relative to the map's spread.

    Raises:
        LeadlineError: an engine differs by more than `TOLERANCE`, refuses a shape, or answers with another one.
    """
    network = copy.deepcopy(network).eval().float()
    worst = dict.fromkeys(engines, 0.0)
    run = {name: _ENGINES[name](Path(path)) for name in engines}
    for n, h, w in shapes:
        hw = [max(multiple, side // multiple * multiple) for side in (h, w)]
        image = np.random.default_rng(n * h * w).uniform(-1, 1, (n, 3, *hw)).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(image)).numpy()
        # A nearly flat map, as an untrained metric head gives, has no spread to speak of, but numbers that round.
        spread = float(expected.std()) + SMALLEST_SPREAD * float(np.abs(expected).max()) + 1e-6
        for name in engines:
            got = run[name](image)
            if got.shape != expected.shape:
                raise LeadlineError(f"{name} answers {got.shape} for a picture of {image.shape}: expected {expected.shape}")
            worst[name] = max(worst[name], float(np.abs(got - expected).max()) / spread)
            if not worst[name] <= TOLERANCE:
                raise LeadlineError(
                    f"{name} differs from torch by {worst[name]:.2g} of the map's spread at {image.shape}: expected {TOLERANCE}"
                )
    return worst


def folded(network: nn.Module) -> nn.Module:
    """Return a float32 copy in evaluation mode whose batch normalisations are part of their convolutions."""
    network = copy.deepcopy(network).cpu().float().eval()
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in list(network.modules()):
        if isinstance(module, ResNet) or (isinstance(module, ConvNorm) and module.norm is not None):
            module.fold()
    if isinstance(network, HfDepthNetwork):
        network.spell_out_attention()
    return network.requires_grad_(False)


def store_half(model: Any) -> None:
    """Store the large float32 initialisers of an ONNX model as float16 with a cast behind each."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for initialiser in graph.initializer:
        if initialiser.data_type != TensorProto.FLOAT or np.prod(initialiser.dims) < SMALLEST_HALVED:
            continue
        name = initialiser.name
        values = numpy_helper.to_array(initialiser).astype(np.float16)
        initialiser.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])


def round_to_half(network: nn.Module) -> None:
    """Round the parameters that `store_half` will store."""
    for parameter in network.parameters():
        if parameter.numel() >= SMALLEST_HALVED:
            parameter.data = parameter.data.half().float()


def traced(network: nn.Module, multiple: int, output: str) -> Any:
    """Return the ONNX model of a network from one ``image`` to one output, with free batch, height and width."""
    n, *sides = SHAPES[0]
    h, w = (max(multiple, side // multiple * multiple) for side in sides)
    image = torch.zeros(n + 1, 3, h, w)  # a batch of one would be taken as fixed
    free: dict[int, Any] = {
        0: torch.export.Dim("batch"),
        2: multiple * torch.export.Dim("height_cells", min=1, max=4096),
        3: multiple * torch.export.Dim("width_cells", min=1, max=4096),
    }
    with _quiet():
        program = torch.onnx.export(
            network,
            (image,),
            input_names=["image"],
            output_names=[output],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=(free,),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    # The exporter notes for every node which lines of which files it came from.
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes to its own developers from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _onnxruntime(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {"image": image})[0]


def _openvino(path: Path) -> Any:
    import openvino

    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda image: model({"image": image})[0]


_ENGINES = {"onnxruntime": _onnxruntime, "openvino": _openvino}
