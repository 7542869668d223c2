"""An ONNX file as a Predictor."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

from leadline.predictor import ModelCard
from leadline.runtime.engine import EngineOptions, make_engine
from leadline.runtime.engine_predictor import EnginePredictor


class OnnxPredictor(EnginePredictor):
    """A network in an ONNX file that takes one picture (n, 3, h, w) and gives one map (n, h', w') or (n, 1, h', w').

    Args:
        path: the file.
        card: what the network wants and what its map means.
        options: which engine, precision and device.

    Raises:
        LeadlineError: see `leadline.runtime.engine.make_engine`.
    """

    def __init__(self, path: str | PathLike[str], card: ModelCard, options: EngineOptions | None = None) -> None:
        self.path = Path(path)
        chosen = options or EngineOptions()
        exact = replace(chosen, precision="fp32")
        super().__init__(make_engine(self.path, chosen), card, lambda: make_engine(self.path, exact))
