"""Stereo networks as ONNX files with free height and width, verified before they are kept."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leadline.errors import LeadlineError
from leadline.export.onnx import OPSET, write_checked
from leadline.models.registry import checkpoint_folder
from leadline.models.stereo.registry import load_trained_stereo
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.predictor import ModelCard

# (height, width): the first is traced, the others are other ratios. None is square, and the last is the smallest.
SHAPES = ((128, 192), (192, 128), (96, 224))
# Largest difference to torch, as a share of the map's spread. Estimates that feed themselves back multiply rounding.
TOLERANCE = 1e-2
_RANKS = {"left": 4, "right": 4, "pixel_disparity": 3}


def export_stereo_onnx(network: StereoNetwork, card: ModelCard, path: Path | str, iterations: int | None = None) -> Path:
    """Write `network` as ONNX with its card inside and beside it, after checking it against torch at several sizes.

    The file has the inputs ``left`` and ``right``, (1, 3, h, w) float32 normalised as the card says, and one output
    ``pixel_disparity``, (1, h, w) float32; h and w are free multiples of the card's size multiple.

    Args:
        network: in any mode; it is not changed.
        card: goes into the file's metadata, and with the file's sha256 into PATH with suffix .json.
        path: ending in .onnx; appears, with its card, only after the check.
        iterations: refinement steps, which are written out one after the other; by default the network's.

    Raises:
        LeadlineError: the file does not reproduce the network.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise LeadlineError(f"{path}: expected a name that ends in .onnx")
    network = copy.deepcopy(network).cpu().float().eval().requires_grad_(False)
    network.iterations = iterations or network.iterations
    model = _trace(network)
    return write_checked(model, card, path, lambda file: verify_stereo_onnx(file, network))


def export_stereo(
    checkpoint: Path | str, out: Path | str | None = None, *, name: str | None = None, card: ModelCard | None = None
) -> Path:
    """Export the averaged weights of a stereo network's checkpoint; return the file.

    Args:
        checkpoint: folder that training wrote, or the run's folder (its best checkpoint is taken, or its last one).
        out: file to write, by default NAME.onnx in the checkpoint's folder.
        name: of the network; by default the run's.
        card: licence, training data and notes; by default the network's own card.

    Raises:
        LeadlineError: not a checkpoint of a stereo network, or the export does not reproduce the network.
    """
    folder = checkpoint_folder(checkpoint)
    network, run_name = load_trained_stereo(folder)
    card = card or network.card(run_name)
    card = replace(card, name=name or card.name)
    return export_stereo_onnx(network, card, out or folder / f"{card.name}.onnx")


def verify_stereo_onnx(path: Path | str, network: StereoNetwork, shapes: Sequence[tuple[int, int]] = SHAPES) -> float:
    """Compare a file with its network; return the largest difference relative to the map's spread.

    Raises:
        LeadlineError: it differs by more than `TOLERANCE`, refuses a size, or answers with another one.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for hw in shapes:
        left, right = _pair(hw)
        with torch.no_grad():
            expected = network(left, right).numpy()
        got = session.run(None, {"left": left.numpy(), "right": right.numpy()})[0]
        if got.shape != expected.shape:
            raise LeadlineError(f"ONNX Runtime answers {got.shape} for pictures of {hw}: expected {expected.shape}")
        spread = float(expected.std()) + 1e-3 * float(np.abs(expected).max()) + 1e-6
        worst = max(worst, float(np.abs(got - expected).max()) / spread)
        if not worst <= TOLERANCE:
            raise LeadlineError(
                f"ONNX Runtime differs from torch by {worst:.2g} of the map's spread at {hw}: expected {TOLERANCE}"
            )
    return worst


def _pair(hw: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two views of random blocks in -1..1, the right one shifted."""
    rng = np.random.default_rng(hw[0] * hw[1])
    coarse = rng.uniform(-1, 1, (1, 3, hw[0] // 4, hw[1] // 4 + 2)).astype(np.float32)
    wide = torch.from_numpy(coarse.repeat(4, axis=2).repeat(4, axis=3))
    return wide[..., : hw[1]].contiguous(), wide[..., 8 : 8 + hw[1]].contiguous()


def _trace(network: StereoNetwork) -> Any:
    """Return the ONNX model; torch's older exporter, since the newer one takes minutes over a network's sizes as symbols."""
    import onnx

    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            _pair(SHAPES[0]),
            file,  # type: ignore[arg-type]
            input_names=["left", "right"],
            output_names=["pixel_disparity"],
            opset_version=OPSET,
            dynamo=False,
            dynamic_axes={name: {n - 2: "height", n - 1: "width"} for name, n in _RANKS.items()},
        )
    return onnx.load_from_string(file.getvalue())
