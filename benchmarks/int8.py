"""Would an 8-bit network be as good, and faster? Accuracy on the real samples, and time by turns; medians over the rounds.

    python -m benchmarks.int8 --data ../shared/data --photos ../shared/data/unlabelled/imagenet_sample [--rounds 15]

Convolutions in 8 bits (ONNX Runtime's static quantisation: symmetric weights for each channel, activations from 50 photos),
everything else as it is, run by the same engine as the others. A network that ships loses at most GATE of mean delta1.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.harness import interleaved, summary
from leadline.evaluation.default_model import mean_over_sets
from leadline.evaluation.real_sets import REAL_SETS
from leadline.evaluation.runner import evaluate
from leadline.io.image import read_image
from leadline.predictor import ModelCard, Predictor
from leadline.runtime.engine import EngineOptions
from leadline.runtime.onnx_predictor import OnnxPredictor
from leadline.runtime.predictor import find_shipped, load_card
from leadline.runtime.sizing import network_input

MODEL = "leadline-s"
PHOTOS = 50
CALIBRATED_HW = (256, 256)
GATE = 0.002
FP32 = "fp32"


class _Photos(CalibrationDataReader):
    def __init__(self, paths: Sequence[Path], card: ModelCard) -> None:
        self.inputs: Iterator[NDArray[np.float32]] = (
            network_input(read_image(path).pixels, CALIBRATED_HW, card)[None] for path in paths
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        pixels = next(self.inputs, None)
        return None if pixels is None else {"image": pixels}


def quantised(photos: Sequence[Path], card: ModelCard, folder: Path) -> dict[str, Path]:
    """Return the files of four 8-bit networks, by how they were made."""
    whole = folder / "whole.onnx"
    quant_pre_process(str(find_shipped(MODEL)), str(whole), skip_symbolic_shape=True)
    convolutions = [node.name for node in onnx.load(str(whole)).graph.node if node.op_type == "Conv"]
    files = {}
    for method in (CalibrationMethod.MinMax, CalibrationMethod.Percentile):
        for kept, text in (((), ""), ([convolutions[0], *convolutions[-4:]], ", first and last four not")):
            file = folder / f"{len(files)}.onnx"
            quantize_static(
                str(whole), str(file), _Photos(photos, card), quant_format=QuantFormat.QDQ, per_channel=True,
                op_types_to_quantize=["Conv"], nodes_to_exclude=list(kept), activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8, calibrate_method=method,
            )  # fmt: skip
            files[f"int8, {method.name.lower()}{text}"] = file
    return files


def delta1(predictor: Predictor, data: Path) -> float:
    """Return the mean over the real sets, as docs/results/default-model.md has it."""
    sets = [real for real in REAL_SETS if real.in_mean]
    return mean_over_sets([evaluate(predictor, real.iter_samples(data), real.protocol, real.title) for real in sets], "delta1")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    every = sorted(asked.photos.iterdir())
    photos = every[:: -(-len(every) // PHOTOS)]
    shipped, card = find_shipped(MODEL), replace(load_card(MODEL), sha256="")
    assert shipped is not None
    picture = read_image(photos[0]).pixels
    with tempfile.TemporaryDirectory() as folder:
        ways = {precision: OnnxPredictor(shipped, card, EngineOptions(precision=precision)) for precision in (FP32, "bf16")}
        files = quantised(photos, card, Path(folder))
        ways |= {name: OnnxPredictor(file, card) for name, file in files.items()}
        sizes = {name: file.stat().st_size for name, file in files.items()}
        seconds = interleaved({name: lambda way=way: way(picture) for name, way in ways.items()}, asked.rounds)
        rows = summary(seconds, FP32, 1)
        exact = delta1(ways[FP32], asked.data)
        for name, way in ways.items():
            found = exact if name == FP32 else delta1(way, asked.data)
            speed = rows[name][f"speedup_over_{FP32}"]
            verdict = "passes" if found >= exact - GATE else "fails"
            size = sizes.get(name, shipped.stat().st_size) / 1e6
            print(f"{name:42} delta1 {found:.4f} ({verdict})  {speed:5.2f} times as fast  {size:5.1f} MB")


if __name__ == "__main__":
    main()
