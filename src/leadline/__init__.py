"""Depth from photos, video and stereo rigs that says what its numbers mean.

``import leadline`` is light: the names below load their modules when first used, and none of them imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from leadline.camera import Camera
    from leadline.depth_map import Ambiguity, DepthMap, Kind, Quantity
    from leadline.errors import LeadlineError
    from leadline.io.depth import read_depth, write_depth
    from leadline.io.image import read_image
    from leadline.predictor import ModelCard, Prediction, Predictor
    from leadline.runtime.predictor import load_predictor
    from leadline.sample import Sample

_HOME = {
    "Ambiguity": "depth_map",
    "Camera": "camera",
    "DepthMap": "depth_map",
    "Kind": "depth_map",
    "LeadlineError": "errors",
    "ModelCard": "predictor",
    "Prediction": "predictor",
    "Predictor": "predictor",
    "Quantity": "depth_map",
    "Sample": "sample",
    "load_predictor": "runtime.predictor",
    "read_depth": "io.depth",
    "read_image": "io.image",
    "write_depth": "io.depth",
}

__all__ = [
    "Ambiguity",
    "Camera",
    "DepthMap",
    "Kind",
    "LeadlineError",
    "ModelCard",
    "Prediction",
    "Predictor",
    "Quantity",
    "Sample",
    "__version__",
    "load_predictor",
    "read_depth",
    "read_image",
    "write_depth",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'leadline' has no attribute {name!r}")
    return getattr(import_module(f"leadline.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
